package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// File says how a file is to be written. The zero value is root's, 0644.
type File struct {
	Mode     fs.FileMode // permission bits; 0 is 0644, NoAccess is none
	Owner    string      // user name or number; "" is root
	Group    string      // group name or number; "" is the owner's, or root
	KeepMeta bool        // an existing file keeps its owner, group and mode
	Secret   bool        // the content is not shown in the ledger
	Quiet    bool        // not recorded: the agent's own state
}

// NoAccess is the Mode of a file that has no permission bits at all.
const NoAccess = fs.ModeIrregular

// temporarySuffix ends the names of files being written. sudo, systemd, run-parts and
// *.conf readers all pass over names that start with a dot or end in a tilde.
const temporarySuffix = ".cloudseed~"

// IsTemporary tells whether a file of that name was left by a power cut while
// another was being written. It is not to be read or run.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, temporarySuffix)
}

// WriteFile makes path a file with just this content, owner and mode, and tells
// whether anything had to change for it. At any moment, power cuts included, the
// path holds either the old content or the new, whole; devices, pipes, settings of
// the kernel and mount points are written into. Missing parent directories are
// made, 0755 and root's.
func (h *Host) WriteFile(path string, data []byte, f File) (changed bool, err error) {
	at := h.resolve(path)
	before, old, err := current(at)
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	want, err := h.wanted(f, old)
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	if old != nil && bytes.Equal(before, data) && h.matches(old, want) {
		return false, nil
	}
	if err := h.parents(path, f.Quiet); err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := h.write(at, data, want, old); err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	h.forRelabel(path)
	if f.Quiet {
		return true, nil
	}
	e := Effect{Kind: KindFile, Path: filepath.Clean("/" + path), Change: Added, Mode: Octal(want.mode), After: digest(data)}
	if old != nil {
		e.Change, e.Before = Modified, digest(before)
	}
	if f.Secret {
		// Not even a digest: that of a short secret can be guessed.
		e.Before, e.After = "", ""
	} else {
		e.Diff = Unified(e.Path, before, data)
	}
	h.note(e)
	return true, nil
}

// write replaces a file, or writes into what cannot be replaced.
func (h *Host) write(at string, data []byte, want ownership, old fs.FileInfo) error {
	if old != nil && !isReplaceable(at, old) {
		return h.overwrite(at, data, want, old)
	}
	err := h.replace(at, data, want, old != nil)
	if old != nil && errors.Is(err, unix.EBUSY) { // a container's /etc/hosts is a mount point
		return h.overwrite(at, data, want, old)
	}
	return err
}

// parents makes the directories that a path lacks.
func (h *Host) parents(path string, quiet bool) error {
	if quiet {
		return h.QuietMkdir(filepath.Dir(path), 0o755)
	}
	return h.Mkdir(filepath.Dir(path), 0o755, "", "")
}

// AppendFile adds data at the end of a file, by way of WriteFile. A device, pipe or
// setting of the kernel has no end: it just gets the data.
func (h *Host) AppendFile(path string, data []byte, f File) (changed bool, err error) {
	if info, err := h.Stat(path); err == nil && !info.IsDir() && !isReplaceable(h.resolve(path), info) {
		return h.WriteFile(path, data, f)
	}
	before, err := h.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("cannot append to %s: %w", path, err)
	}
	return h.WriteFile(path, append(before, data...), f)
}

// ownership is what a file is to have beside its content.
type ownership struct {
	mode     fs.FileMode
	uid, gid int
}

func (h *Host) matches(info fs.FileInfo, want ownership) bool {
	if permissions(info.Mode()) != want.mode {
		return false
	}
	stat := info.Sys().(*syscall.Stat_t)
	return !h.owners || int(stat.Uid) == want.uid && int(stat.Gid) == want.gid
}

