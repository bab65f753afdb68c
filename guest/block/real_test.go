package block

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"
)

// disk makes a loop device of a new file with a partition table by sfdisk, and makes it larger
// than the table knows. It leaves the test out where this machine has no loop devices.
func disk(t *testing.T, before, after int64, table string) string {
	t.Helper()
	needs.Root(t)
	needs.Programs(t, "losetup", "sfdisk", "partx")
	file := filepath.Join(t.TempDir(), "disk")
	sized(t, file, before)
	if table != "" {
		cmd := exec.CommandContext(t.Context(), "sfdisk", "-q", file)
		cmd.Stdin = strings.NewReader(table)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sfdisk: %v: %s", err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", file).CombinedOutput()
	if err != nil {
		needs.LeftOut(t, "loop devices: "+strings.TrimSpace(string(out)))
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if table != "" {
			undo(t, "partx", "--delete", device)
		}
		undo(t, "losetup", "--detach", device)
	})
	if table != "" {
		// The kernel may read no partition tables by itself.
		_ = exec.CommandContext(t.Context(), "partx", "--add", device).Run()
		if _, err := os.Stat(device + "p1"); err != nil {
			needs.LeftOut(t, "partitions of loop devices")
		}
	}
	if after > 0 {
		sized(t, file, after)
		do(t, "losetup", "--set-capacity", device)
	}
	return device
}

func sized(t *testing.T, file string, mib int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(mib << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

// undo runs when the test's context is over.
func undo(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%q: %v: %s", argv, err, out)
	}
}

// without is this machine without one program.
func without(program string) *host.Host {
	return host.New("/", host.Options{LookPath: func(name string) (string, error) {
		if name == program {
			return "", &host.MissingError{Program: name}
		}
		return exec.LookPath(name)
	}})
}

func TestARealPartitionAndItsFileSystemGrowWhileMounted(t *testing.T) {
	for name, test := range map[string]struct {
		table, tool string
		mkfs        []string
	}{
		"GPT, XFS, sfdisk":   {"label: gpt\nsize=320M\n", "sfdisk", []string{"mkfs.xfs", "-q"}},
		"GPT, XFS, growpart": {"label: gpt\nsize=320M\n", "growpart", []string{"mkfs.xfs", "-q"}},
		"MBR, btrfs, sfdisk": {"label: dos\nsize=320M\n", "sfdisk", []string{"mkfs.btrfs", "-q"}},
		"GPT, ext4, sfdisk":  {"label: gpt\nsize=320M\n", "sfdisk", []string{"mkfs.ext4", "-q"}},
	} {
		t.Run(name, func(t *testing.T) {
			needs.Programs(t, test.mkfs[0], test.tool)
			device := disk(t, 400, 600, test.table)
			h := host.New("/", host.Options{})
			if test.tool == "sfdisk" {
				h = without("growpart")
			}
			do(t, append(test.mkfs, device+"p1")...)
			point := t.TempDir()
			do(t, "mount", device+"p1", point)
			t.Cleanup(func() { undo(t, "umount", point) })
			m, err := MountAt(h, point)
			if err != nil {
				t.Fatal(err)
			}
			layers, err := Of(h, m)
			if err != nil {
				t.Fatal(err)
			}
			if len(layers) != 2 || layers[0].Path != device+"p1" || layers[1].Path != device || layers[0].Size != 320<<20 {
				t.Fatalf("the layers are %v", layers)
			}
			grown, err := GrowPartition(t.Context(), h, layers[0], layers[1])
			if err != nil || grown.Before != 320<<20 || grown.After < 597<<20 {
				t.Fatalf("the partition grew %s: %v", grown, err)
			}
			if out := do(t, "sfdisk", "--verify", device); strings.Contains(out, "backup") || !strings.Contains(out, "No errors detected") {
				t.Errorf("sfdisk finds %s", out)
			}
			if layers, err = Of(h, m); err != nil {
				t.Fatal(err)
			}
			if again, err := GrowPartition(t.Context(), without("sfdisk"), layers[0], layers[1]); err != nil || again.Changed() {
				t.Errorf("the second time it grew %s: %v", again, err)
			}
			fs, err := GrowFileSystem(t.Context(), h, m, layers[0])
			if err != nil && m.Type == "ext4" && strings.Contains(err.Error(), "Permission denied") {
				needs.LeftOut(t, "CAP_SYS_RESOURCE, by which ext4 grows while mounted")
			}
			if err != nil || fs.Before != 320<<20 || fs.After != layers[0].Size {
				t.Errorf("the file system grew %s: %v", fs, err)
			}
		})
	}
}

func TestSuperblocksAreReadAsRealToolsWriteThem(t *testing.T) {
	for name, argv := range map[string][]string{
		"ext2": {"mkfs.ext2", "-q"}, "ext4 of small blocks": {"mkfs.ext4", "-q", "-b", "1024"}, "ext4 for 64 bits": {"mkfs.ext4", "-q", "-O", "64bit"},
		"XFS": {"mkfs.xfs", "-q"}, "btrfs": {"mkfs.btrfs", "-q"},
	} {
		t.Run(name, func(t *testing.T) {
			needs.Programs(t, argv[0])
			file := filepath.Join(t.TempDir(), "fs")
			sized(t, file, 320)
			do(t, append(argv, file)...)
			size, ok, err := FileSystemSize(host.New("/", host.Options{}), file)
			if size != 320<<20 || !ok || err != nil {
				t.Errorf("its size is %d, %v, %v", size, ok, err)
			}
		})
	}
}

func TestARealPhysicalVolumeGrows(t *testing.T) {
	needs.Programs(t, "lvm")
	device := disk(t, 100, 0, "")
	h := host.New("/", host.Options{})
	do(t, "lvm", "pvcreate", "-q", device)
	file := strings.TrimSpace(do(t, "losetup", "--noheadings", "--output", "BACK-FILE", device))
	sized(t, file, 200)
	do(t, "losetup", "--set-capacity", device)
	name, err := NameOf(h, device)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := Under(h, name)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Grown{{100 << 20, 200 << 20}, {200 << 20, 200 << 20}} {
		if grown, err := GrowPV(t.Context(), h, layers[0]); err != nil || grown != want {
			t.Errorf("time %d: it grew %s, %v", i+1, grown, err)
		}
	}
}
