package host

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Log says how a file is opened that is written to as time goes on. The zero value is
// root's, 0600, and what it holds is kept.
type Log struct {
	Mode     fs.FileMode // of a new file; 0 is 0600
	GID      int         // of a new file
	Truncate bool
}

// OpenLog opens a file to add to it; that is not recorded. A pipe is refused, since
// without a reader it would stop the boot, and so is what another user could have put there.
func (h *Host) OpenLog(path string, l Log) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	p, err := h.files.walk(path, walk{follow: true, make: h.Quietly().parent})
	if err != nil {
		return fail(err)
	}
	defer p.close()
	f, err := p.openLog(l.Mode.Perm())
	if err != nil {
		return fail(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG:
		err = h.files.owners.checkPlain(p, st, 0)
		if err == nil && l.Truncate {
			err = f.Truncate(0)
		}
		if err == nil && l.GID != 0 && st.Gid == 0 && st.Size == 0 {
			err = h.files.owners.chown(int(f.Fd()), p.path(), Owner{GID: l.GID})
		}
	case kind != unix.S_IFCHR || p.foreign: // /dev/null and terminals take all that comes
		err = errNotRegular
	}
	if err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	return f, nil
}

func (p place) openLog(mode fs.FileMode) (*os.File, error) {
	if mode == 0 {
		mode = 0o600
	}
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Openat(p.dir, p.name, flags, uint32(mode))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), p.path()), nil
}

// Locked reports whether another process has a lock on a file (flock(2)). A file that
// cannot be opened counts as not locked.
func (h *Host) Locked(path string) bool {
	f, err := os.OpenFile(h.root.resolve(path), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close() // and with it the lock, if it was got
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
