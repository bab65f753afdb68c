package block

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"cloudseed/host"
	"cloudseed/secret"
)

// Grown is what became larger, in bytes. Where nothing changed, After is Before.
type Grown struct{ Before, After int64 }

func (g Grown) Changed() bool { return g.After > g.Before }

func (g Grown) String() string { return "from " + Bytes(g.Before) + " to " + Bytes(g.After) }

// least is the least that a partition is grown by: growpart's, and it leaves room for GPT's
// backup header and alignment.
const least = 2 << 20

// growing is how long a tool may take to grow something: resize2fs writes new group descriptors.
const growing = 30 * time.Minute

// ErrNoTool says that the guest has no program that can change a partition's size.
var ErrNoTool = errors.New("neither growpart nor sfdisk (util-linux 2.26 or later) is installed")

// GrowPartition lets a partition take the free space behind it, by growpart or, without that, by
// sfdisk. GPT's backup header goes to the disk's end. Where there is no room nothing is run.
func GrowPartition(ctx context.Context, h *host.Host, part, disk Layer) (Grown, error) {
	same := Grown{part.Size, part.Size}
	if part.Start >= 0 { // else kpartx made it, and only the tool can tell
		room, err := Room(h, part, disk)
		if err != nil || room < least {
			return same, err
		}
	}
	if err := growPartition(ctx, h, part, disk); err != nil {
		return same, fmt.Errorf("cannot grow %s: %w", part, err)
	}
	after, err := Size(h, part)
	return Grown{part.Size, after}, err
}

func growPartition(ctx context.Context, h *host.Host, part, disk Layer) error {
	n := strconv.Itoa(part.Number)
	if _, err := h.LookPath("growpart"); err == nil {
		// Its files must not be below /tmp, which systemd-tmpfiles may clean meanwhile. Exit code
		// 1 says that there was nothing to do.
		_, err = h.Run(ctx, host.Command{
			Argv: []string{"growpart", disk.Path, n}, Env: []string{"LANG=C", "TMPDIR=/run"}, OK: []int{1}, Timeout: growing,
		})
		return err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	version, err := h.Run(ctx, host.Command{Argv: []string{"sfdisk", "--version"}, Quiet: true})
	if errors.Is(err, fs.ErrNotExist) || err == nil && !sfdiskCan(version.Stdout) {
		return ErrNoTool
	}
	if err != nil {
		return err
	}
	// The disk is in use: the kernel cannot read its table anew, and is told of this one partition.
	_, err = h.Run(ctx, host.Command{
		Argv: []string{"sfdisk", "--no-reread", "-N", n, disk.Path}, Stdin: secret.NewBytes([]byte(",+\n")), Timeout: growing,
	})
	if err != nil {
		return err
	}
	tell := []string{"partx", "--update", "--nr", n, disk.Path}
	if part.Start < 0 {
		tell = []string{"kpartx", "-u", disk.Path}
	}
	_, err = h.Run(ctx, host.Command{Argv: tell})
	return err
}

// sfdiskCan reports whether "sfdisk from util-linux 2.38.1" can change GPT and one partition alone.
func sfdiskCan(version string) bool {
	words := strings.Fields(version)
	if len(words) == 0 {
		return false
	}
	numbers := strings.Split(words[len(words)-1], ".")
	if len(numbers) < 2 {
		return false
	}
	major, err := strconv.Atoi(numbers[0])
	minor, err2 := strconv.Atoi(numbers[1])
	return err == nil && err2 == nil && (major > 2 || major == 2 && minor >= 26)
}

// KeyFile holds the key by which a LUKS device is grown, and the slot to clear afterwards, as
// {"key": base64, "slot": 5}. Whoever builds the image writes it; it is removed after one use.
const KeyFile = "/cc_growpart_keydata"

// luksRoom is more than a LUKS header takes by default (16 MiB), so that a larger gap is room to grow.
const luksRoom = 32 << 20

// ErrNoKey says that LUKS 2 wants its key to grow, and no token has it.
var ErrNoKey = errors.New("LUKS 2 needs its key to grow, and there is no " + KeyFile)

// GrowLUKS lets a LUKS device take all of what it stands on.
func GrowLUKS(ctx context.Context, h *host.Host, luks, below Layer) (Grown, error) {
	same := Grown{luks.Size, luks.Size}
	data, err := h.ReadAtMost(KeyFile, 64<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if below.Size-luks.Size < luksRoom {
			return same, nil
		}
		if _, err := h.Run(ctx, host.Command{Argv: []string{"cryptsetup", "--batch-mode", "resize", luks.Path}}); err != nil {
			if strings.HasPrefix(luks.UUID, "CRYPT-LUKS2-") && !errors.Is(err, fs.ErrNotExist) {
				return same, fmt.Errorf("%s: %w: %w", luks, ErrNoKey, err)
			}
			return same, fmt.Errorf("cannot grow %s: %w", luks, err)
		}
	case err != nil:
		return same, fmt.Errorf("cannot grow %s: %w", luks, err)
	default:
		if err := growByKey(ctx, h, luks, below, data); err != nil {
			return same, fmt.Errorf("cannot grow %s: %w", luks, err)
		}
	}
	after, err := Size(h, luks)
	return Grown{luks.Size, after}, err
}

// growByKey uses the key once: its slot is cleared and its file removed, whatever came of it.
func growByKey(ctx context.Context, h *host.Host, luks, below Layer, data []byte) error {
	var key struct {
		Key  []byte      `json:"key"`
		Slot json.Number `json:"slot"`
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&key); err != nil || len(key.Key) == 0 || key.Slot == "" {
		return fmt.Errorf("%s: expected JSON with key (base64) and slot", KeyFile) // the cause would quote the key
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"cryptsetup", "--key-file", "-", "resize", luks.Path}, Stdin: secret.NewBytes(key.Key)})
	_, killed := h.Run(ctx, host.Command{Argv: []string{"cryptsetup", "luksKillSlot", "--batch-mode", below.Path, key.Slot.String()}})
	return errors.Join(err, killed, h.Remove(KeyFile))
}

