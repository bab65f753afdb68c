package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of one volume. A seed is a few files of a few kilobytes; the largest
// seen in the wild are agents of 100 MB beside it, which nobody reads.
const (
	// MaxFileSize is the largest file that is read.
	MaxFileSize = 64 << 20
	// MaxVolumeBytes is how much of a volume's files is read in all.
	MaxVolumeBytes = 256 << 20
	// MaxDirectoryEntries is the largest directory that is listed.
	MaxDirectoryEntries = 8192
	// MaxVolumeEntries bounds all the directories of a volume that are listed.
	MaxVolumeEntries = 65536
	// MaxDepth is how many elements a path may have.
	MaxDepth = 16
	// DefaultTimeout is OpenOptions.Timeout's default.
	DefaultTimeout = 30 * time.Second

	maxNameBytes    = 4096
	maxSymlinks     = 8
	maxErrorBytes   = 512
	childGrace      = time.Second
	maxChildStderr  = 4096
	defaultMountDir = "/run"
)

// OpenOptions says how a volume is read. The zero value is the usual way.
type OpenOptions struct {
	// NoMount: do not mount what cannot be read in user space; fail instead.
	NoMount bool
	// Confined: do not read the volume where this machine cannot confine the reader wholly:
	// without seccomp, or without a filter for the architecture.
	Confined bool
	// Timeout bounds the time spent waiting for the volume, over all its
	// operations; 0 is DefaultTimeout.
	Timeout time.Duration
	// MountDir is where the temporary mount point is made; "" is /run.
	MountDir string
}

// Volume is an open volume. It may be used by one goroutine at a time.
type Volume struct {
	fs    *tree
	close func() error
}

// FS returns the volume's files, until Close. It implements fs.ReadDirFS,
// fs.ReadFileFS and fs.StatFS; a name that is not there is fs.ErrNotExist.
func (v *Volume) FS() fs.FS { return v.fs }

// Mounted tells whether the kernel reads the volume, not the confined child.
func (v *Volume) Mounted() bool {
	_, mounted := v.fs.source.(*mounted)
	return mounted
}

// Missing names what this machine lacks to confine the reader of the volume.
func (v *Volume) Missing() []string {
	if r, ok := v.fs.source.(*reader); ok {
		return r.greeting.missing
	}
	return nil
}

// Notes says what is odd about the volume, which is read all the same: what it says twice,
// and not the same.
func (v *Volume) Notes() []string {
	if r, ok := v.fs.source.(*reader); ok {
		return r.greeting.notes
	}
	return nil
}

// Close ends the child, or unmounts.
func (v *Volume) Close() error { return v.close() }

// Open opens the volume on path, a block device or an image file, of which
// Probe said sb. The volume is read by a confined child process; one of a kind
// that cannot be read there is mounted read-only, unless o forbids it (as it
// should for a volume without a seed's label). A volume on which the child
// crashed, hung or grew is never mounted.
//
// The end of ctx is the end of the volume.
func Open(ctx context.Context, path string, sb Superblock, o OpenOptions) (*Volume, error) {
	if sb.Filesystem == Unknown {
		return nil, fmt.Errorf("cannot read %s: no known filesystem", path)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MountDir == "" {
		o.MountDir = defaultMountDir
	}
	f, err := openDevice(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	defer f.Close() // the child or the mount has its own
	var unsupported unsupportedError
	r, err := openReader(ctx, path, f, sb.Filesystem, o.Timeout)
	switch {
	case err == nil && o.Confined && len(r.greeting.missing) > 0:
		return nil, errors.Join(fmt.Errorf("cannot read %s: its reader cannot be confined, this machine lacks %s",
			path, strings.Join(r.greeting.missing, " and ")), r.close())
	case err == nil:
		return &Volume{fs: newTree(ctx, path, r, r.greeting.folds), close: r.close}, nil
	case !errors.As(err, &unsupported):
		return nil, err
	case o.NoMount:
		return nil, fmt.Errorf("cannot read %s: %w, and mounting is turned off", path, unsupported)
	}
	m, err := mountVolume(ctx, f, path, sb.Filesystem, o)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w, and mounting it failed: %w", path, unsupported, err)
	}
	return &Volume{fs: newTree(ctx, path, m, false), close: m.close}, nil
}

// openDevice opens a device or an image file for reading. O_NONBLOCK keeps the
// kernel from closing a CD drive's tray and waiting for a medium; the floppy
// driver fails every read after such an open, so that one waits (as libblkid
// does).
func openDevice(path string) (*os.File, error) {
	flags := unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, err
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFBLK && unix.Major(st.Rdev) == floppyMajor:
		flags &^= unix.O_NONBLOCK
	case kind != unix.S_IFBLK && kind != unix.S_IFREG:
		return nil, errors.New("neither a block device nor a file")
	}
	n, err := unix.Open(path, flags, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), path), nil
}

const floppyMajor = 2 // Documentation/admin-guide/devices.txt
