package host

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// noFiles are the filesystems on which a file is a setting of the kernel: nothing can
// be created there, and a setting takes effect by being written.
var noFiles = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
	unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC,
}

// isReplaceable tells whether what is at a path is a file that another may be
// renamed over: not a device, a pipe or a setting of the kernel.
func isReplaceable(at string, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	var system unix.Statfs_t
	return unix.Statfs(at, &system) != nil || !slices.Contains(noFiles, int64(system.Type))
}

// overwrite writes into what is there. Only a regular file gets an owner and a mode:
// those of devices and settings are the system's.
func (h *Host) overwrite(at string, data []byte, want ownership, info fs.FileInfo) (err error) {
	// O_NONBLOCK: a pipe that nobody reads must not hold up the boot.
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_TRUNC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil || !isReplaceable(at, info) {
		return err
	}
	if err := h.chown(at, want.uid, want.gid); err != nil {
		return err
	}
	if err := f.Chmod(want.mode); err != nil {
		return err
	}
	return f.Sync()
}
