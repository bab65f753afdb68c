package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Confined is a directory that belongs to someone else, who may rename and link
// things in it at any moment: a user's home. What is done through it never leaves
// it, whatever links are put in the way, and it is safe to do as root.
type Confined struct {
	h    *Host
	dir  string
	root *os.Root
}

// Confine opens a directory. Its own path is trusted: only root may change that.
func (h *Host) Confine(dir string) (*Confined, error) {
	root, err := os.OpenRoot(h.resolve(dir))
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", dir, err)
	}
	return &Confined{h: h, dir: filepath.Clean("/" + dir), root: root}, nil
}

// Close gives the directory back.
func (c *Confined) Close() error { return c.root.Close() }

// Path is the machine's path of a name in the directory.
func (c *Confined) Path(name string) string { return path.Join(c.dir, name) }

// Lstat describes a name in the directory, not following it if it is a link.
func (c *Confined) Lstat(name string) (fs.FileInfo, error) { return c.root.Lstat(name) }

// ReadFile returns a regular file's content. A link is refused, and so is a file that
// has other names: it may be one that the directory's owner could not read.
func (c *Confined) ReadFile(name string) ([]byte, error) {
	data, _, err := c.read(name)
	return data, err
}

func (c *Confined) read(name string) (data []byte, info fs.FileInfo, err error) {
	// Not blocking: it may have become a pipe since anybody looked.
	f, err := c.root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Sys().(*syscall.Stat_t).Nlink != 1 {
		return nil, nil, fmt.Errorf("%s is no plain file", c.Path(name))
	}
	data, err = io.ReadAll(f)
	return data, info, err
}

// Mkdir makes one directory; one that exists is left as it is.
func (c *Confined) Mkdir(name string, mode fs.FileMode, owner, group string) error {
	uid, gid, err := c.h.ids(owner, group)
	if err != nil {
		return fmt.Errorf("cannot make directory %s: %w", c.Path(name), err)
	}
	err = c.root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = c.own(name, mode, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("cannot make directory %s: %w", c.Path(name), err)
	}
	c.h.forRelabel(c.Path(name))
	c.h.note(Effect{Kind: KindDir, Path: c.Path(name), Change: Added, Mode: Octal(mode)})
	return nil
}

// own gives a new directory its owner and mode by its descriptor: by its name, it
// may be another by now.
func (c *Confined) own(name string, mode fs.FileMode, uid, gid int) (err error) {
	d, err := c.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return errors.Join(c.h.fchown(d, c.Path(name), uid, gid), d.Chmod(mode), c.sync(path.Dir(name)))
}

// WriteFile is Host.WriteFile in this directory: atomic, durable, nothing done when
// nothing changes. The parent must exist. It refuses what ReadFile does.
func (c *Confined) WriteFile(name string, data []byte, f File) (changed bool, err error) {
	before, old, err := c.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", c.Path(name), err)
	}
	want, err := c.h.wanted(f, old)
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", c.Path(name), err)
	}
	if old != nil && bytes.Equal(before, data) && c.h.matches(old, want) {
		return false, nil
	}
	if err := c.replace(name, data, want); err != nil {
		return false, fmt.Errorf("cannot write %s: %w", c.Path(name), err)
	}
	c.h.forRelabel(c.Path(name))
	e := Effect{Kind: KindFile, Path: c.Path(name), Change: Added, Mode: Octal(want.mode), After: digest(data)}
	if old != nil {
		e.Change, e.Before = Modified, digest(before)
	}
	if f.Secret {
		e.Before, e.After = "", ""
	} else {
		e.Diff = Unified(e.Path, before, data)
	}
	c.h.note(e)
	return true, nil
}

func (c *Confined) replace(name string, data []byte, want ownership) (err error) {
	temporary := path.Join(path.Dir(name), "."+path.Base(name)+temporarySuffix)
	if err := c.root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := c.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), c.root.Remove(temporary))
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = c.h.fchown(f, c.Path(name), want.uid, want.gid); err != nil {
		return err
	}
	if err = f.Chmod(want.mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = c.root.Rename(temporary, name); err != nil {
		return err
	}
	return errors.Join(f.Close(), c.sync(path.Dir(name)))
}

func (c *Confined) sync(dir string) error {
	d, err := c.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// fchown sets the owner of an open file that has this path. Tests, which replace
// Chown, are told its path.
func (h *Host) fchown(f *os.File, path string, uid, gid int) error {
	if h.owners {
		return f.Chown(uid, gid)
	}
	return h.chown(filepath.Join(h.root, path), uid, gid)
}
