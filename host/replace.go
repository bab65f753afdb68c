package host

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// temporarySuffix ends the names of files being written. sudo, systemd, run-parts and
// *.conf readers all pass over names that start with a dot or end in a tilde.
const temporarySuffix = ".cloudseed~"

// IsTemporary reports whether a file of that name was left by a power cut while
// another was being written. It is not to be read or run.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, temporarySuffix)
}

// temporaryName is random, so that nobody can have taken it, and short, so that it fits
// wherever the name of the file itself does.
func temporaryName() string { return "." + rand.Text() + temporarySuffix }

// files writes what is at places of a machine.
type files struct {
	root   root
	owners owners
	disk   *disk

	unsynced bool // no Sync waits for what is written
}

// changed notes for Sync that something has changed at a place.
func (f files) changed(p place) error {
	if f.unsynced {
		return nil
	}
	return f.disk.changed(p)
}

// write replaces a file, or writes into what cannot be replaced.
func (f files) write(p place, data []byte, want ownership, old current) error {
	if old.exists() && !old.isReplaceable() {
		return f.overwrite(p, data, want, old)
	}
	err := f.replace(p, data, want, old)
	if old.exists() && errors.Is(err, unix.EBUSY) { // a container's /etc/hosts is a mount point
		return f.overwrite(p, data, want, old)
	}
	return err
}

// replace writes a temporary file beside the place and renames it there. Owner, mode and
// label are set by its descriptor: its name may be another file's by then.
func (f files) replace(p place, data []byte, want ownership, old current) (err error) {
	temporary := temporaryName()
	fd, err := unix.Openat(p.dir, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(f.fill(fd, p, data, want, old), unix.Close(fd)); err == nil {
		err = unix.Renameat(p.dir, temporary, p.dir, p.name)
	}
	if err != nil {
		return errors.Join(err, unix.Unlinkat(p.dir, temporary, 0))
	}
	return f.changed(p)
}

// fill makes a new file, just created by this process, what is to be at a place.
func (f files) fill(fd int, p place, data []byte, want ownership, old current) error {
	if err := writeAll(fd, data); err != nil {
		return err
	}
	if err := f.owners.giveNew(fd, p, want); err != nil {
		return err
	}
	if old.regular() {
		if err := copyLabel(int(old.file.Fd()), fd); err != nil {
			return err
		}
	}
	return f.disk.beforeNaming(p, fd)
}

// writeAll writes to a regular file, which no poller of the runtime's has to watch.
func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		data = data[max(n, 0):]
	}
	return nil
}

// noFiles are the file systems on which a file is a setting of the kernel: nothing can
// be created there, and a setting takes effect by being written.
var noFiles = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
	unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC,
}

// isReplaceable reports whether a file is one that another may be renamed over: not a
// device, a pipe or a setting of the kernel.
func (c current) isReplaceable() bool {
	if !c.regular() {
		return false
	}
	var system unix.Statfs_t
	return unix.Fstatfs(int(c.file.Fd()), &system) != nil || !slices.Contains(noFiles, int64(system.Type))
}

// overwrite writes into what is there, if nobody but root can have put it there. Only a
// regular file gets an owner and a mode: those of devices and settings are the system's.
func (f files) overwrite(p place, data []byte, want ownership, old current) (err error) {
	if p.foreign {
		return p.refuse("is not a regular file")
	}
	// Opened without waiting: a pipe that nobody reads must not hold up the boot.
	file, err := p.open(unix.O_WRONLY | unix.O_TRUNC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(data); err != nil || !old.isReplaceable() {
		return err
	}
	if err := f.owners.give(int(file.Fd()), p, want); err != nil {
		return err
	}
	return f.disk.overwritten(int(file.Fd()))
}
