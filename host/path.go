package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Mkdir creates a directory and its missing parents; those that exist are unchanged.
// New ones, parents too, get the mode and owner given.
func (h *Host) Mkdir(path string, mode fs.FileMode, owner Owner) error {
	if skip, err := h.guarded(path); skip {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("cannot create directory %s: %w", path, err) }
	create := func(p place) error { return h.makeDir(p, ownership{mode, owner}) }
	p, err := h.files.walk(path, walk{follow: true, make: create})
	if err != nil {
		return fail(err)
	}
	defer p.close()
	st, err := p.look()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = create(p)
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR:
		err = errors.New("there is a file in its place")
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// makeDir creates a directory where nothing is.
func (h *Host) makeDir(p place, want ownership) error {
	err := unix.Mkdirat(p.dir, p.name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	if err := h.files.giveDir(p, want); err != nil {
		return err
	}
	h.shared.forRelabel(p.path())
	h.note(Effect{Kind: KindDir, Path: p.path(), Change: Added, Mode: Octal(want.mode)})
	return h.files.changed(p)
}

// giveDir gives a new directory its owner and mode. By the name it could be another by
// now, one of root's that its owner has moved there: that is not empty, or not ours.
func (f files) giveDir(p place, want ownership) (err error) {
	d, err := p.open(unix.O_RDONLY | unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if p.foreign {
		info, err := d.Stat()
		if err != nil {
			return err
		}
		if names, err := d.Readdirnames(1); err != io.EOF || len(names) > 0 || info.Mode().Perm() != 0o700 {
			return p.refuse("was replaced while it was created")
		}
	}
	return f.owners.give(int(d.Fd()), p, want)
}

// Chmod sets a path's permission bits.
func (h *Host) Chmod(path string, mode fs.FileMode) error {
	err := h.change(path, 0, func(f *os.File, p place, st unix.Stat_t) (bool, error) {
		if ModeOf(st.Mode) == mode {
			return false, nil
		}
		return true, f.Chmod(mode)
	})
	if err != nil {
		return fmt.Errorf("cannot change the mode of %s: %w", path, err)
	}
	return nil
}

// Chown sets a path's owner and group.
func (h *Host) Chown(path string, to Owner) error {
	err := h.change(path, to.UID, func(f *os.File, p place, st unix.Stat_t) (bool, error) {
		if h.files.owners.real() && (Owner{int(st.Uid), int(st.Gid)}) == to {
			return false, nil
		}
		return true, h.files.owners.chown(int(f.Fd()), p.path(), to)
	})
	if err != nil {
		return fmt.Errorf("cannot change the owner of %s: %w", path, err)
	}
	return nil
}

// change opens what is at a path, has a function change its owner or mode, and records
// it if it did.
func (h *Host) change(path string, wanted int, do func(f *os.File, p place, st unix.Stat_t) (bool, error)) (err error) {
	p, err := h.files.walk(path, walk{follow: true})
	if err != nil {
		return err
	}
	defer p.close()
	f, err := p.open(unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if err := h.files.owners.checkPlain(p, st, wanted); err != nil {
			return err
		}
	}
	changed, err := do(f, p, st)
	if err != nil || !changed {
		return err
	}
	if err := h.files.changed(p); err != nil {
		return err
	}
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	h.note(Effect{Kind: KindFile, Path: filepath.Clean("/" + path), Change: Modified, Mode: Octal(ModeOf(st.Mode))})
	return nil
}

// Rename moves a file within the machine, for good, replacing what is there.
func (h *Host) Rename(from, to string) error {
	if skip, err := h.guarded(to); skip {
		return err
	}
	source, err := h.files.walk(from, walk{})
	if err != nil {
		return fmt.Errorf("cannot rename %s: %w", from, err)
	}
	defer source.close()
	target, err := h.files.walk(to, walk{})
	if err != nil {
		return fmt.Errorf("cannot rename %s to %s: %w", from, to, err)
	}
	defer target.close()
	if err := unix.Renameat(source.dir, source.name, target.dir, target.name); err != nil {
		return fmt.Errorf("cannot rename %s to %s: %w", from, to, err)
	}
	h.note(Effect{Kind: KindFile, Path: filepath.Clean("/" + from), Change: Removed})
	h.note(Effect{Kind: KindFile, Path: filepath.Clean("/" + to), Change: Added})
	return h.files.changed(target)
}

// Symlink makes path a symbolic link to target, replacing a file or link there.
func (h *Host) Symlink(target, path string) error {
	if skip, err := h.guarded(path); skip {
		return err
	}
	p, err := h.files.walk(path, walk{make: h.parent})
	if err != nil {
		return fmt.Errorf("cannot link %s: %w", path, err)
	}
	defer p.close()
	change := Added
	old := make([]byte, unix.PathMax)
	switch n, err := unix.Readlinkat(p.dir, p.name, old); {
	case err == nil && string(old[:n]) == target:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		change = Modified
	}
	if err := h.files.replaceByLink(p, target); err != nil {
		return fmt.Errorf("cannot link %s to %s: %w", path, target, err)
	}
	h.note(Effect{Kind: KindLink, Path: filepath.Clean("/" + path), Change: change, Value: target})
	return nil
}

func (f files) replaceByLink(p place, target string) error {
	temporary := temporaryName()
	if err := unix.Symlinkat(target, p.dir, temporary); err != nil {
		return err
	}
	if err := unix.Renameat(p.dir, temporary, p.dir, p.name); err != nil {
		return errors.Join(err, unix.Unlinkat(p.dir, temporary, 0))
	}
	return f.changed(p)
}

// Remove removes a file, link or empty directory; a missing one is no error.
func (h *Host) Remove(path string) error { return h.remove(path, removeOne) }

// RemoveAll removes a path and all below it; a missing one is no error.
func (h *Host) RemoveAll(path string) error { return h.remove(path, removeAll) }

func (h *Host) remove(path string, remove func(dir int, name string, st unix.Stat_t) error) error {
	if _, err := h.guarded(path); err != nil {
		return err
	}
	p, err := h.files.walk(path, walk{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	defer p.close()
	st, err := p.stat()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if err = remove(p.dir, p.name, st); err == nil {
			err = h.files.changed(p)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	kind := KindFile
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		kind = KindDir
	}
	h.note(Effect{Kind: kind, Path: filepath.Clean("/" + path), Change: Removed})
	return nil
}

func removeOne(dir int, name string, st unix.Stat_t) error {
	flags := 0
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		flags = unix.AT_REMOVEDIR
	}
	return unix.Unlinkat(dir, name, flags)
}

// removeAll removes a tree by descriptors: no link that is put into it meanwhile leads
// out of it.
func removeAll(dir int, name string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.Unlinkat(dir, name, 0)
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	d := os.NewFile(uintptr(fd), name)
	names, err := d.Readdirnames(-1)
	for _, inner := range names {
		var st unix.Stat_t
		one := unix.Fstatat(fd, inner, &st, unix.AT_SYMLINK_NOFOLLOW)
		if one == nil {
			one = removeAll(fd, inner, st)
		}
		if !errors.Is(one, fs.ErrNotExist) { // somebody else removed it
			err = errors.Join(err, one)
		}
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}
