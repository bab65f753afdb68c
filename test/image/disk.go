package image

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Disk is a disk with the guest's root on it, to be put below a copy-on-write disk, and
// what boots it.
type Disk struct {
	Path   string
	Kernel Kernel
	Words  string // on the kernel's command line
}

// Layout is what is on a disk.
type Layout string

// The layouts. Where it is on a partition the root can grow, if the disk above is larger.
const (
	Ext4          Layout = "ext4" // a file system and nothing else
	XFS           Layout = "xfs"  // RHEL's file system, and nothing else
	Ext4Partition Layout = "ext4-partition"
	XFSPartition  Layout = "xfs-partition"
	XFSVolume     Layout = "xfs-volume" // on a logical volume on a partition, as RHEL's installer has it
	SELinux       Layout = "selinux"    // ext4, its files labelled, and the policy enforced
)

// policyModule is what SELinux's policy of RHEL has for cloud-init.
//
//go:embed selinux/cloud-init.cil
var policyModule []byte

// diskAlign is where the first partition begins, in bytes.
const diskAlign = 1 << 20

// Disk is a disk of the layout, and what boots it.
func (i *Image) Disk(ctx context.Context, layout Layout) (Disk, error) {
	unlock, err := lock(filepath.Join(i.cache, "lock"))
	if err != nil {
		return Disk{}, err
	}
	defer unlock()
	kind, words := boots(layout)
	kernel, err := fetchKernel(ctx, i.cache, kind)
	if err != nil {
		return Disk{}, err
	}
	if err := i.buildInitramfs(ctx, kernel); err != nil {
		return Disk{}, err
	}
	path, err := i.disk(ctx, layout)
	return Disk{Path: path, Kernel: kernel, Words: words}, err
}

// boots is how a layout is booted.
func boots(layout Layout) (kernel kernelKind, words string) {
	switch layout {
	case Ext4Partition:
		return cloudKernel, "root=/dev/vda1 rootfstype=ext4"
	case XFS:
		return xfsKernel, "root=/dev/vda rootfstype=xfs"
	case XFSPartition:
		return xfsKernel, "root=/dev/vda1 rootfstype=xfs"
	case XFSVolume:
		return lvmKernel, "root=/dev/mapper/guest-root rootfstype=xfs"
	case SELinux:
		return cloudKernel, "root=/dev/vda rootfstype=ext4 security=selinux enforcing=1"
	}
	return cloudKernel, "root=/dev/vda rootfstype=ext4"
}

// disk makes a layout's disk, from that of a simpler one if it is not simple itself.
func (i *Image) disk(ctx context.Context, layout Layout) (string, error) {
	disk := filepath.Join(i.cache, "disk-"+i.key+"."+string(layout))
	return disk, once(disk, func(fresh string) error {
		switch layout {
		case Ext4Partition:
			return i.partition(ctx, Ext4, fresh)
		case XFS:
			return i.xfs(ctx, fresh)
		case XFSPartition:
			return i.partition(ctx, XFS, fresh)
		case XFSVolume:
			return i.volume(ctx, fresh)
		case SELinux:
			return i.labelled(ctx, fresh)
		}
		return ext4(ctx, i.Root, fresh)
	})
}

func ext4(ctx context.Context, root, fresh string) error {
	return run(ctx, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-E", "root_owner=0:0,lazy_itable_init=1", "-d", root, fresh, "2G")
}

// labelled makes the file system of a copy of the root in which each file has the label that the
// policy has for it.
func (i *Image) labelled(ctx context.Context, fresh string) error {
	dir, err := os.MkdirTemp(i.cache, "labelled")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "root")
	if err := run(ctx, "cp", "-a", i.Root, root); err != nil {
		return err
	}
	module := filepath.Join(root, "cloud-init.cil")
	if err := os.WriteFile(module, policyModule, 0o644); err != nil {
		return err
	}
	// Not loaded: this machine's kernel keeps its own policy, or none.
	if err := run(ctx, "chroot", root, "semodule", "--noreload", "--install=/cloud-init.cil"); err != nil {
		return err
	}
	if err := os.Remove(module); err != nil {
		return err
	}
	// setfiles needs /proc, which is mounted in a namespace of its own; -m: also on a file system whose
	// labels this machine's kernel does not know.
	label := `set -e; mount -t proc proc "$1/proc"
chroot "$1" setfiles -F -m -e /proc /etc/selinux/default/contexts/files/file_contexts /`
	if err := run(ctx, "unshare", "--mount", "sh", "-c", label, "sh", root); err != nil {
		return err
	}
	return ext4(ctx, root, fresh)
}

