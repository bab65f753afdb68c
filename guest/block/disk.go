package block

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"cloudseed/host"
	"cloudseed/secret"
)

// Content is what is on a device.
type Content struct {
	Path      string
	Partition bool
	FSType    string // a file system, swap, LVM2_member, crypto_LUKS, linux_raid_member; "": nothing known
	Label     string
}

// Member reports whether the device is a part of something else: of a VG, a LUKS device or an array.
func (c Content) Member() bool {
	return strings.HasSuffix(c.FSType, "_member") || c.FSType == "crypto_LUKS"
}

// Contents returns what is on a device, then on its partitions in their order. The devices
// themselves are asked, and not what udev remembers of them.
func Contents(ctx context.Context, h *host.Host, device string) ([]Content, error) {
	name, err := NameOf(h, device)
	if err != nil {
		return nil, err
	}
	partitions, err := partitionsOf(h, name)
	if err != nil {
		return nil, err
	}
	devices := []string{device}
	for _, n := range slices.Sorted(maps.Keys(partitions)) {
		devices = append(devices, "/dev/"+strings.ReplaceAll(partitions[n], "!", "/"))
	}
	contents := make([]Content, len(devices))
	for i, device := range devices {
		if contents[i], err = probe(ctx, h, device); err != nil {
			return nil, err
		}
		contents[i].Partition = i > 0
	}
	top, err := describe(h, name)
	contents[0].Partition = top.Kind == Partition
	return contents, err
}

// Exit codes of blkid(8).
const (
	blkidNothing = 2
	blkidSeveral = 8
)

