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
	dirGroup int    // which what is created in the directory may get
	seen     *seen  // what the walk saw there; nil: it did not look
}

// seen is what a look at a place saw.
type seen struct {
	st  unix.Stat_t
	err error
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

// look is stat, or what the walk to the place saw a moment ago.
func (p place) look() (st unix.Stat_t, err error) {
	if p.seen != nil {
		return p.seen.st, p.seen.err
	}
	return p.stat()
}

// way opens what is there, a link itself, to go on from it.
func (p place) way() (fd int, st unix.Stat_t, err error) {
	fd, err = unix.Openat(p.dir, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err != nil {
		return -1, st, errors.Join(err, unix.Close(fd))
	}
	return fd, st, nil
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
	group   int
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
	w.steps = make([]step, 0, len(w.rest))
	defer func() {
		kept := -1
		if err == nil {
			kept = p.dir
		}
		w.close(kept)
	}()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return place{}, errors.Join(err, unix.Close(fd))
	}
	if err := w.enter(fd, st, "/", false); err != nil {
		return place{}, err
	}
	for {
		name, last := w.next()
		if name == "" {
			return w.at("."), nil
		}
		p := w.at(name)
		if last {
			done, err := w.end(&p, o.follow)
			if done || err != nil {
				return p, err
			}
			continue
		}
		fd, st, err := p.way()
		if errors.Is(err, unix.ENOENT) && o.make != nil {
			if err := o.make(p); err != nil {
				return place{}, err
			}
			fd, st, err = p.way()
		}
		if err != nil {
			return place{}, err
		}
		w.judge(&p, st)
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = w.link(p, fd, st)
		} else {
			err = w.enter(fd, st, p.path(), p.foreign)
		}
		if err != nil {
			return place{}, err
		}
	}
}

// end looks at the last name of a path. done: it is where the path leads, whatever is there.
func (w *walker) end(p *place, follow bool) (done bool, err error) {
	st, err := p.stat()
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return false, err
	}
	if err == nil {
		w.judge(p, st)
	}
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK || !follow {
		p.seen = &seen{st, err}
		return true, nil
	}
	fd, st, err := p.way()
	if err != nil {
		return false, err
	}
	return false, w.link(*p, fd, st)
}

// judge corrects who can replace what is at a place: in /tmp, what is root's is root's.
func (w *walker) judge(p *place, st unix.Stat_t) {
	if w.top().sticky && w.owner(*p, st) == 0 {
		p.foreign = w.top().foreign
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
	return place{dir: top.fd, dirPath: top.path, device: top.device, dirOwner: top.owner, dirGroup: top.group, name: name, foreign: top.foreign || top.shared}
}

// owner is the owner of what is at a place; tests may say another.
func (w *walker) owner(p place, st unix.Stat_t) int { return w.owners.of(p.path(), st) }

// enter adds an open directory to the way.
func (w *walker) enter(fd int, st unix.Stat_t, name string, foreign bool) error {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errors.Join(unix.ENOTDIR, unix.Close(fd))
	}
	owner := w.owners.of(name, st)
	// A group that is root's own has no member that root did not choose.
	writable := st.Mode&unix.S_IWOTH != 0 || st.Mode&unix.S_IWGRP != 0 && st.Gid != 0 && w.owners.real()
	w.steps = append(w.steps, step{
		fd: fd, path: name, device: st.Dev, owner: owner, foreign: foreign, group: int(st.Gid),
		shared: owner != 0 || writable, sticky: owner == 0 && st.Mode&unix.S_ISVTX != 0,
	})
	return nil
}

// ascend goes to the parent directory; that of the root is the root.
func (w *walker) ascend() {
	if len(w.steps) > 1 {
		_ = unix.Close(w.top().fd)
		w.steps = w.steps[:len(w.steps)-1]
	}
}

// link goes on where an open link leads. By its name, it may be another by now.
func (w *walker) link(p place, fd int, st unix.Stat_t) (err error) {
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return p.refuse("was replaced while it was followed")
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