// xfs makes the file system by mounting it: mkfs.xfs takes files from a directory since 6.17.
func (i *Image) xfs(ctx context.Context, fresh string) error {
	point, err := os.MkdirTemp("", "xfs")
	if err != nil {
		return err
	}
	defer os.Remove(point)
	// In a mount namespace of its own, so that nothing is left mounted whatever happens.
	fill := `set -e; truncate -s 2G "$1"; mkfs.xfs -q -L root "$1"; mount -o loop "$1" "$2"; cp -a "$3"/. "$2"; umount "$2"`
	return run(ctx, "unshare", "--mount", "sh", "-c", fill, "sh", fresh, point, i.Root)
}

// partition makes a disk with one partition, which has what the layout of is.
func (i *Image) partition(ctx context.Context, of Layout, fresh string) error {
	content, err := i.disk(ctx, of)
	if err != nil {
		return err
	}
	info, err := os.Stat(content)
	if err != nil {
		return err
	}
	if err := partitioned(ctx, fresh, info.Size()); err != nil {
		return err
	}
	return copyInto(ctx, content, fresh, diskAlign)
}

// volume makes a disk whose partition is a physical volume of LVM's with one logical
// volume. That is never active here: this machine's device mapper stays out of it, and the
// file system is copied to where the volume is.
func (i *Image) volume(ctx context.Context, fresh string) error {
	content, err := i.disk(ctx, XFS)
	if err != nil {
		return err
	}
	info, err := os.Stat(content)
	if err != nil {
		return err
	}
	const metadata = 8 << 20 // room for it, and for extents of 4 MiB to be whole
	size := info.Size() + metadata
	if err := partitioned(ctx, fresh, size); err != nil {
		return err
	}
	etc, err := os.MkdirTemp("", "lvm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(etc)
	config := "backup { backup = 0 archive = 0 }\nglobal { locking_dir = \"" + etc + "\" event_activation = 0 }\nactivation { udev_sync = 0 udev_rules = 0 monitoring = 0 }\n"
	if err := os.WriteFile(filepath.Join(etc, "lvm.conf"), []byte(config), 0o600); err != nil {
		return err
	}
	script := `set -e; export LVM_SYSTEM_DIR="$1"
loop=$(losetup --find --show --offset "$3" --sizelimit "$4" "$2"); trap 'losetup --detach "$loop"' EXIT
for command in "pvcreate -q $loop" "vgcreate -q guest $loop" "lvcreate -q -an -Zn -Wn -l 100%FREE -n root guest"; do
    lvm $command --driverloaded n --devices "$loop" >&2
done
lvm pvs --driverloaded n --devices "$loop" --noheadings --nosuffix --units b -o pe_start "$loop"`
	out, err := output(ctx, "sh", "-c", script, "sh", etc, fresh, strconv.Itoa(diskAlign), strconv.FormatInt(size, 10))
	if err != nil {
		return err
	}
	start, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if err != nil {
		return fmt.Errorf("cannot tell where the logical volume is: %w", err)
	}
	return copyInto(ctx, content, fresh, diskAlign+start)
}

// partitioned makes a disk with one partition of the size.
func partitioned(ctx context.Context, path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, size+2*diskAlign); err != nil { // room for GPT's backup
		return err
	}
	layout := fmt.Sprintf("label: gpt\nstart=%dKiB, size=%dKiB\n", diskAlign>>10, size>>10)
	return run(ctx, "sh", "-c", `printf %s "$2" | sfdisk -q "$1"`, "sh", path, layout)
}

// copyInto copies a file over another from an offset on, and leaves its holes out.
func copyInto(ctx context.Context, from, to string, offset int64) error {
	return run(ctx, "dd", "if="+from, "of="+to, "bs=1M", "conv=notrunc,sparse", "oflag=seek_bytes", "seek="+strconv.FormatInt(offset, 10), "status=none")
}
