package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// staging is a directory that every machine has, over which the keeper mounts
// the layers' tmpfs while it builds. The sandbox gets a new one there.
const staging = "/tmp"

// fresh are the directories that the sandbox makes anew: the host's mounts there
// are the kernel's interfaces and run-time state.
var fresh = []string{"/proc", "/sys", "/dev", "/run", staging}

// interfaces are file systems that show the kernel; mounted elsewhere than in the
// fresh directories, as a chroot has them, they would show the host's.
var interfaces = []string{
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs",
	"selinuxfs", "bpf", "pstore", "efivarfs", "mqueue", "hugetlbfs", "binfmt_misc", "fusectl", "rpc_pipefs", "nfsd", "nsfs",
}

// tree is the file system as the inside sees it.
type tree struct {
	layers []layer
	notes  []string
}

// layer is a file system of the host, or a fresh one, and what is written on it.
type layer struct {
	point string   // where it is mounted
	lower *os.Root // nil: nothing was there before
	upper *os.Root
	own   []string // entries of upper that the sandbox made
}

// errNoRootMount says that there is nothing that pivot_root(2) could exchange.
var errNoRootMount = errors.New("cannot make a sandbox: not in a chroot: / is not a mount point here")

// build makes the tree and moves the keeper into it. Afterwards the host's mounts
// can be reached by the descriptors in tree.layers alone.
func build(seed string) (*tree, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot read which file systems are mounted: %w", err)
	}
	mounts, err := parseMountinfo(string(text))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(visible(mounts), func(m mount) bool { return m.point == "/" }) {
		return nil, errNoRootMount
	}
	// Nothing that is mounted from here on may spread to the host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("cannot make the mounts private: %w", refusal(err))
	}
	b := builder{tree: &tree{}}
	if err := b.open(visible(mounts), seed); err != nil {
		return nil, err
	}
	if err := b.enter(); err != nil {
		return nil, err
	}
	for _, l := range b.lowers[1:] {
		b.overlayBelow(l)
	}
	if err := b.furnish(); err != nil {
		return nil, err
	}
	if err := b.hideSockets(); err != nil {
		return nil, err
	}
	return b.tree, b.leave()
}

// builder holds what is needed until the host is out of sight. leave closes its
// files, which until then must stay referenced: they are named by number, which
// the garbage collector does not see.
type builder struct {
	tree    *tree
	lowers  []lower  // / first
	storage *os.File // the tmpfs of the layers
	old     *os.File // the host's /
	sys     *os.File // the host's sysfs
	seed    *os.File // nil: none
	devices []*os.File
	sockets []string // where the host's daemons listen
}

// lower is a directory of the host on which a file system is mounted.
type lower struct {
	mount
	dir  *os.File
	meta unix.Stat_t
}

// open opens by path all that the sandbox takes from the host, before anything
// is mounted over it.
func (b *builder) open(mounts []mount, seed string) (err error) {
	for _, m := range mounts {
		if !slices.ContainsFunc(fresh, func(dir string) bool { return within(m.point, dir) }) {
			if err := b.openLower(m); err != nil {
				return err
			}
		}
	}
	if b.old, err = openPath("/"); err != nil {
		return err
	}
	if b.sys, err = openPath("/sys"); err != nil {
		return err
	}
	if seed != "" {
		if b.seed, err = openPath(seed); err != nil {
			return err
		}
	}
	if b.sockets, err = listening(); err != nil {
		return err
	}
	return b.openDevices()
}

// openLower opens a mounted directory to be overlaid. What cannot be opened, a
// foreign user's FUSE mount or a dead server's, is skipped and noted; so are
// single files that are mounted, as containers have them, and autofs, which would
// mount something on the host when it is touched.
func (b *builder) openLower(m mount) error {
	note := func(format string, args ...any) {
		b.tree.notes = append(b.tree.notes, m.point+" is not in the sandbox: "+fmt.Sprintf(format, args...))
	}
	if m.fstype == "autofs" {
		note("it is mounted on demand")
		return nil
	}
	if slices.Contains(interfaces, m.fstype) {
		note("it shows the kernel, not files")
		return nil
	}
	dir, err := os.OpenFile(m.point, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOATIME, 0)
	l := lower{mount: m, dir: dir}
	if err == nil {
		if err = unix.Fstat(int(dir.Fd()), &l.meta); err != nil {
			_ = dir.Close()
		}
	}
	switch {
	case err == nil:
		b.lowers = append(b.lowers, l)
	case m.point == "/":
		return fmt.Errorf("cannot open /: %w", err)
	case errors.Is(err, unix.ENOTDIR):
		note("it is a single file that is mounted")
	default:
		note("%v", err)
	}
	return nil
}