// permissions are the bits of a mode that chmod can set.
func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// wanted turns names and defaults into numbers.
func (h *Host) wanted(f File, old fs.FileInfo) (ownership, error) {
	if f.KeepMeta && old != nil {
		stat := old.Sys().(*syscall.Stat_t)
		return ownership{permissions(old.Mode()), int(stat.Uid), int(stat.Gid)}, nil
	}
	want := ownership{mode: permissions(f.Mode)}
	if f.Mode == 0 {
		want.mode = 0o644
	}
	var err error
	want.uid, want.gid, err = h.ids(f.Owner, f.Group)
	return want, err
}

// current reads what is there before a write; a nil info means nothing is.
func current(at string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return nil, nil, errors.New("it is a directory")
	}
	if !info.Mode().IsRegular() {
		return nil, info, nil // a device or pipe: it may have no end
	}
	data, err := os.ReadFile(at)
	return data, info, err
}

// replace writes a temporary file beside at and renames it over at. A link at the
// end of the path is written through, as open(2) would.
func (h *Host) replace(at string, data []byte, want ownership, exists bool) (err error) {
	if exists {
		if at, err = filepath.EvalSymlinks(at); err != nil {
			return err
		}
	}
	dir, name := filepath.Split(at)
	temporary := filepath.Join(dir, "."+name+temporarySuffix)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left by a power cut, and stuck
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(temporary))
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	// Owner before mode: chown(2) clears the set-id bits.
	if err = h.chown(temporary, want.uid, want.gid); err != nil {
		return err
	}
	if err = f.Chmod(want.mode); err != nil {
		return err
	}
	if exists {
		if err = copyLabel(at, temporary); err != nil {
			return err
		}
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = os.Rename(temporary, at); err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(dir))
}

// syncDir makes renames and removals in a directory last through a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Mkdir makes a directory and its missing parents; those that exist are left as
// they are. New ones, parents too, get the mode and owner given.
func (h *Host) Mkdir(path string, mode fs.FileMode, owner, group string) error {
	at := h.resolve(path)
	if info, err := os.Stat(at); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("cannot make directory %s: a file is in its place", path)
		}
		return nil
	}
	if parent := filepath.Dir(filepath.Clean("/" + path)); parent != "/" {
		if err := h.Mkdir(parent, mode, owner, group); err != nil {
			return err
		}
	}
	uid, gid, err := h.ids(owner, group)
	if err != nil {
		return fmt.Errorf("cannot make directory %s: %w", path, err)
	}
	if err := h.makeDir(at, mode, uid, gid); err != nil {
		return fmt.Errorf("cannot make directory %s: %w", path, err)
	}
	h.forRelabel(path)
	h.note(Effect{Kind: KindDir, Path: filepath.Clean("/" + path), Change: Added, Mode: Octal(mode)})
	return nil
}

func (h *Host) makeDir(at string, mode fs.FileMode, uid, gid int) error {
	err := os.Mkdir(at, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	if err := h.chown(at, uid, gid); err != nil {
		return err
	}
	if err := os.Chmod(at, mode); err != nil {
		return err
	}
	return syncDir(filepath.Dir(at))
}

// Chmod sets a path's permission bits, Chown its owner and group.
func (h *Host) Chmod(path string, mode fs.FileMode) error {
	info, err := h.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot change the mode of %s: %w", path, err)
	}
	if permissions(info.Mode()) == mode {
		return nil
	}
	if err := os.Chmod(h.resolve(path), mode); err != nil {
		return fmt.Errorf("cannot change the mode of %s: %w", path, err)
	}
	h.note(Effect{Kind: KindFile, Path: filepath.Clean("/" + path), Change: Modified, Mode: Octal(mode)})
	return nil
}