// GrowPV lets a physical volume take all of its device. Where there is none, or no room, nothing is run.
func GrowPV(ctx context.Context, h *host.Host, device Layer) (Grown, error) {
	size, ok, err := PVSize(h, device.Path)
	if err != nil || !ok || device.Size-size < least {
		return Grown{size, size}, err
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"lvm", "pvresize", device.Path}, Timeout: growing}); err != nil {
		return Grown{size, size}, fmt.Errorf("cannot grow the physical volume %s: %w", device.Path, err)
	}
	after, _, err := PVSize(h, device.Path)
	return Grown{size, max(size, after)}, err
}

// PVs returns how many physical volumes a volume group has.
func PVs(ctx context.Context, h *host.Host, vg string) (int, error) {
	result, err := h.Run(ctx, host.Command{Argv: []string{"lvm", "vgs", "--noheadings", "-o", "pv_count", "--", vg}, Quiet: true})
	if err != nil {
		return 0, fmt.Errorf("cannot tell the physical volumes of VG %s: %w", vg, err)
	}
	return strconv.Atoi(strings.TrimSpace(result.Stdout))
}

// ExtendLV gives an LV more room: a size in bytes that it is to have, or, if that is 0, a
// percentage of what is free in its VG. One that is as large is unchanged.
func ExtendLV(ctx context.Context, h *host.Host, lv Layer, size int64, percent int) (Grown, error) {
	same := Grown{lv.Size, lv.Size}
	argv := []string{"lvm", "lvextend", "-l", fmt.Sprintf("+%d%%FREE", percent), "--", lv.VG + "/" + lv.LV}
	switch {
	case size > 0 && size <= lv.Size:
		return same, nil
	case size > 0:
		argv[2], argv[3] = "-L", strconv.FormatInt(size, 10)+"b"
	default:
		free, err := h.Run(ctx, host.Command{Argv: []string{"lvm", "vgs", "--noheadings", "-o", "vg_free_count", "--", lv.VG}, Quiet: true})
		if err != nil {
			return same, fmt.Errorf("cannot tell what is free in VG %s: %w", lv.VG, err)
		}
		if strings.TrimSpace(free.Stdout) == "0" { // lvextend takes that for an error
			return same, nil
		}
	}
	if _, err := h.Run(ctx, host.Command{Argv: argv, Timeout: growing}); err != nil {
		return same, fmt.Errorf("cannot grow %s: %w", lv, err)
	}
	after, err := Size(h, lv)
	return Grown{lv.Size, after}, err
}

