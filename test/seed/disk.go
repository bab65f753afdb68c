package seed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Sizes of media, in bytes.
const (
	Floppy    = 1440 << 10
	ConfigFAT = 64 << 20 // nova's config drives in FAT
	dataFAT   = 8 << 20
)

// sector is the unit of the partition tables that sfdisk writes for a file.
const sector = 512

// FAT makes an image with a FAT file system from its first byte to its last, as on a
// floppy, and as nova's config_drive_format=vfat does: mkfs.vfat and mtools.
func (f Files) FAT(t testing.TB, label string, size int64) string {
	t.Helper()
	tree := t.TempDir()
	f.Dir(t, tree)
	image := filepath.Join(t.TempDir(), "seed.img")
	blank(t, image, size)
	run(t, "", "mkfs.vfat", "-n", label, image)
	tops, err := os.ReadDir(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range tops {
		run(t, "", "mcopy", "-s", "-i", image, filepath.Join(tree, top.Name()), "::")
	}
	return image
}

// PartitionTable is a kind of partition table, by sfdisk's name.
type PartitionTable string

// The partition tables.
const (
	GPT PartitionTable = "gpt"
	MBR PartitionTable = "dos"
)

// Partition makes a disk of two partitions: an empty one, and one with the seed in FAT.
func (f Files) Partition(t testing.TB, table PartitionTable, label string) string {
	t.Helper()
	const start = 4096 // of the seed's partition, in sectors
	content, err := os.ReadFile(f.FAT(t, label, dataFAT))
	if err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(t.TempDir(), "disk.img")
	blank(t, disk, dataFAT+4<<20)
	layout := fmt.Sprintf("label: %s\nstart=2048, size=2048\nstart=%d, size=%d\n", table, start, len(content)/sector)
	run(t, layout, "sfdisk", "-q", disk)
	out, err := os.OpenFile(disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.WriteAt(content, start*sector); err != nil {
		t.Fatalf("cannot fill the seed's partition: %v", err)
	}
	return disk
}

// blank makes a file of zeros.
func blank(t testing.TB, path string, size int64) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, input, name string, args ...string) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("cannot make the seed's image: %s: %v: %s", name, err, out)
	}
}
