package host

import (
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// FS is a directory of the machine, for what reads through fs.FS. Symbolic links are
// followed as the machine would: in an image's root they never lead out of it.
func (h *Host) FS(dir string) fs.FS { return hostFS{h.root, dir} }

type hostFS struct {
	root root
	dir  string
}

func (f hostFS) at(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return f.root.resolve(path.Join(f.dir, name)), nil
}

func (f hostFS) Open(name string) (fs.File, error) {
	at, err := f.at("open", name)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(at, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err // not file: a nil *os.File is no nil fs.File
	}
	return file, nil
}

func (f hostFS) Stat(name string) (fs.FileInfo, error) {
	at, err := f.at("stat", name)
	if err != nil {
		return nil, err
	}
	return os.Stat(at)
}

func (f hostFS) ReadFile(name string) ([]byte, error) {
	at, err := f.at("read", name)
	if err != nil {
		return nil, err
	}
	return readPath(at, MaxRead)
}

func (f hostFS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := f.at("readdir", name)
	if err != nil {
		return nil, err
	}
	return os.ReadDir(at)
}
