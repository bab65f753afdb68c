// Package block knows what a mount point stands on: partition, LUKS, LVM, multipath, md, whole disk.
//
// In come mount points and device paths, read from /proc/self/mountinfo, /sys and the devices'
// own superblocks over a host; out go stacks of layers from the file system down to the disk,
// and their growth by the guest's tools. Nothing here shrinks anything.
// It must never know cloud-config, modules or the stages of a boot.
package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"cloudseed/host"
)

// Kind is what a layer is.
type Kind string

// The kinds of layers.
const (
	Disk      Kind = "disk"
	Partition Kind = "partition"
	LUKS      Kind = "LUKS"
	LV        Kind = "LV"
	Multipath Kind = "multipath"
	RAID      Kind = "md"
	Mapped    Kind = "device mapper" // any other use of it
)

// Layer is one block device of a stack.
type Layer struct {
	Kind   Kind
	Name   string // the kernel's: vda3, dm-0
	Path   string // /dev/vda3, /dev/mapper/vg-root
	Size   int64  // in bytes
	Number int    // of a partition
	Start  int64  // of a partition on its disk, in bytes; -1: not known
	UUID   string // of a device-mapper device: CRYPT-LUKS2-…
	VG, LV string // of an LV
}

func (l Layer) String() string { return string(l.Kind) + " " + l.Path }

// ErrNoDevice says that a mount point stands on no block device: overlay, tmpfs, NFS.
var ErrNoDevice = errors.New("it is on no block device")

// ErrNotMounted says that a path is not a mount point.
var ErrNotMounted = errors.New("nothing is mounted there")

// Running reports whether there are devices and mounts to look at: those of an image are not
// there, whatever its root has of the machine that builds it.
func Running(h *host.Host) bool { return h.Runs() && h.Exists("/proc/self/mountinfo") }

// Mount is a line of /proc/self/mountinfo.
type Mount struct {
	Point, Type, Source string
	Device              string // major:minor; 0:… is not a block device's
	ReadOnly            bool
}

// Mounts returns what is mounted, in the order in which it was.
func Mounts(h *host.Host) ([]Mount, error) {
	data, err := h.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot tell what is mounted: %w", err)
	}
	var mounts []Mount
	for line := range strings.Lines(string(data)) {
		// proc_pid_mountinfo(5): ID parent major:minor root point options optional… - type source super-options
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 2 {
			continue
		}
		mount := Mount{Device: left[2], Point: unescape(left[4]), Type: right[0], Source: unescape(right[1])}
		mount.ReadOnly = hasOption(left[5], "ro") || len(right) > 2 && hasOption(right[2], "ro")
		mounts = append(mounts, mount)
	}
	return mounts, nil
}

func hasOption(options, option string) bool {
	return strings.Contains(","+options+",", ","+option+",")
}

