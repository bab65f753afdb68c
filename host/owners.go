package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Owner is the user and the group that a file belongs to, by their numbers. The zero value
// is root. FindOwner knows the numbers of names.
type Owner struct{ UID, GID int }

// owners is whom the machine's files belong to. A test need not be root: it sets and
// gets them in its own way.
type owners struct {
	root root
	set  func(path string, uid, gid int) error
	get  func(path string) (uid, gid int) // goes with set; without it all is root's
}

// real reports whether owners are the kernel's, so that what is there can be compared
// with what is wanted.
func (o owners) real() bool { return o.set == nil }

// ownership is what a file is to have beside its content.
type ownership struct {
	mode fs.FileMode
	Owner
}

// matches reports whether a file has the owner and mode that it is to have.
func (o owners) matches(st unix.Stat_t, want ownership) bool {
	if ModeOf(st.Mode) != want.mode {
		return false
	}
	return !o.real() || Owner{int(st.Uid), int(st.Gid)} == want.Owner
}

// give sets the owner and mode of an open file that is, or will be, at a place. The owner
// comes first: chown(2) clears the set-id bits.
func (o owners) give(fd int, p place, want ownership) error {
	if err := o.chown(fd, p.path(), want.Owner); err != nil {
		return err
	}
	return unix.Fchmod(fd, bitsOf(want.mode))
}

// giveNew is give for a file that this process has created in the place's directory: it
// belongs to the process already, and to its group or the directory's.
func (o owners) giveNew(fd int, p place, want ownership) error {
	if o.real() && want.Owner == (Owner{os.Geteuid(), os.Getegid()}) && want.GID == p.dirGroup {
		return unix.Fchmod(fd, bitsOf(want.mode))
	}
	return o.give(fd, p, want)
}

// chown sets the owner of an open file. Tests, which replace it, are told its path.
func (o owners) chown(fd int, path string, to Owner) error {
	if o.set != nil {
		return o.set(filepath.Join(string(o.root), path), to.UID, to.GID)
	}
	return unix.Fchown(fd, to.UID, to.GID)
}

// ownerOf is the owner of a file of this path and description.
func (o owners) of(name string, st unix.Stat_t) int {
	switch {
	case o.real():
		return int(st.Uid)
	case o.get == nil:
		return 0
	}
	uid, _ := o.get(filepath.Join(string(o.root), name))
	return uid
}

// checkPlain refuses, where somebody else than root can replace the file, what that
// somebody may have linked or moved there to have root read it, add to it or change its
// owner: what is not a regular file, has other names, or belongs to a third party.
func (o owners) checkPlain(p place, st unix.Stat_t, wanted int) error {
	if !p.foreign {
		return nil
	}
	owner := o.of(p.path(), st)
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return p.refuse("is not a regular file")
	case st.Nlink != 1:
		return p.refuse("has more than one hard link")
	case owner != 0 && owner != p.dirOwner && owner != wanted:
		return p.refuse("belongs to neither root nor the owner of the directory")
	}
	return nil
}

// Owner is the owner of a file of this path and description.
func (h *Host) Owner(path string, info fs.FileInfo) Owner {
	if h.files.owners.real() {
		stat := info.Sys().(*syscall.Stat_t)
		return Owner{int(stat.Uid), int(stat.Gid)}
	}
	if h.files.owners.get == nil {
		return Owner{}
	}
	uid, gid := h.files.owners.get(h.root.place(path))
	return Owner{uid, gid}
}
