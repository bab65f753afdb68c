package block

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/test/needs"
)

func TestASwapFileIsCreated(t *testing.T) {
	t.Parallel()
	const mkswap, fallocate, dd, free = "mkswap /var/swap", "fallocate -l 64M /var/swap", "dd if=/dev/zero of=/var/swap bs=1M count=64", "stat --file-system --format %S %f /var"
	failed := &host.ExitError{Argv: []string{"it"}, Exit: 1}
	for name, test := range map[string]struct {
		fs, existing string
		fails        []string
		auto         bool
		free         string
		want, err    string
	}{
		"by fallocate":                        {fs: "xfs", want: fallocate + "; " + mkswap},
		"on btrfs without copy on write":      {fs: "btrfs", want: "chattr +C /var/swap; " + fallocate + "; " + mkswap},
		"by dd where fallocate is not known":  {fs: "ext3", fails: []string{"fallocate"}, want: fallocate + "; " + dd + "; " + mkswap},
		"not where there is no room":          {fs: "xfs", fails: []string{"fallocate", "dd"}, want: fallocate + "; " + dd, err: "cannot create the swap file /var/swap"},
		"not if mkswap fails":                 {fs: "xfs", fails: []string{"mkswap"}, want: fallocate + "; " + mkswap, err: "cannot create the swap file /var/swap"},
		"not over another file":               {fs: "xfs", existing: "precious", err: "/var/swap is there, and is not a swap file; it is unchanged"},
		"over one that was swap":              {fs: "xfs", existing: strings.Repeat("x", 4086) + "SWAPSPACE2", want: fallocate + "; " + mkswap},
		"over one that a power cut left":      {fs: "xfs", existing: strings.Repeat("\x00", 8192), want: fallocate + "; " + mkswap},
		"with a size by the free space":       {fs: "xfs", auto: true, free: "4096 65536\n", want: free + "; " + fallocate + "; " + mkswap},
		"none where a quarter is less than 1": {fs: "xfs", auto: true, free: "4096 100\n", want: free},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := blocktest.New(t, hosttest.New(t))
			m.Mount("252:0 / / rw - ext4 /dev/vda rw")
			m.Mount("252:1 / /var rw - " + test.fs + " /dev/vdb rw")
			m.Put(t, "/proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n")
			m.Answer(free, host.Result{Stdout: test.free}, nil)
			if test.existing != "" {
				m.Put(t, "/var/swap", test.existing)
			}
			for _, program := range test.fails {
				m.Answer(program, host.Result{Exit: 1}, failed)
			}
			s := SwapFile{Path: "/var/swap", Size: 64 << 20}
			if test.auto {
				s.Size = 0
			}
			size, err := CreateSwap(t.Context(), m.Host, s)
			if got := strings.Join(m.Lines(), "; "); got != test.want {
				t.Errorf("it runs %q, want %q", got, test.want)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
			if created := strings.HasSuffix(test.want, mkswap) && test.err == ""; created != (size == 64<<20) {
				t.Errorf("the size is %d", size)
			}
			if test.fails != nil && test.err != "" && m.Exists("/var/swap") {
				t.Error("what failed is still there")
			}
		})
	}
}

func TestTheSizeOfSwapIsChosen(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, test := range map[string]struct{ memory, free, most, want int64 }{
		"as much as a small memory":    {2 * gib, 100 * gib, 0, 2 * gib},
		"4 GiB for a middle one":       {8 * gib, 100 * gib, 0, 4 * gib},
		"the square root of a large":   {64 * gib, 100 * gib, 0, 8 * gib},
		"a quarter of what is free":    {8 * gib, 8 * gib, 0, 2 * gib},
		"at most what is asked for":    {8 * gib, 100 * gib, gib, gib},
		"at most most of what is free": {8 * gib, 10 * gib / 10, 100 * gib, gib / 10 * 9},
	} {
		if got := suggestedSwap(test.memory, test.free, test.most); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestASwapFileIsKnownToBeActive(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if IsActiveSwap(m.Host, "/swap.img") {
		t.Error("active without /proc/swaps")
	}
	m.Put(t, "/proc/swaps", "Filename\tType\tSize\n/my\\040swap file 1\n/swap.img file 1\n")
	for file, want := range map[string]bool{"/swap.img": true, "/my swap": true, "/swap": false, "Filename\tType": false} {
		if IsActiveSwap(m.Host, file) != want {
			t.Errorf("%q: not %v", file, want)
		}
	}
}

func TestARealSwapFile(t *testing.T) {
	needs.Programs(t, "mkswap", "fallocate")
	file := filepath.Join(t.TempDir(), "a", "swap")
	h := host.New("/", host.Options{})
	size, err := CreateSwap(t.Context(), h, SwapFile{Path: file, Size: 4<<20 + 1})
	if err != nil || size != 4<<20 {
		t.Fatalf("%d, %v", size, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 4<<20 {
		t.Errorf("%v, %v", info, err)
	}
	if err := mayBeSwap(h, file); err != nil {
		t.Error(err)
	}
	if _, err := CreateSwap(t.Context(), h, SwapFile{Path: filepath.Dir(file), Size: 4 << 20}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("over a directory: %v", err)
	}
}