// ErrUnknownType says that a file system's type is not one that can grow here.
var ErrUnknownType = errors.New("its type of file system is not known")

// FileSystemGrowth returns what a mounted file system could grow to, and the command for it; no
// command where it is as large as its device already.
func FileSystemGrowth(ctx context.Context, h *host.Host, m Mount, device Layer) (Grown, []string, error) {
	kind := m.Type
	if strings.HasPrefix(kind, "ext") {
		kind = "ext"
	}
	if kind != "ext" && kind != "xfs" && kind != "btrfs" {
		return Grown{}, nil, fmt.Errorf("%s (%s): %w", m.Point, m.Type, ErrUnknownType)
	}
	size, ok, err := FileSystemSize(h, device.Path)
	if err != nil {
		return Grown{}, nil, err
	}
	// A file system has whole blocks, and btrfs whole 4096-byte sectors, of its device.
	if grown := (Grown{size, size}); ok && device.Size-size < 1<<20 {
		return grown, nil, nil
	}
	grown := Grown{size, device.Size}
	if kind == "ext" {
		return grown, []string{"resize2fs", device.Path}, nil
	}
	point, err := Writable(h, m)
	if err != nil {
		return grown, nil, err
	}
	if kind == "xfs" {
		return grown, []string{"xfs_growfs", point}, nil
	}
	return btrfsGrowth(ctx, h, m, device, point, grown)
}

func btrfsGrowth(ctx context.Context, h *host.Host, m Mount, device Layer, point string, grown Grown) (Grown, []string, error) {
	if snapshots := strings.TrimSuffix(m.Point, "/") + "/.snapshots"; m.ReadOnly && point == m.Point && h.Exists(snapshots) {
		point = snapshots // snapper's, a subvolume that is writable
	}
	id, err := BtrfsID(h, device.Path)
	if err != nil {
		return grown, nil, err
	}
	to := "max"
	if id > 1 { // a plain max is that of device 1
		to = strconv.FormatUint(id, 10) + ":max"
	}
	argv := []string{"btrfs", "filesystem", "resize"}
	version, err := h.Run(ctx, host.Command{Argv: []string{"btrfs", "--version"}, Quiet: true})
	if err != nil {
		return grown, nil, err
	}
	if queues(version.Stdout) {
		argv = append(argv, "--enqueue")
	}
	return grown, append(argv, to, point), nil
}

// queues reports whether "btrfs-progs v6.2" can wait for another exclusive operation: 5.10 can.
func queues(version string) bool {
	_, numbers, _ := strings.Cut(strings.SplitN(version, "\n", 2)[0], " v")
	major, rest, _ := strings.Cut(strings.TrimSpace(numbers), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && (a > 5 || a == 5 && b >= 10)
}

// GrowFileSystem lets a mounted file system take all of its device. Where there is no room
// nothing is run.
func GrowFileSystem(ctx context.Context, h *host.Host, m Mount, device Layer) (Grown, error) {
	grown, argv, err := FileSystemGrowth(ctx, h, m, device)
	if err != nil || argv == nil {
		return grown, err
	}
	same := Grown{grown.Before, grown.Before}
	result, err := h.Run(ctx, host.Command{Argv: argv, Timeout: growing})
	if err != nil {
		return same, fmt.Errorf("cannot grow the file system at %s: %w", m.Point, err)
	}
	// The superblock of a mounted XFS may be that of before: what its tool says counts.
	if _, changed, ok := strings.Cut(result.Stdout, "data blocks changed from "); m.Type == "xfs" && !ok {
		return same, nil
	} else if ok {
		var before, after int64
		if _, err := fmt.Sscanf(changed, "%d to %d", &before, &after); err == nil && before > 0 && after > before {
			grown.After = grown.Before / before * after // whole blocks
		}
	}
	return grown, nil
}
