package block

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/test/needs"
)

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
			device := blocktest.Loop(t, 400, 600, test.table)
			h := host.New("/", host.Options{})
			if test.tool == "sfdisk" {
				h = without("growpart")
			}
			blocktest.Do(t, append(test.mkfs, device+"p1")...)
			point := t.TempDir()
			blocktest.Do(t, "mount", device+"p1", point)
			t.Cleanup(func() { blocktest.Undo(t, "umount", point) })
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
			if out := blocktest.Do(t, "sfdisk", "--verify", device); strings.Contains(out, "backup") || !strings.Contains(out, "No errors detected") {
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
				needs.Rare(t, "CAP_SYS_RESOURCE, by which ext4 grows while mounted")
			}
			if err != nil || fs.Before != 320<<20 || layers[0].Size-fs.After >= 4096 {
				t.Errorf("the file system grew %s: %v", fs, err)
			}
			if again, err := GrowFileSystem(t.Context(), h, m, layers[0]); err != nil || again.Changed() {
				t.Errorf("the second time the file system grew %s: %v", again, err)
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
			blocktest.Sized(t, file, 320)
			blocktest.Do(t, append(argv, file)...)
			size, ok, err := FileSystemSize(host.New("/", host.Options{}), file)
			if size != 320<<20 || !ok || err != nil {
				t.Errorf("its size is %d, %v, %v", size, ok, err)
			}
		})
	}
}

func TestARealPhysicalVolumeGrows(t *testing.T) {
	needs.Programs(t, "lvm")
	device := blocktest.Loop(t, 100, 0, "")
	h := host.New("/", host.Options{})
	blocktest.Do(t, "lvm", "pvcreate", "-q", device)
	file := strings.TrimSpace(blocktest.Do(t, "losetup", "--noheadings", "--output", "BACK-FILE", device))
	blocktest.Sized(t, file, 200)
	blocktest.Do(t, "losetup", "--set-capacity", device)
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