// Chown sets a path's owner and group by name or number; "" leaves one as it is.
func (h *Host) Chown(path, owner, group string) error {
	info, err := h.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot change the owner of %s: %w", path, err)
	}
	uid, gid, err := h.ids(owner, group)
	if err != nil {
		return fmt.Errorf("cannot change the owner of %s: %w", path, err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if owner == "" {
		uid = int(stat.Uid)
	}
	if owner == "" && group == "" {
		gid = int(stat.Gid)
	}
	if h.owners && int(stat.Uid) == uid && int(stat.Gid) == gid {
		return nil
	}
	if err := h.chown(h.resolve(path), uid, gid); err != nil {
		return fmt.Errorf("cannot change the owner of %s: %w", path, err)
	}
	h.note(Effect{Kind: KindFile, Path: filepath.Clean("/" + path), Change: Modified, Mode: Octal(info.Mode())})
	return nil
}

// OpenAppend opens a log of the agent's own to add to it: it is not recorded. A new
// one gets the mode given.
func (h *Host) OpenAppend(path string, mode fs.FileMode) (*os.File, error) {
	if err := h.parents(path, true); err != nil {
		return nil, err
	}
	return os.OpenFile(h.resolve(path), os.O_WRONLY|os.O_CREATE|os.O_APPEND, mode)
}

// QuietMkdir is Mkdir for the agent's own state: it is not recorded.
func (h *Host) QuietMkdir(path string, mode fs.FileMode) error {
	quiet := *h
	quiet.quiet = true
	return quiet.Mkdir(path, mode, "", "")
}

// QuietRename moves a file of the agent's own state, for good: it is not recorded.
func (h *Host) QuietRename(from, to string) error {
	if err := os.Rename(h.place(from), h.place(to)); err != nil {
		return fmt.Errorf("cannot rename %s: %w", from, errors.Unwrap(err))
	}
	return syncDir(filepath.Dir(h.place(to)))
}

// Symlink makes path a symbolic link to target, replacing a file or link there.
func (h *Host) Symlink(target, path string) error { return h.symlink(target, path, false) }

// QuietSymlink is Symlink for the agent's own state: it is not recorded.
func (h *Host) QuietSymlink(target, path string) error { return h.symlink(target, path, true) }

func (h *Host) symlink(target, path string, quiet bool) error {
	at := h.place(path)
	old, err := os.Readlink(at)
	if err == nil && old == target {
		return nil
	}
	change := Added
	if _, err := os.Lstat(at); err == nil {
		change = Modified
	}
	if err := h.parents(path, quiet); err != nil {
		return fmt.Errorf("cannot link %s: %w", path, err)
	}
	temporary := filepath.Join(filepath.Dir(at), "."+filepath.Base(at)+temporarySuffix)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot link %s: %w", path, err)
	}
	if err := os.Symlink(target, temporary); err != nil {
		return fmt.Errorf("cannot link %s to %s: %w", path, target, err)
	}
	if err := os.Rename(temporary, at); err != nil {
		return fmt.Errorf("cannot link %s to %s: %w", path, target, errors.Join(err, os.Remove(temporary)))
	}
	if err := syncDir(filepath.Dir(at)); err != nil {
		return fmt.Errorf("cannot link %s: %w", path, err)
	}
	if !quiet {
		h.note(Effect{Kind: KindLink, Path: filepath.Clean("/" + path), Change: change, Value: target})
	}
	return nil
}

// Remove removes a file, link or empty directory; a missing one is no error.
func (h *Host) Remove(path string) error { return h.remove(path, os.Remove, false) }

// RemoveAll removes a path and all below it; a missing one is no error.
func (h *Host) RemoveAll(path string) error { return h.remove(path, os.RemoveAll, false) }

// QuietRemove is RemoveAll for the agent's own state: it is not recorded.
func (h *Host) QuietRemove(path string) error { return h.remove(path, os.RemoveAll, true) }

func (h *Host) remove(path string, remove func(string) error, quiet bool) error {
	at := h.place(path)
	info, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	if err := remove(at); err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	if err := syncDir(filepath.Dir(at)); err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	if !quiet {
		kind := KindFile
		if info.IsDir() {
			kind = KindDir
		}
		h.note(Effect{Kind: kind, Path: filepath.Clean("/" + path), Change: Removed})
	}
	return nil
}
