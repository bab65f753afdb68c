package block

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"cloudseed/host"
)

// filling is how long a swap file may take to be written.
const filling = 30 * time.Minute

// IsActiveSwap reports whether the kernel swaps to a file.
func IsActiveSwap(h *host.Host, file string) bool {
	data, err := h.ReadFile("/proc/swaps")
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); err == nil && len(words) > 0 && words[0] == Escape(file) {
			return true
		}
	}
	return false
}

// SwapFile is a swap file that is to be there. Sizes are in bytes.
type SwapFile struct {
	Path string
	Size int64 // 0: by the size of memory and the free space
	Max  int64 // the most that it may then be; 0: a quarter of the free space
}

// CreateSwap creates a swap file, and returns its size: 0 where there is no room for any. Only a
// file that is empty or swap already is written over.
func CreateSwap(ctx context.Context, h *host.Host, s SwapFile) (int64, error) {
	if err := mayBeSwap(h, s.Path); err != nil {
		return 0, err
	}
	dir := path.Dir(s.Path)
	if !h.Exists(dir) {
		if err := h.Mkdir(dir, 0o755, host.Owner{}); err != nil {
			return 0, err
		}
	}
	if s.Size == 0 {
		size, err := suggested(ctx, h, dir, s.Max)
		if err != nil {
			return 0, err
		}
		s.Size = size
	}
	mib := s.Size >> 20
	if mib == 0 {
		return 0, nil
	}
	err := fill(ctx, h, s.Path, dir, strconv.FormatInt(mib, 10))
	if err == nil {
		_, err = h.Run(ctx, host.Command{Argv: []string{"mkswap", s.Path}})
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("cannot create the swap file %s: %w", s.Path, err), h.Remove(s.Path))
	}
	return mib << 20, nil
}

// mayBeSwap refuses to write over a file that is not swap.
func mayBeSwap(h *host.Host, file string) error {
	info, err := h.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		f, err := h.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		page := make([]byte, 4096)
		// One of zeros is what a power cut left of its creation.
		if _, err := io.ReadFull(f, page); err == nil && (string(page[4086:]) == "SWAPSPACE2" || len(bytes.Trim(page, "\x00")) == 0) {
			return nil
		}
	}
	// Difference from cloud-init: it writes over any file.
	return fmt.Errorf("%s is there, and is not a swap file; it is unchanged", file)
}

// fill makes the file that large, all its blocks allocated, and readable to root alone at any time.
func fill(ctx context.Context, h *host.Host, file, dir, mib string) error {
	if _, err := h.WriteFile(file, nil, host.File{Mode: 0o600, Secret: true}); err != nil {
		return err
	}
	kind := fileSystemOf(h, dir)
	if kind == "btrfs" { // it swaps to files without copy on write only
		if _, err := h.Run(ctx, host.Command{Argv: []string{"chattr", "+C", file}}); err != nil {
			return err
		}
	}
	// Before Linux 4.18, swapon refuses the unwritten extents that fallocate leaves on XFS.
	if kind != "xfs" || !olderThan(h.Kernel().Release, 4, 18) {
		if _, err := h.Run(ctx, host.Command{Argv: []string{"fallocate", "-l", mib + "M", file}, Timeout: filling}); err == nil {
			return nil
		} // else the file system knows no fallocate, or there is no room, which dd finds out
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=" + mib}, Timeout: filling})
	return err
}

// fileSystemOf is the type of the file system that a directory is on; "" if that is not known.
func fileSystemOf(h *host.Host, dir string) string {
	for ; ; dir = path.Dir(dir) {
		if mount, err := MountAt(h, dir); err == nil {
			return mount.Type
		}
		if dir == "/" {
			return ""
		}
	}
}

// olderThan reports whether a kernel's release, "3.10.0-1160.el7", is before a version.
func olderThan(release string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a < major || a == major && b < minor
}

// suggested is cloud-init's choice of a size: that of a small memory, 4 GiB up to 16 of memory, the
// square root of GiBs above; never more than the limit or a quarter of the free space.
func suggested(ctx context.Context, h *host.Host, dir string, most int64) (int64, error) {
	memory, err := memorySize(h)
	if err != nil {
		return 0, err
	}
	result, err := h.Run(ctx, host.Command{Argv: []string{"stat", "--file-system", "--format", "%S %f", dir}, Quiet: true})
	if err != nil {
		return 0, err
	}
	var size, blocks int64
	if _, err := fmt.Sscanf(result.Stdout, "%d %d", &size, &blocks); err != nil {
		return 0, fmt.Errorf("cannot tell what is free at %s: %w", dir, err)
	}
	return suggestedSwap(memory, size*blocks, most), nil
}

func suggestedSwap(memory, free, most int64) int64 {
	const gib = 1 << 30
	switch {
	case most == 0:
		most = min(free/4, memory*2)
	case most > free/10*9:
		most = free / 10 * 9
	}
	want := memory
	if memory >= 16*gib {
		want = int64(math.RoundToEven(math.Sqrt(float64(memory)/gib))) * gib
	} else if memory >= 4*gib {
		want = 4 * gib
	}
	return min(want, most)
}

func memorySize(h *host.Host) (int64, error) {
	data, err := h.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("cannot tell the size of memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("cannot tell the size of memory: /proc/meminfo has no MemTotal")
}