// enter overlays / and makes the overlay this process's root.
func (b *builder) enter() error {
	if err := unix.Mount("cloudseed", staging, "tmpfs", unix.MS_NODEV, "mode=0700"); err != nil {
		return fmt.Errorf("cannot mount a tmpfs for the layers: %w", refusal(err))
	}
	var err error
	if b.storage, err = os.Open(staging); err != nil {
		return fmt.Errorf("cannot open the tmpfs of the layers: %w", err)
	}
	root := staging + "/root"
	if err := os.Mkdir(root, 0o755); err != nil {
		return fmt.Errorf("cannot make the new root: %w", err)
	}
	if err := b.overlay(b.lowers[0], root); err != nil {
		return fmt.Errorf("cannot mount an overlay of /: %w", refusal(err))
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("cannot enter the overlay of /: %w", err)
	}
	// With both arguments "." the old root ends up mounted over the new one
	// (pivot_root(2), NOTES), until leave takes it away.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("cannot make the overlay the root directory: not in a chroot or an initramfs: %w", err)
	}
	// The other overlays name their layers by /proc/self/fd.
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", refusal(err))
	}
	return nil
}

// leave lets go of the host's mounts: nothing is left to unmount or to walk to.
func (b *builder) leave() error {
	err := b.old.Chdir()
	if err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
	}
	if err == nil {
		err = os.Chdir("/")
	}
	if err != nil {
		return fmt.Errorf("cannot leave the host's root: %w", err)
	}
	opened := append(b.devices, b.storage, b.old, b.sys, b.seed)
	for _, l := range b.lowers {
		opened = append(opened, l.dir)
	}
	for _, f := range opened {
		if f != nil {
			_ = f.Close()
		}
	}
	return nil
}

// overlayBelow overlays a file system below /. Those that cannot be a lower layer
// (FAT and others whose names ignore case) are bound read-only.
func (b *builder) overlayBelow(l lower) {
	err := b.overlay(l, l.point)
	if err == nil {
		return
	}
	bindErr := bindReadOnly(fdPath(l.dir), l.point, unix.MS_NODEV)
	if bindErr == nil {
		b.tree.notes = append(b.tree.notes, fmt.Sprintf("%s is read-only in the sandbox: no overlay of %s: %v", l.point, l.fstype, err))
		return
	}
	b.tree.notes = append(b.tree.notes, fmt.Sprintf("%s is not in the sandbox: %v", l.point, bindErr))
}

// overlay mounts l with a writable layer over it on target. Descriptors name the
// directories, for a path may hold commas, colons or what lies beneath a mount.
func (b *builder) overlay(l lower, target string) error {
	name := strconv.Itoa(len(b.tree.layers))
	storage := fdPath(b.storage)
	upper, work := filepath.Join(storage, name, "upper"), filepath.Join(storage, name, "work")
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	if err := copyMeta(l, upper); err != nil {
		return err
	}
	// No device of a lower layer, as a chroot or a container's image may hold, may
	// be opened: only /dev has any.
	flags := uintptr(unix.MS_NODEV)
	if l.readOnly {
		flags |= unix.MS_RDONLY
	}
	flags |= keptFlags(fdPath(l.dir))
	if err := mountOverlay(target, flags, fdPath(l.dir), upper, work); err != nil {
		return err
	}
	layer := layer{point: l.point}
	var err error
	if layer.upper, err = os.OpenRoot(upper); err != nil {
		return err
	}
	if layer.lower, err = os.OpenRoot(fdPath(l.dir)); err != nil {
		return err
	}
	b.tree.layers = append(b.tree.layers, layer)
	return nil
}

// mountOverlay mounts with the features off that would make a change hard to
// read from the upper layer (renamed directories, content left below). A kernel
// refuses options that it does not know with EINVAL and then lacks the feature:
// metacopy came with 4.19, index with 4.13, redirect_dir with 4.10.
func mountOverlay(target string, flags uintptr, lower, upper, work string) error {
	layers := "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work
	var err error
	for _, off := range []string{",redirect_dir=off,index=off,metacopy=off", ",redirect_dir=off,index=off", ",redirect_dir=off", ""} {
		err = unix.Mount("cloudseed", target, "overlay", flags, layers+off)
		if !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	return err
}

// copyMeta gives a layer's top directory what the merged tree shows of it.
func copyMeta(l lower, upper string) error {
	if err := os.Chown(upper, int(l.meta.Uid), int(l.meta.Gid)); err != nil {
		return err
	}
	if err := unix.Chmod(upper, l.meta.Mode&0o7777); err != nil {
		return err
	}
	for _, name := range append([]string{"security.selinux"}, comparedXattrs...) {
		value, err := getxattr(l.dir, name)
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		if err := unix.Setxattr(upper, name, value, 0); err != nil {
			return fmt.Errorf("cannot copy %s: %w", name, err)
		}
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, upper, []unix.Timespec{l.meta.Atim, l.meta.Mtim}, 0)
}