// unescape resolves the octal escapes that the kernel writes for spaces, tabs, newlines and backslashes.
func unescape(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if n, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

// Escape writes what would part fields in octal, as /proc/swaps and fstab have it.
func Escape(field string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`, "\r", `\015`).Replace(field)
}

// MountAt returns what is mounted at a path: the last mount hides those before it.
func MountAt(h *host.Host, point string) (Mount, error) {
	mounts, err := Mounts(h)
	if err != nil {
		return Mount{}, err
	}
	found := Mount{}
	for _, m := range mounts {
		if m.Point == path.Clean(point) {
			found = m
		}
	}
	if found.Point == "" {
		return Mount{}, fmt.Errorf("%s: %w", point, ErrNotMounted)
	}
	// The root of an ostree system in image mode is an overlay; its disk is at /sysroot.
	if found.Point == "/" && found.Type == "overlay" {
		for _, m := range mounts {
			if m.Point == "/sysroot" {
				return m, nil
			}
		}
	}
	return found, nil
}

// Writable returns a mount point at which the same file system can be written to, the mount's
// own if it can. Where there is none it is the mount's own, too.
func Writable(h *host.Host, m Mount) (string, error) {
	if !m.ReadOnly {
		return m.Point, nil
	}
	mounts, err := Mounts(h)
	if err != nil {
		return "", err
	}
	for _, other := range mounts {
		if other.Device == m.Device && other.Type == m.Type && other.Source == m.Source && !other.ReadOnly {
			return other.Point, nil
		}
	}
	return m.Point, nil
}

// Of returns the layers that a mount stands on, from the one that has the file system down to
// the disk. Where a layer stands on several devices (RAID, an LV across disks, a multipath
// disk), it is the last of the list.
func Of(h *host.Host, m Mount) ([]Layer, error) {
	if !strings.HasPrefix(m.Device, "0:") {
		if target, err := h.Readlink("/sys/dev/block/" + m.Device); err == nil {
			return Under(h, path.Base(target))
		}
	}
	// btrfs gives each subvolume a number of its own: 0:41.
	source := m.Source
	if source == "/dev/root" && !h.Exists(source) {
		source = rootOfCommandLine(h)
	}
	if !strings.HasPrefix(source, "/dev/") {
		return nil, fmt.Errorf("%s (%s): %w", m.Point, m.Type, ErrNoDevice)
	}
	name, err := NameOf(h, source)
	if err != nil {
		return nil, err
	}
	return Under(h, name)
}

// rootOfCommandLine is the device path that the kernel's command line has for the root.
func rootOfCommandLine(h *host.Host) string {
	data, err := h.ReadFile("/proc/cmdline")
	if err != nil {
		return ""
	}
	root := ""
	for word := range strings.FieldsSeq(string(data)) {
		if value, ok := strings.CutPrefix(word, "root="); ok {
			root = value
		}
	}
	for prefix, dir := range map[string]string{"UUID=": "by-uuid", "LABEL=": "by-label", "PARTUUID=": "by-partuuid", "PARTLABEL=": "by-partlabel"} {
		if value, ok := strings.CutPrefix(root, prefix); ok {
			return "/dev/disk/" + dir + "/" + value
		}
	}
	return root
}

// NameOf returns the kernel's name of a device path: by-id links and /dev/mapper's lead to it.
func NameOf(h *host.Host, device string) (string, error) {
	at := path.Clean(device)
	for range 8 {
		target, err := h.Readlink(at)
		if err != nil {
			break
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		at = path.Clean(target)
	}
	name, ok := strings.CutPrefix(at, "/dev/")
	if ok && strings.HasPrefix(name, "mapper/") {
		// Without udev /dev/mapper has nodes and no links.
		names, err := h.Glob("/sys/class/block/dm-*/dm/name")
		if err != nil {
			return "", err
		}
		for _, file := range names {
			if text, err := read(h, file); err == nil && text == strings.TrimPrefix(name, "mapper/") {
				return strings.Split(file, "/")[4], nil
			}
		}
	}
	name = strings.ReplaceAll(name, "/", "!") // as in /sys: cciss!c0d0
	if !ok || !h.Exists("/sys/class/block/"+name) {
		return "", fmt.Errorf("%s: there is no such block device: %w", device, fs.ErrNotExist)
	}
	return name, nil
}

// Under returns a block device, by the kernel's name, and what it stands on, down to the disk.
func Under(h *host.Host, name string) ([]Layer, error) {
	var layers []Layer
	for len(layers) < 16 { // no real machine has as many
		layer, err := describe(h, name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
		below := ""
		if layer.Kind == Partition && !strings.HasPrefix(name, "dm-") {
			if below, err = diskOf(h, name); err != nil {
				return nil, err
			}
		} else {
			entries, err := h.ReadDir("/sys/class/block/" + name + "/slaves")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if len(entries) == 1 && layer.Kind != Multipath && layer.Kind != RAID {
				below = entries[0].Name()
			}
		}
		if below == "" {
			return layers, nil
		}
		name = below
	}
	return nil, fmt.Errorf("%s: too many layers of block devices", name)
}

// diskOf is the disk that has a partition: its directory in /sys lies in the disk's.
func diskOf(h *host.Host, name string) (string, error) {
	target, err := h.Readlink("/sys/class/block/" + name)
	if err != nil {
		return "", fmt.Errorf("cannot tell the disk of partition %s: %w", name, err)
	}
	return path.Base(path.Dir(target)), nil
}

// sectorSize is the unit of /sys, whatever the disk's sectors have.
const sectorSize = 512

func describe(h *host.Host, name string) (Layer, error) {
	dir := "/sys/class/block/" + name
	size, err := number(h, dir+"/size")
	if err != nil {
		return Layer{}, fmt.Errorf("cannot tell the size of %s: %w", name, err)
	}
	l := Layer{Kind: Disk, Name: name, Path: "/dev/" + strings.ReplaceAll(name, "!", "/"), Size: size * sectorSize}
	if n, err := number(h, dir+"/partition"); err == nil {
		l.Kind, l.Number = Partition, int(n)
		if l.Start, err = number(h, dir+"/start"); err != nil {
			return Layer{}, fmt.Errorf("cannot tell the start of %s: %w", name, err)
		}
		l.Start *= sectorSize
	}
	if h.Exists(dir + "/md") {
		l.Kind = RAID
	}
	mapped, err := read(h, dir+"/dm/name")
	if err != nil {
		return l, nil // it is not of the device mapper
	}
	if l.UUID, err = read(h, dir+"/dm/uuid"); err != nil {
		return Layer{}, fmt.Errorf("cannot tell what %s is: %w", name, err)
	}
	l.Path, l.Kind = "/dev/mapper/"+mapped, Mapped
	switch prefix, _, _ := strings.Cut(l.UUID, "-"); {
	case strings.HasPrefix(l.UUID, "CRYPT-LUKS"):
		l.Kind = LUKS
	case prefix == "LVM":
		l.Kind = LV
		l.VG, l.LV = lvNames(mapped)
	case prefix == "mpath":
		l.Kind = Multipath
	case strings.HasPrefix(prefix, "part"): // kpartx: part3-mpath-…
		if n, err := strconv.Atoi(strings.TrimPrefix(prefix, "part")); err == nil {
			l.Kind, l.Number, l.Start = Partition, n, -1
		}
	}
	return l, nil
}

// lvNames are the VG and the LV of a device-mapper name: one hyphen parts them, two are one of a name.
func lvNames(mapped string) (vg, lv string) {
	plain := strings.ReplaceAll(mapped, "--", "\x00")
	vg, lv, _ = strings.Cut(plain, "-")
	return strings.ReplaceAll(vg, "\x00", "-"), strings.ReplaceAll(lv, "\x00", "-")
}

// Size returns a block device's size in bytes as the kernel has it now.
func Size(h *host.Host, l Layer) (int64, error) {
	size, err := number(h, "/sys/class/block/"+l.Name+"/size")
	return size * sectorSize, err
}

// Room returns by how many bytes a partition could grow: to the next partition or the disk's end.
func Room(h *host.Host, part, disk Layer) (int64, error) {
	end := disk.Size
	entries, err := h.ReadDir("/sys/class/block/" + disk.Name)
	if err != nil {
		return 0, fmt.Errorf("cannot tell the partitions of %s: %w", disk.Path, err)
	}
	for _, entry := range entries {
		start, err := number(h, "/sys/class/block/"+disk.Name+"/"+entry.Name()+"/start")
		if err == nil && start*sectorSize > part.Start {
			end = min(end, start*sectorSize)
		}
	}
	return max(0, end-part.Start-part.Size), nil
}

// superblocks is how much of a device holds all the headers that are read here.
const superblocks = 68 << 10

// FileSystemSize returns the size in bytes that a file system takes of its device, as its
// superblock has it. Of types other than ext, XFS and btrfs it is not known: ok is false.
func FileSystemSize(h *host.Host, device string) (size int64, ok bool, err error) {
	b, err := head(h, device)
	if err != nil {
		return 0, false, err
	}
	le, be := binary.LittleEndian, binary.BigEndian
	switch {
	case le.Uint16(b[0x438:]) == 0xEF53: // ext2, 3, 4: the superblock is at 1024
		blocks := uint64(le.Uint32(b[0x404:]))
		if le.Uint32(b[0x460:])&0x80 != 0 { // 64bit
			blocks |= uint64(le.Uint32(b[0x550:])) << 32
		}
		return int64(blocks << (10 + le.Uint32(b[0x418:])&0x1f)), true, nil
	case string(b[:4]) == "XFSB":
		return int64(be.Uint64(b[8:]) * uint64(be.Uint32(b[4:]))), true, nil
	case string(b[0x10040:0x10048]) == "_BHRfS_M": // btrfs: the size of this device, in its dev_item
		return int64(le.Uint64(b[0x100d1:])), true, nil
	}
	return 0, false, nil
}

// BtrfsID returns the number that a device of a btrfs file system has in it.
func BtrfsID(h *host.Host, device string) (uint64, error) {
	b, err := head(h, device)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[0x100c9:]), nil
}

// PVSize returns the size in bytes that a physical volume takes of its device; ok is false
// where there is none.
func PVSize(h *host.Host, device string) (size int64, ok bool, err error) {
	b, err := head(h, device)
	if err != nil {
		return 0, false, err
	}
	for sector := range 4 { // lvm2 looks for the label in the first four sectors
		label := b[sector*sectorSize:]
		if string(label[:8]) == "LABELONE" && string(label[24:32]) == "LVM2 001" {
			if header := binary.LittleEndian.Uint32(label[20:]); header <= sectorSize-40 {
				return int64(binary.LittleEndian.Uint64(label[header+32:])), true, nil
			}
		}
	}
	return 0, false, nil
}

func head(h *host.Host, device string) ([]byte, error) {
	f, err := h.Open(device)
	if err != nil {
		return nil, fmt.Errorf("cannot read the superblock of %s: %w", device, err)
	}
	defer f.Close()
	b := make([]byte, superblocks)
	if _, err := io.ReadFull(f, b); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read the superblock of %s: %w", device, err)
	}
	return b, nil
}

func read(h *host.Host, file string) (string, error) {
	data, err := h.ReadFile(file)
	return strings.TrimSpace(string(data)), err
}

func number(h *host.Host, file string) (int64, error) {
	text, err := read(h, file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// ParseSize reads a size: 20G, 1.5GiB, 512MB or 1073741824, in powers of 1024; 0 is none.
func ParseSize(text string) int64 {
	unit := strings.ToUpper(strings.TrimLeft(text, "0123456789."))
	n, err := strconv.ParseFloat(text[:len(text)-len(unit)], 64)
	shift, ok := map[string]int{
		"": 0, "B": 0, "K": 10, "KB": 10, "KIB": 10, "M": 20, "MB": 20, "MIB": 20,
		"G": 30, "GB": 30, "GIB": 30, "T": 40, "TB": 40, "TIB": 40,
	}[unit]
	if n *= float64(int64(1) << shift); err != nil || !ok || n >= math.MaxInt64 {
		return 0
	}
	return int64(n)
}

// Bytes writes a size for people: 9.5 GiB.
func Bytes(n int64) string {
	size, units := float64(n), []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for size >= 1024 && i < len(units)-1 {
		size, i = size/1024, i+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(size, 'f', 1, 64), ".0") + " " + units[i]
}
