package media

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/datasource/media/mediatest"
	"cloudseed/test/needs"
)

// volume is one kind of medium as some producer makes it.
type volume struct {
	name string
	make func(t testing.TB) string
	want Superblock
	// blkid calls an ISO 9660 volume that is a UDF volume as well udf; it is read as ISO 9660 here.
	blkidUDF bool
}

func iso(label, joliet string) Superblock {
	return Superblock{Filesystem: ISO9660, Label: label, JolietLabel: joliet}
}

func fat(label, boot string) Superblock {
	return Superblock{Filesystem: VFAT, Label: label, BootLabel: boot}
}

func volumes() []volume {
	return []volume{
		{name: "go-diskfs, Rock Ridge", make: ownISO, want: iso("cidata", "")},
		{name: "genisoimage, Rock Ridge and Joliet, as nova", want: iso("config-2", "config-2"), make: isoByTool(
			"genisoimage", "-ldots", "-allow-lowercase", "-allow-multidot", "-l", "-publisher", "x", "-J", "-r", "-V", "config-2")},
		{name: "genisoimage, Rock Ridge only, as oVirt", make: isoByTool("genisoimage", "-R", "-V", "config-2"), want: iso("config-2", "")},
		{name: "genisoimage, Rock Ridge, level 3, as Proxmox", want: iso("cidata", "cidata"), make: isoByTool(
			"genisoimage", "-iso-level", "3", "-J", "-R", "-V", "cidata")},
		{name: "genisoimage, Joliet only, as Vagrant", make: isoByTool("genisoimage", "-J", "-V", "cidata"), want: iso("cidata", "cidata")},
		{name: "Joliet without a big-endian path table, as Multipass", make: withoutPathTables, want: iso("cidata", "cidata")},
		{name: "genisoimage, neither but lower case, as terraform", want: iso("cidata", ""), make: isoByTool(
			"genisoimage", "-iso-level", "4", "-allow-lowercase", "-V", "cidata")},
		{name: "genisoimage, HFS hybrid, as Rancher", want: iso("cidata", "cidata"), make: isoByTool(
			"genisoimage", "-J", "-r", "-hfs", "-iso-level", "1", "-V", "cidata")},
		{
			name: "genisoimage, UDF bridge", blkidUDF: true,
			want: Superblock{Filesystem: ISO9660, Label: "CIDATA", JolietLabel: "CIDATA"},
			make: isoByTool("genisoimage", "-udf", "-J", "-r", "-V", "CIDATA"),
		},
		{name: "xorriso, Rock Ridge and Joliet, as KubeVirt", want: iso("cidata", "cidata"), make: isoByTool(
			"xorrisofs", "-joliet", "-rock", "-partition_cyl_align", "on", "-volid", "cidata")},
		{name: "xorriso, Joliet only, as hdiutil", make: isoByTool("xorrisofs", "--norock", "-J", "-V", "CIDATA"), want: iso("CIDATA", "CIDATA")},
		{name: "genisoimage, level 4", make: isoByTool("genisoimage", "-iso-level", "4", "-r", "-V", "cidata"), want: iso("cidata", "")},
		{name: "xorriso, two sessions", make: twoSessions, want: iso("cidata", "")},
		{name: "xorriso, a hybrid with a GPT and another partition", make: hybrid, want: iso("cidata", "cidata")},
		{name: "ISO with a partition table in front", make: withPartitionTable, want: iso("cidata", "")},
		{name: "go-diskfs, FAT12", make: ownFAT(12), want: fat("cidata", "cidata")},
		{name: "go-diskfs, FAT16", make: ownFAT(16), want: fat("cidata", "cidata")},
		{name: "go-diskfs, FAT32 with few clusters", make: ownFAT(32), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, 1 MiB FAT12, as cloud-localds", make: fatByTool(1<<20, "-n", "cidata"), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, 8 MiB FAT12, as Cloud Hypervisor", make: fatByTool(8<<20, "-F", "12", "-n", "CIDATA"), want: fat("CIDATA", "CIDATA")},
		{name: "mkfs.vfat, 64 MiB, as nova", make: fatByTool(64<<20, "-n", "config-2"), want: fat("config-2", "config-2")},
		{name: "mkfs.vfat, 10 MiB FAT16, as Xen Orchestra", make: fatByTool(10<<20, "-F", "16", "-s", "4", "-n", "cidata"), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, 64 MiB FAT32", make: fatByTool(64<<20, "-F", "32", "-s", "1", "-n", "CIDATA"), want: fat("CIDATA", "CIDATA")},
		{name: "mkfs.vfat, FAT32 with large sectors", make: fatByTool(300<<20, "-F", "32", "-S", "4096", "-n", "CIDATA"), want: fat("CIDATA", "CIDATA")},
		{name: "mkfs.vfat, a floppy of 1.44 MB, as oVirt's payload", make: fatByTool(1440<<10, "-n", "cidata"), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, a floppy of 2.88 MB", make: fatByTool(2880<<10, "-n", "CIDATA"), want: fat("CIDATA", "CIDATA")},
		{name: "mkfs.vfat, sectors of 2048 bytes", make: fatByTool(64<<20, "-S", "2048", "-n", "cidata"), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, sectors of 4096 bytes", make: fatByTool(64<<20, "-F", "16", "-S", "4096", "-n", "cidata"), want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, clusters that others used before", make: usedBefore, want: fat("cidata", "cidata")},
		{name: "mkfs.vfat, the partition of a disk with an MBR, as Ironic", make: partition("dos"), want: fat("CONFIG-2", "CONFIG-2")},
		{name: "mkfs.vfat, the partition of a disk with a GPT", make: partition("gpt"), want: fat("CONFIG-2", "CONFIG-2")},
		{name: "mkfs.vfat without a label", make: fatByTool(4 << 20), want: fat("", "")},
	}
}

// withoutPathTables leaves of a Joliet image only what Multipass's writer
// writes: no big-endian path tables, dates of '0'.
func withoutPathTables(t testing.TB) string {
	path := isoByTool("genisoimage", "-J", "-V", "cidata")(t)
	patch(t, path, func(b []byte) {
		for _, at := range []int{16 << 11, 17 << 11} {
			table := int(binary.BigEndian.Uint32(b[at+148:])) << 11
			clear(b[table : table+int(binary.LittleEndian.Uint32(b[at+132:]))])
			clear(b[at+148 : at+152])
			for _, date := range []int{813, 830, 847, 864} {
				copy(b[at+date:], strings.Repeat("0", 16)+"\x00")
			}
		}
	})
	return path
}

// withPartitionTable makes an image bootable as a disk.
func withPartitionTable(t testing.TB) string {
	path := ownISO(t)
	patch(t, path, func(b []byte) {
		copy(b, []byte{0xeb, 0x63, 0x90}) // as GRUB's boot code begins
		copy(b[446:], []byte{0x80, 0, 2, 0, 0x17, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0})
		b[510], b[511] = 0x55, 0xaa
	})
	return path
}

// twoSessions makes an image whose second session has other files than the first.
func twoSessions(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "seed.iso")
	old := mediatest.Tree(t, map[string][]byte{"user-data": noise(777), "old": noise(2048), "ec2/latest/user_data": noise(5)})
	mediatest.Run(t, "xorriso", "-dev", path, "-volid", "cidata", "-map", old, "/", "-commit")
	mediatest.Run(t, "xorriso", "-dev", path, "-rm_r", "/old", "--", "-update_r", mediatest.Tree(t, seedFiles()), "/", "-commit")
	return path
}

// hybrid makes an image that is a disk with partitions too.
func hybrid(t testing.TB) string {
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, noise(1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return isoByTool("xorrisofs", "-joliet", "-rock", "-append_partition", "2", "0xef", other, "-appended_part_as_gpt", "-volid", "cidata")(t)
}

// usedBefore makes a FAT volume all of whose clusters have held something else.
func usedBefore(t testing.TB) string {
	path := mediatest.Blank(t, 16<<20)
	mediatest.Run(t, "mkfs.vfat", "-F", "16", "-n", "cidata", path)
	old := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(old, noise(15<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	mediatest.Run(t, "mcopy", "-i", path, old, "::old")
	mediatest.Run(t, "mdel", "-i", path, "::old")
	mediatest.CopyIn(t, path, seedFiles())
	return path
}

// partition makes a partition as it is on a disk: its boot sector counts the sectors
// before it. What the kernel shows of it is the partition alone.
func partition(table string) func(t testing.TB) string {
	return func(t testing.TB) string {
		needs.Programs(t, "sfdisk")
		const start, size = 1 << 20, 64 << 20
		disk := mediatest.Blank(t, start+size+1<<20)
		script := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(script, []byte("label: "+table+"\nstart=2048, size=131072\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		mediatest.Run(t, "sh", "-c", "sfdisk --quiet --no-reread --no-tell-kernel "+disk+" <"+script)
		mediatest.Run(t, "mkfs.vfat", "--offset", "2048", "-F", "16", "-n", "CONFIG-2", disk, "65536")
		mediatest.CopyIn(t, disk+"@@1M", seedFiles())
		whole, err := os.ReadFile(disk)
		if err != nil {
			t.Fatal(err)
		}
		if !IsPartitioned(bytes.NewReader(whole)) {
			t.Error("the disk is not known to have partitions")
		}
		if sb, err := Probe(bytes.NewReader(whole), int64(len(whole))); err != nil || sb.Filesystem != Unknown {
			t.Errorf("the whole disk is taken for a volume: %+v, %v", sb, err)
		}
		path := filepath.Join(t.TempDir(), "partition")
		if err := os.WriteFile(path, whole[start:start+size], 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

func TestVolumesOfAllProducersAreReadByteForByte(t *testing.T) {
	t.Parallel()
	for _, v := range volumes() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			path := v.make(t)
			if diff := cmp.Diff(v.want, probeFile(t, path)); diff != "" {
				t.Error(diff)
			}
			sameFiles(t, openImage(t, path).FS(), seedFiles())
		})
	}
}

func TestProbeAgreesWithBlkid(t *testing.T) {
	t.Parallel()
	for _, v := range volumes() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			path := v.make(t)
			says := map[string]string{}
			for line := range strings.Lines(mediatest.Run(t, "blkid", "-p", "-o", "export", path)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				says[key] = value
			}
			sb := probeFile(t, path)
			want := map[string]string{"TYPE": string(sb.Filesystem), "LABEL": sb.Label, "LABEL_FATBOOT": sb.BootLabel}
			if v.blkidUDF {
				want["TYPE"] = "udf"
			}
			for key, value := range want {
				if says[key] != value {
					t.Errorf("blkid says %s=%q, Probe %q", key, says[key], value)
				}
			}
		})
	}
}
