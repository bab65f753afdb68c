package host

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// MaxRead is the size in bytes of the largest file that is read into memory. It is above
// all that a seed can bring, and far below what a sparse file can pretend to be.
const MaxRead = 256 << 20

// TooLargeError says that a file has more than may be read of it.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("it has more than %d bytes", e.Limit) }

// ReadFile returns a regular file's content, of at most 256 MiB. It does not wait for a
// pipe's writer.
func (h *Host) ReadFile(path string) ([]byte, error) { return readPath(h.root.resolve(path), MaxRead) }

// ReadAtMost is ReadFile with a limit in bytes: for files that another user owns or another
// program writes. The error of a longer one is a *TooLargeError.
func (h *Host) ReadAtMost(path string, limit int64) ([]byte, error) {
	return readPath(h.root.resolve(path), limit)
}

// ReadOwned returns the content of a file of the user uid, in directories that may be the
// user's too. The error is a *RefusedError where it may be a file that the user could not
// read: see WriteFile.
func (h *Host) ReadOwned(path string, uid int, limit int64) ([]byte, error) {
	p, err := h.files.walk(path, walk{follow: true})
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	defer p.close()
	f, err := p.open(unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil {
		if err = h.files.owners.checkPlain(p, st, uid); err == nil {
			var data []byte
			if data, err = readAll(f, limit); err == nil {
				return data, nil
			}
		}
	}
	return nil, fmt.Errorf("cannot read %s: %w", path, err)
}

// errNotRegular says that a path leads to a pipe, a device or a socket.
var errNotRegular = errors.New("it is not a regular file")

// readPath reads a file by this process's path.
func readPath(at string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(at, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: at, Err: errNotRegular}
	}
	data, err := readAll(f, limit)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: at, Err: err}
	}
	return data, nil
}

// readAll reads an open file from its begin.
func readAll(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &TooLargeError{limit}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	// Files of the kernel say that they have no bytes.
	data := make([]byte, 0, max(info.Size()+1, 512))
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if int64(len(data)) > limit {
			return nil, &TooLargeError{limit}
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}
