package sandbox

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// comparedXattrs are the extended attributes that decide what a file lets whom do.
var comparedXattrs = []string{"security.capability", "system.posix_acl_access", "system.posix_acl_default"}

// same tells whether an entry that was copied up is still what it was.
func (c *comparison) same(rel string, lower, upper fs.FileInfo) (bool, error) {
	l, u := stat(lower), stat(upper)
	if lower.Mode() != upper.Mode() || l.Uid != u.Uid || l.Gid != u.Gid || l.Rdev != u.Rdev {
		return false, nil
	}
	switch {
	case upper.Mode()&fs.ModeSymlink != 0:
		return c.sameLink(rel)
	case upper.IsDir():
		return c.sameOpened(rel, sameXattrs)
	case upper.Mode().IsRegular():
		if lower.Size() != upper.Size() {
			return false, nil
		}
		return c.sameOpened(rel, func(a, b *os.File) (bool, error) {
			same, err := sameXattrs(a, b)
			if err != nil || !same {
				return same, err
			}
			return sameContent(a, b)
		})
	}
	return true, nil
}

func (c *comparison) sameLink(rel string) (bool, error) {
	a, err := c.lower.Readlink(rel)
	if err != nil {
		return false, err
	}
	b, err := c.upper.Readlink(rel)
	return a == b, err
}

func (c *comparison) sameOpened(rel string, same func(a, b *os.File) (bool, error)) (bool, error) {
	a, err := openQuietly(c.lower, rel)
	if err != nil {
		return false, err
	}
	defer func() { _ = a.Close() }()
	b, err := openQuietly(c.upper, rel)
	if err != nil {
		return false, err
	}
	defer func() { _ = b.Close() }()
	return same(a, b)
}

func sameContent(a, b *os.File) (bool, error) {
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := readFull(a, bufA)
		if err != nil {
			return false, err
		}
		m, err := readFull(b, bufB)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		if n < len(bufA) {
			return true, nil
		}
	}
}

// readFull reads until the buffer is full or the file ends, which is no error.
func readFull(r io.Reader, buf []byte) (int, error) {
	n, err := io.ReadFull(r, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

func sameXattrs(a, b *os.File) (bool, error) {
	for _, name := range comparedXattrs {
		x, err := getxattr(a, name)
		if err != nil {
			return false, err
		}
		y, err := getxattr(b, name)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(x, y) {
			return false, nil
		}
	}
	return true, nil
}

// getxattr returns nil when the file has no such attribute, or its file system
// none at all.
func getxattr(f *os.File, name string) ([]byte, error) {
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Fgetxattr(int(f.Fd()), name, value)
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return nil, nil
	case err != nil:
		return nil, &os.PathError{Op: "getxattr " + name, Path: f.Name(), Err: err}
	}
	return slices.Clone(value[:n]), nil
}

// hasOverlayMark tells whether overlayfs has marked an entry of an upper layer.
func hasOverlayMark(root *os.Root, rel, mark string) (bool, error) {
	f, err := openQuietly(root, rel)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	value, err := getxattr(f, "trusted.overlay."+mark)
	return value != nil && string(value) != "x", err // "x": only holds marked entries
}

// openQuietly opens a file or directory without changing its access time, which
// is the host's.
func openQuietly(root *os.Root, rel string) (*os.File, error) {
	return root.OpenFile(rel, os.O_RDONLY|unix.O_NOATIME|unix.O_NONBLOCK, 0)
}

func readDir(root *os.Root, rel string) ([]fs.DirEntry, error) {
	d, err := openQuietly(root, rel)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	return d.ReadDir(-1)
}