func probe(ctx context.Context, h *host.Host, device string) (Content, error) {
	c := Content{Path: device}
	result, err := h.Run(ctx, host.Command{Argv: []string{"blkid", "-p", "-o", "export", device}, OK: []int{blkidNothing, blkidSeveral}, Quiet: true})
	if err != nil {
		return c, fmt.Errorf("cannot tell what is on %s: %w", device, err)
	}
	if result.Exit == blkidSeveral {
		c.FSType = "something of several types"
	}
	for line := range strings.Lines(result.Stdout) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		value = strings.ReplaceAll(value, `\`, "")
		switch key {
		case "TYPE":
			c.FSType = value
		case "LABEL":
			c.Label = value
		}
	}
	return c, nil
}

// partitionsOf returns the names of a disk's partitions by their numbers.
func partitionsOf(h *host.Host, disk string) (map[int64]string, error) {
	files, err := h.Glob("/sys/class/block/" + disk + "/*/partition")
	if err != nil {
		return nil, err
	}
	names := map[int64]string{}
	for _, file := range files {
		n, err := number(h, file)
		if err != nil {
			return nil, err
		}
		names[n] = path.Base(path.Dir(file))
	}
	return names, nil
}

// InUseError says that a device must not be written to.
type InUseError struct{ Device, Why string }

func (e *InUseError) Error() string { return e.Device + " is in use: " + e.Why }

// InUse returns an *InUseError if a device, or what is on it, is mounted, is swap, or has an active
// LV, LUKS, md or other device standing on it.
func InUse(h *host.Host, name string) error {
	mounts, err := Mounts(h)
	if err != nil {
		return err
	}
	swaps, err := h.ReadFile("/proc/swaps")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	partitions, err := partitionsOf(h, name)
	if err != nil {
		return err
	}
	for _, n := range append([]string{name}, slices.Sorted(maps.Values(partitions))...) {
		if why, err := use(h, n, mounts, string(swaps)); err != nil || why != "" {
			if err != nil {
				return err
			}
			return &InUseError{Device: "/dev/" + strings.ReplaceAll(name, "!", "/"), Why: why}
		}
	}
	return nil
}

// use is what one device is used for; "": nothing.
func use(h *host.Host, name string, mounts []Mount, swaps string) (string, error) {
	dir, device := "/sys/class/block/"+name, "/dev/"+strings.ReplaceAll(name, "!", "/")
	holders, err := h.ReadDir(dir + "/holders")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if len(holders) > 0 {
		holder, err := describe(h, holders[0].Name())
		return fmt.Sprintf("%s stands on %s", holder, device), err
	}
	number, err := read(h, dir+"/dev")
	if err != nil {
		return "", err
	}
	for _, mount := range mounts {
		of, err := NameOf(h, mount.Source)
		if mount.Device == number || err == nil && of == name {
			return fmt.Sprintf("%s is mounted on %s", device, mount.Point), nil
		}
	}
	for line := range strings.Lines(swaps) {
		words := strings.Fields(line)
		if len(words) == 0 || !strings.HasPrefix(words[0], "/dev/") {
			continue
		}
		if of, err := NameOf(h, unescape(words[0])); err == nil && of == name {
			return device + " is swap", nil
		}
	}
	// A file system of several devices is mounted by one of them.
	if of, err := h.Glob("/sys/fs/btrfs/*/devices/" + name); err != nil || len(of) > 0 {
		return device + " is of a mounted btrfs file system", err
	}
	return "", nil
}

// Part is a partition to create.
type Part struct {
	Percent float64 // of the disk; the last one takes what remains
	Type    string  // 83, 8300, a GUID; "": Linux
}

// The GUIDs of partition types (UEFI, Discoverable Partitions Specification), by gdisk's codes.
var typeGUIDs = map[string]string{
	"0700": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", // Microsoft basic data
	"8200": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", // swap
	"8300": linuxGUID,
	"8302": "933AC7E1-2EB4-4F13-B844-0E14E2AEF915", // /home
	"8304": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", // / of x86-64
	"8306": "3B8F8425-20E0-4F3B-907F-1A25A76F98E8", // /srv
	"8309": "CA7D7CCB-63ED-4C53-861C-1742536059CC", // LUKS
	"8310": "4D21B016-B534-45C2-A9FB-5C16E091FD2D", // /var
	"8E00": "E6D6D379-F507-44C2-A23C-238F2A3DF928", // LVM
	"EF00": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", // EFI system partition
	"EF02": "21686148-6449-6E6F-744E-656564454649", // BIOS boot
	"FD00": "A19D880F-05FC-4D3B-A006-743F0F84911E", // RAID
}

const linuxGUID = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"

// TypeGUID returns the GUID of a partition type, which may be one, gdisk's code (8200) or MBR's (82).
func TypeGUID(code string) (guid string, ok bool) {
	code = strings.ToUpper(strings.TrimPrefix(strings.ToLower(code), "0x"))
	if len(code) == 36 {
		return code, true
	}
	for len(code) < 4 {
		code += "0"
	}
	guid, ok = typeGUIDs[code]
	return guid, ok
}

// Matches reports whether a disk has these partitions already: as many, and of the types that are
// given. Without parts, any partition does.
func Matches(ctx context.Context, h *host.Host, disk Layer, parts []Part) (bool, error) {
	byNumber, err := partitionsOf(h, disk.Name)
	if err != nil {
		return false, err
	}
	if parts == nil {
		return len(byNumber) > 0, nil
	}
	if len(byNumber) != len(parts) {
		return false, nil
	}
	for i, part := range parts {
		name, there := byNumber[int64(i+1)]
		if !there {
			return false, nil
		}
		device := "/dev/" + strings.ReplaceAll(name, "!", "/")
		if part.Type == "" {
			continue
		}
		result, err := h.Run(ctx, host.Command{Argv: []string{"blkid", "-p", "-s", "PART_ENTRY_TYPE", "-o", "value", device}, OK: []int{2}, Quiet: true})
		if err != nil {
			return false, fmt.Errorf("cannot tell the type of %s: %w", device, err)
		}
		if !sameType(strings.TrimSpace(result.Stdout), part.Type) {
			return false, nil
		}
	}
	return true, nil
}

func sameType(found, want string) bool {
	if a, err := strconv.ParseUint(strings.TrimPrefix(found, "0x"), 16, 8); err == nil { // MBR
		b, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(want), "0x"), 16, 8)
		return err == nil && a == b
	}
	guid, ok := TypeGUID(want)
	return ok && strings.EqualFold(found, guid)
}

// PartitionDisk writes a new partition table, "mbr" or "gpt", by sfdisk, or sgdisk for GPT if it is
// installed. The caller has looked at what is on the disk.
func PartitionDisk(ctx context.Context, h *host.Host, disk Layer, table string, parts []Part) error {
	if err := InUse(h, disk.Name); err != nil {
		return err
	}
	sector, err := number(h, "/sys/class/block/"+disk.Name+"/queue/logical_block_size")
	if err != nil || sector <= 0 {
		return fmt.Errorf("cannot tell the sectors of %s: %w", disk.Path, err)
	}
	if parts == nil {
		parts = []Part{{}}
	}
	sizes := make([]string, len(parts)) // in sectors; "" is all that remains
	for i, part := range parts[:len(parts)-1] {
		sizes[i] = strconv.FormatInt(int64(float64(disk.Size/sector)*part.Percent/100), 10)
	}
	if _, err := h.LookPath("sgdisk"); table == "gpt" && err == nil {
		if err := bySgdisk(ctx, h, disk, sizes, parts); err != nil {
			return err
		}
		return reread(ctx, h, disk)
	}
	argv := []string{"sfdisk", "-uS", "--force", disk.Path}
	if table == "gpt" {
		argv = []string{"sfdisk", "-X", "gpt", "--force", disk.Path}
	}
	var script strings.Builder
	for i, part := range parts {
		kind := part.Type
		switch guid, ok := TypeGUID(kind); {
		case table == "gpt" && ok:
			kind = guid
		case table == "gpt":
			kind = linuxGUID
		case kind == "":
			kind = "83"
		}
		fmt.Fprintf(&script, ",%s,%s\n", sizes[i], kind)
	}
	_, err = h.Run(ctx, host.Command{Argv: argv, Stdin: secret.NewBytes([]byte(script.String())), Timeout: growing})
	if err != nil {
		return err
	}
	return reread(ctx, h, disk)
}

func bySgdisk(ctx context.Context, h *host.Host, disk Layer, sizes []string, parts []Part) error {
	commands := [][]string{{"sgdisk", "-Z", disk.Path}}
	for i, part := range parts {
		n, end := strconv.Itoa(i+1), "0"
		if sizes[i] != "" {
			end = "+" + sizes[i]
		}
		commands = append(commands, []string{"sgdisk", "-n", n + ":0:" + end, disk.Path})
		if part.Type != "" {
			kind := part.Type
			for len(kind) < 4 {
				kind += "0"
			}
			commands = append(commands, []string{"sgdisk", "-t", n + ":" + kind, disk.Path})
		}
	}
	for _, argv := range commands {
		if _, err := h.Run(ctx, host.Command{Argv: argv, Timeout: growing}); err != nil {
			return err
		}
	}
	return nil
}

// WipeDisk removes what is on a disk: signatures on its partitions, and its table at both ends.
func WipeDisk(ctx context.Context, h *host.Host, disk Layer) error {
	if err := InUse(h, disk.Name); err != nil {
		return err
	}
	partitions, err := partitionsOf(h, disk.Name)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Values(partitions)) {
		if _, err := h.Run(ctx, host.Command{Argv: []string{"wipefs", "--all", "/dev/" + strings.ReplaceAll(name, "!", "/")}}); err != nil {
			return err
		}
	}
	const mib = 1 << 20
	zeros := []string{"dd", "if=/dev/zero", "of=" + disk.Path, "bs=" + strconv.Itoa(sectorSize), "count=" + strconv.Itoa(mib/sectorSize), "conv=notrunc,fsync"}
	for _, at := range []int64{0, max(0, disk.Size-mib) / sectorSize} {
		if _, err := h.Run(ctx, host.Command{Argv: append(zeros[:len(zeros):len(zeros)], "seek="+strconv.FormatInt(at, 10))}); err != nil {
			return err
		}
	}
	return reread(ctx, h, disk)
}

// reread has the kernel read a disk's table, and waits for udev.
func reread(ctx context.Context, h *host.Host, disk Layer) error {
	argv := []string{"partprobe", disk.Path}
	if _, err := h.LookPath("partprobe"); err != nil {
		argv = []string{"blockdev", "--rereadpt", disk.Path}
	}
	_, err := h.Run(ctx, host.Command{Argv: argv})
	return errors.Join(err, Settle(ctx, h))
}

// Settle waits until udev has done with the devices that the kernel named.
func Settle(ctx context.Context, h *host.Host) error {
	if _, err := h.LookPath("udevadm"); err != nil {
		return nil // without udev there is nothing to wait for
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"udevadm", "settle"}, Quiet: true})
	return err
}

// NewFileSystem is a file system to create.
type NewFileSystem struct {
	Type, Label, Device string
	Force               bool // what mkfs finds on the device does not stop it
	Options             []string
}

// MakeFileSystem creates a file system, or swap, on a device that is not in use.
func MakeFileSystem(ctx context.Context, h *host.Host, n NewFileSystem) error {
	name, err := NameOf(h, n.Device)
	if err != nil {
		return err
	}
	if err := InUse(h, name); err != nil {
		return err
	}
	argv := []string{"mkfs." + n.Type}
	if _, err := h.LookPath(argv[0]); err != nil {
		argv[0] = "mk" + n.Type // mkswap
	}
	if n.Label != "" {
		flag := "-L"
		switch n.Type {
		case "vfat", "fat", "msdos":
			flag = "-n"
		case "f2fs":
			flag = "-l"
		}
		argv = append(argv, flag, n.Label)
	}
	if n.Force {
		switch {
		case strings.HasPrefix(n.Type, "ext"):
			argv = append(argv, "-F")
		case n.Type == "xfs" || n.Type == "btrfs" || n.Type == "swap" || n.Type == "f2fs":
			argv = append(argv, "-f")
		}
	}
	_, err = h.Run(ctx, host.Command{Argv: append(append(argv, n.Options...), n.Device), Timeout: growing})
	return err
}
