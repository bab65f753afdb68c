package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// mounted is a volume that the kernel reads.
type mounted struct {
	root    *os.Root
	left    time.Duration
	timeout time.Duration
	ended   error
}

// mountVolume mounts the volume on a directory of its own, takes hold of the
// root and at once detaches the mount from the directory again: it lives as
// long as the root is open, nobody else can enter it, and whatever kills this
// process also unmounts it.
func mountVolume(ctx context.Context, f *os.File, device string, kind Filesystem, o OpenOptions) (*mounted, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Mode().IsRegular() {
		loop, err := attachLoop(f)
		if err != nil {
			return nil, fmt.Errorf("cannot attach a loop device: %w", err)
		}
		defer loop.Close() // the mount holds it; after that it frees itself
		device = loop.Name()
	}
	m := &mounted{left: o.Timeout, timeout: o.Timeout}
	err = m.await(ctx, func() error {
		root, err := detachedMount(device, kind, o.MountDir)
		m.root = root
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// detachedMount returns the root of a mount that is in no directory.
func detachedMount(device string, kind Filesystem, dir string) (root *os.Root, err error) {
	point, err := os.MkdirTemp(dir, "cloudseed-mount-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(point)) }()
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount(device, point, string(kind), flags, ""); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("the kernel knows no %s", kind)
		}
		return nil, err
	}
	root, err = os.OpenRoot(point)
	return root, errors.Join(err, unix.Unmount(point, unix.MNT_DETACH))
}

// attachLoop makes the file f a read-only loop device, which frees itself when
// it is used no more.
func attachLoop(f *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	const attempts = 8 // another process may take the free one first
	for range attempts {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		loop, err := os.Open(fmt.Sprintf("/dev/loop%d", n))
		if err != nil {
			return nil, err
		}
		err = unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_SET_FD, int(f.Fd()))
		if errors.Is(err, unix.EBUSY) {
			loop.Close()
			continue
		}
		if err == nil {
			// Read-only it is by f, which is open for reading only.
			err = unix.IoctlLoopSetStatus64(int(loop.Fd()), &unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR})
			if err != nil {
				err = errors.Join(err, unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_CLR_FD, 0))
			}
		}
		if err != nil {
			return nil, errors.Join(err, loop.Close())
		}
		return loop, nil
	}
	return nil, unix.EBUSY
}

// await runs one operation within the volume's time. The kernel's filesystems
// cannot be interrupted: an operation that is late is left to itself, it ends
// with this process at the latest, and the volume is not used again.
func (m *mounted) await(ctx context.Context, operation func() error) error {
	if m.ended != nil {
		return m.ended
	}
	begin := time.Now()
	timer := time.NewTimer(m.left)
	defer timer.Stop()
	result := make(chan error, 1)
	go func() { result <- operation() }()
	select {
	case err := <-result:
		m.left -= time.Since(begin)
		return err
	case <-ctx.Done():
		m.ended = context.Cause(ctx)
	case <-timer.C:
		m.ended = fmt.Errorf("the kernel took longer than %v", m.timeout)
	}
	return m.ended
}

func (m *mounted) list(ctx context.Context, dir string) ([]entry, error) {
	var entries []entry
	err := m.await(ctx, func() error {
		d, err := m.root.Open(dir)
		if err != nil {
			return err
		}
		defer d.Close()
		found, err := d.ReadDir(MaxDirectoryEntries + 1)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(found) > MaxDirectoryEntries {
			return errTooManyEntries
		}
		for _, f := range found {
			if !validName(f.Name()) {
				continue
			}
			e, err := m.entry(path.Join(dir, f.Name()))
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func (m *mounted) entry(name string) (entry, error) {
	info, err := m.root.Lstat(name)
	if err != nil {
		return entry{}, err
	}
	e := entry{name: info.Name()}
	switch mode := info.Mode(); {
	case mode.IsDir():
		e.kind = fs.ModeDir
	case mode.IsRegular():
		e.size = info.Size()
	case mode&fs.ModeSymlink != 0:
		e.kind = fs.ModeSymlink
		e.target, err = m.root.Readlink(name)
	default:
		e.kind = fs.ModeIrregular
	}
	return e, err
}

func (m *mounted) read(ctx context.Context, name string, size int64) ([]byte, error) {
	content := make([]byte, size)
	err := m.await(ctx, func() error {
		f, err := m.root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.ReadFull(f, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	return content, nil
}

func (m *mounted) close() error {
	m.ended = errors.New("the volume is closed")
	return m.root.Close()
}
