package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// openPath opens a place in the file system, of whatever kind, without reading it.
func openPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, unwrapPath(err))
	}
	return f, nil
}

// fdPath names an open file for system calls that take paths.
func fdPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

func deviceNameOf(f *os.File) string { return filepath.Base(f.Name()) }

// keptFlags are the flags of the mount at path that a mount made of it keeps.
func keptFlags(path string) uintptr {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	}
	// ST_NOSUID, ST_NODEV and ST_NOEXEC have the values of MS_*.
	return uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
}

// bindReadOnly shows source, without the mounts below it, at target. extra is
// MS_NODEV, except for the device nodes that are to work. A bind takes no other
// flags at once, hence the remount.
func bindReadOnly(source, target string, extra uintptr) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|extra|keptFlags(target), "")
}

// bindFile makes an empty file to bind source on.
func bindFile(source, target string, extra uintptr) error {
	if err := os.WriteFile(target, nil, 0o644); err != nil {
		return fmt.Errorf("cannot make %s: %w", target, unwrapPath(err))
	}
	if err := bindReadOnly(source, target, extra); err != nil {
		return fmt.Errorf("cannot bind %s: %w", target, err)
	}
	return nil
}

// unwrapPath takes off the operation and path that the caller names itself.
func unwrapPath(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}
