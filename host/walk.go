package host

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// RefusedError says that a path was not touched because a user who is not root can
// decide where it leads.
type RefusedError struct {
	Path   string // the machine's path of what was refused
	Reason string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("refused: %s %s", e.Path, e.Reason) }

// place is a name in an open directory: where a path of the machine leads. It stays the
// same place whatever is renamed or linked on the way to it meanwhile.
type place struct {
	dir      int    // descriptor of the directory, O_PATH
	dirPath  string // its path on the machine, links resolved
	device   uint64 // of the file system that the directory is on
	dirOwner int
	name     string // "." is the directory itself: the root
	foreign  bool   // somebody else than root can replace the name, or the way to it
}

func (p place) path() string { return path.Join(p.dirPath, p.name) }

func (p place) close() { _ = unix.Close(p.dir) } // O_PATH: nothing was written

// refuse is the error for what must not be touched at this place.
func (p place) refuse(reason string) error { return &RefusedError{Path: p.path(), Reason: reason} }

// stat describes what is there, not following a link.
func (p place) stat() (st unix.Stat_t, err error) {
	err = unix.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// open opens what is there. It neither follows a link nor waits for anybody.
func (p place) open(flags int) (*os.File, error) {
	fd, err := unix.Openat(p.dir, p.name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), p.path()), nil
}

// maxLinks is the kernel's own limit on symbolic links in one path.
const maxLinks = 40

// walk says how a path is walked.
type walk struct {
	follow bool                // a link at the end of the path leads on
	make   func(p place) error // makes a missing directory on the way; nil: it is an error
}

// walker is a walk that is going on.
type walker struct {
	owners owners
	steps  []step // the directories from the root on
	rest   []string
	links  int
}

// step is a directory on the way.
type step struct {
	fd      int
	path    string
	device  uint64
	owner   int
	foreign bool // the directory itself is where somebody else put it
	shared  bool // somebody else than root can write to it
	sticky  bool // but not replace the names of others
}

// walk goes to a path, directory by directory and by descriptors, so that nobody can
// put another in the way after it was looked at. A symbolic link is followed only if
// it is root's: any other may have been made to have root act on what its owner could
// not. openat2(2) cannot tell these, and EL7 and EL8 do not have it.
func (f files) walk(name string, o walk) (p place, err error) {
	fd, err := unix.Open(string(f.root), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, err
	}
	w := &walker{owners: f.owners, rest: strings.Split(filepath.Clean("/"+name), "/")}
	defer func() {
		kept := -1
		if err == nil {
			kept = p.dir
		}
		w.close(kept)
	}()
	if err := w.enter(fd, "/", false); err != nil {
		return place{}, err
	}
	for {
		name, last := w.next()
		if name == "" {
			return w.at("."), nil
		}
		p := w.at(name)
		st, err := p.stat()
		switch {
		case errors.Is(err, unix.ENOENT) && last:
			return p, nil
		case errors.Is(err, unix.ENOENT) && o.make != nil:
			if err := o.make(p); err != nil {
				return place{}, err
			}
			if st, err = p.stat(); err != nil {
				return place{}, err
			}
		case err != nil:
			return place{}, err
		}
		if w.top().sticky && w.owner(p, st) == 0 {
			p.foreign = w.top().foreign // in /tmp, what is root's is root's to replace
		}
		switch {
		case st.Mode&unix.S_IFMT == unix.S_IFLNK && (!last || o.follow):
			err = w.link(p)
		case last:
			return p, nil
		default:
			err = w.descend(p)
		}
		if err != nil {
			return place{}, err
		}
	}
}

// next takes the next name of the path; last tells that none comes after it.
func (w *walker) next() (name string, last bool) {
	for len(w.rest) > 0 {
		name, w.rest = w.rest[0], w.rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			w.ascend()
			continue
		}
		return name, !slices.ContainsFunc(w.rest, func(s string) bool { return s != "" && s != "." })
	}
	return "", true
}

func (w *walker) top() step { return w.steps[len(w.steps)-1] }

// at is the place of a name in the directory that was reached.
func (w *walker) at(name string) place {
	top := w.top()
	return place{dir: top.fd, dirPath: top.path, device: top.device, dirOwner: top.owner, name: name, foreign: top.foreign || top.shared}
}

// owner is the owner of what is at a place; tests may say another.
func (w *walker) owner(p place, st unix.Stat_t) int { return w.owners.of(p.path(), st) }

// enter adds an open directory to the way.
func (w *walker) enter(fd int, name string, foreign bool) error {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	owner := w.owners.of(name, st)
	// A group that is root's own has no member that root did not choose.
	writable := st.Mode&unix.S_IWOTH != 0 || st.Mode&unix.S_IWGRP != 0 && st.Gid != 0 && w.owners.real()
	w.steps = append(w.steps, step{
		fd: fd, path: name, device: st.Dev, owner: owner, foreign: foreign,
		shared: owner != 0 || writable, sticky: owner == 0 && st.Mode&unix.S_ISVTX != 0,
	})
	return nil
}

func (w *walker) descend(p place) error {
	fd, err := unix.Openat(p.dir, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return w.enter(fd, p.path(), p.foreign)
}

// ascend goes to the parent directory; that of the root is the root.
func (w *walker) ascend() {
	if len(w.steps) > 1 {
		_ = unix.Close(w.top().fd)
		w.steps = w.steps[:len(w.steps)-1]
	}
}

// link goes on where a link leads. It is opened first: by its name, it may be another
// by the time that it is read.
func (w *walker) link(p place) (err error) {
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	fd, err := unix.Openat(p.dir, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// In a directory of somebody else, a link of root's with several names may be one
	// that was made for another place.
	if w.owner(p, st) != 0 || p.foreign && st.Nlink > 1 {
		return p.refuse("is a link that does not belong to root")
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	if err != nil {
		return err
	}
	if path.IsAbs(string(target[:n])) {
		for len(w.steps) > 1 {
			w.ascend()
		}
	}
	w.rest = append(strings.Split(string(target[:n]), "/"), w.rest...)
	return nil
}

// close closes all descriptors but one.
func (w *walker) close(kept int) {
	for _, s := range w.steps {
		if s.fd != kept {
			_ = unix.Close(s.fd)
		}
	}
}
