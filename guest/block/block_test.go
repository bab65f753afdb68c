package block

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/host/hosttest"
)

func TestAMountPointStandsOnItsLayers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		build func(t *testing.T, f *blocktest.Machine)
		point string
		want  string // the layers, or the error
	}{
		"a partition of a disk": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Device("vda3", "vda", "252:3", 50, "partition", "3", "start", "2048")
				f.Mount("252:3 / / rw,relatime shared:1 - xfs /dev/vda3 rw")
			},
			want: "partition /dev/vda3, disk /dev/vda",
		},
		"an NVMe partition by /dev/root": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("nvme0n1", "", "259:0", 100)
				f.Device("nvme0n1p1", "nvme0n1", "259:1", 50, "partition", "1", "start", "2048")
				f.Mount("259:1 / / ro - ext4 /dev/root ro")
			},
			want: "partition /dev/nvme0n1p1, disk /dev/nvme0n1",
		},
		"a whole disk": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vdb", "", "252:16", 100)
				f.Mount("252:16 / / rw - ext4 /dev/vdb rw")
			},
			want: "disk /dev/vdb",
		},
		"an LV on LUKS on a partition": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("sda", "", "8:0", 100)
				f.Device("sda2", "sda", "8:2", 50, "partition", "2", "start", "2048")
				f.Device("dm-0", "", "253:0", 48, "dm/name", "luks-1", "dm/uuid", "CRYPT-LUKS2-77-luks-1")
				f.Device("dm-1", "", "253:1", 40, "dm/name", "my--vg-root--lv", "dm/uuid", "LVM-abc")
				f.Stands("dm-0", "sda2")
				f.Stands("dm-1", "dm-0")
				f.Mount("253:1 / / rw - xfs /dev/mapper/my--vg-root--lv rw")
			},
			want: "LV /dev/mapper/my--vg-root--lv, LUKS /dev/mapper/luks-1, partition /dev/sda2, disk /dev/sda",
		},
		"a partition of a multipath disk": {
			build: func(t *testing.T, f *blocktest.Machine) {
				for _, disk := range []string{"sda", "sdb"} {
					f.Device(disk, "", "8:"+disk, 100)
				}
				f.Device("dm-0", "", "253:0", 100, "dm/name", "mpatha", "dm/uuid", "mpath-36001")
				f.Device("dm-2", "", "253:2", 50, "dm/name", "mpatha2", "dm/uuid", "part2-mpath-36001")
				f.Stands("dm-0", "sda")
				f.Stands("dm-0", "sdb")
				f.Stands("dm-2", "dm-0")
				f.Mount("253:2 / / rw - xfs /dev/mapper/mpatha2 rw")
			},
			want: "partition /dev/mapper/mpatha2, multipath /dev/mapper/mpatha",
		},
		"a RAID array ends the stack, even one of a single disk": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("sda", "", "8:0", 100)
				f.Device("md127", "", "9:127", 90, "md/level", "raid1")
				f.Stands("md127", "sda")
				f.Mount("9:127 / / rw - ext4 /dev/md127 rw")
			},
			want: "md /dev/md127",
		},
		"an LV on two disks ends the stack": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("sda", "", "8:0", 100)
				f.Device("sdb", "", "8:16", 100)
				f.Device("dm-0", "", "253:0", 190, "dm/name", "vg-data", "dm/uuid", "LVM-abc")
				f.Stands("dm-0", "sda")
				f.Stands("dm-0", "sdb")
				f.Mount("253:0 / /data rw - ext4 /dev/mapper/vg-data rw")
			},
			point: "/data", want: "LV /dev/mapper/vg-data",
		},
		"a subvolume of btrfs, whose number is no device's": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Device("vda4", "vda", "252:4", 50, "partition", "4", "start", "2048")
				f.Mount("0:33 /root / rw - btrfs /dev/vda4 rw,subvol=/root")
			},
			want: "partition /dev/vda4, disk /dev/vda",
		},
		"btrfs by /dev/root, from the kernel's command line": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Device("vda4", "vda", "252:4", 50, "partition", "4", "start", "2048")
				f.Link("../../vda4", "/dev/disk/by-uuid/7-7")
				f.Put(t, "/proc/cmdline", "ro root=UUID=7-7 quiet\n")
				f.Mount("0:33 /root / rw - btrfs /dev/root rw,subvol=/root")
			},
			want: "partition /dev/vda4, disk /dev/vda",
		},
		"the last mount hides the first": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Mount("0:1 / / rw - rootfs rootfs rw")
				f.Mount("252:0 / / rw - xfs /dev/vda rw")
			},
			want: "disk /dev/vda",
		},
		"a mount point with a space": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Mount(`252:0 / /my\040data rw - xfs /dev/vda rw`)
			},
			point: "/my data", want: "disk /dev/vda",
		},
		"the disk of an ostree system is at /sysroot": {
			build: func(t *testing.T, f *blocktest.Machine) {
				f.Device("vda", "", "252:0", 100)
				f.Mount("0:40 / / ro - overlay composefs ro")
				f.Mount("252:0 / /sysroot ro - xfs /dev/vda rw")
			},
			want: "disk /dev/vda",
		},
		"an overlay is on no device": {
			build: func(t *testing.T, f *blocktest.Machine) { f.Mount("0:40 / / rw - overlay overlayroot rw") },
			want:  "/ (overlay): it is on no block device",
		},
		"what is no mount point says so": {
			build: func(t *testing.T, f *blocktest.Machine) { f.Mount("0:40 / / rw - tmpfs none rw") },
			point: "/data", want: "/data: nothing is mounted there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			test.build(t, f)
			if test.point == "" {
				test.point = "/"
			}
			if got := stack(f, test.point); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func stack(f *blocktest.Machine, point string) string {
	m, err := MountAt(f.Host, point)
	if err != nil {
		return err.Error()
	}
	layers, err := Of(f.Host, m)
	if err != nil {
		return err.Error()
	}
	var texts []string
	for _, l := range layers {
		texts = append(texts, l.String())
	}
	return strings.Join(texts, ", ")
}

func TestADeviceIsFoundByAnyOfItsNames(t *testing.T) {
	t.Parallel()
	f := blocktest.New(t, hosttest.New(t))
	f.Device("sda", "", "8:0", 100)
	f.Device("cciss!c0d0", "", "104:0", 100)
	f.Device("dm-1", "", "253:1", 40, "dm/name", "vg-root", "dm/uuid", "LVM-abc")
	f.Link("../../sda", "/dev/disk/by-id/ata-disk")
	f.Link("../dm-1", "/dev/mapper/linked")
	f.Link("../mapper/linked", "/dev/vg/root")
	if err := f.Remove("/dev/mapper/vg-root"); err != nil { // as without udev
		t.Fatal(err)
	}
	for device, want := range map[string]string{
		"/dev/sda": "sda", "/dev/disk/by-id/ata-disk": "sda", "/dev/vg/root": "dm-1", "/dev/mapper/vg-root": "dm-1",
		"/dev/cciss/c0d0": "cciss!c0d0", "/dev/sdz": "", "/dev/mapper/none": "", "/dev/../etc/passwd": "", "sda": "",
	} {
		if got, err := NameOf(f.Host, device); got != want || (want == "") != errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is %q (%v), want %q", device, got, err, want)
		}
	}
}

func TestAnLVsNamesAreParted(t *testing.T) {
	t.Parallel()
	for mapped, want := range map[string][2]string{"vg-root": {"vg", "root"}, "a--b-c--d": {"a-b", "c-d"}, "vg-a----b": {"vg", "a--b"}} {
		if vg, lv := lvNames(mapped); [2]string{vg, lv} != want {
			t.Errorf("%s is %s/%s, want %v", mapped, vg, lv, want)
		}
	}
}

func TestAPartitionGrowsIfThereIsRoom(t *testing.T) {
	t.Parallel()
	const growpart, sfdisk, partx = "growpart /dev/vda 1", "sfdisk --no-reread -N 1 /dev/vda", "partx --update --nr 1 /dev/vda"
	for name, test := range map[string]struct {
		size, next int64 // in MiB, of the partition and where another one starts
		lacks      []string
		version    string
		want       string // commands
		err        string
	}{
		"by growpart":                           {size: 50, want: growpart},
		"by sfdisk where there is no growpart":  {size: 50, lacks: []string{"growpart"}, version: "sfdisk from util-linux 2.40.2", want: "sfdisk --version; " + sfdisk + "; " + partx},
		"not by an sfdisk that knows no GPT":    {size: 50, lacks: []string{"growpart"}, version: "sfdisk from util-linux 2.23.2", want: "sfdisk --version", err: ErrNoTool.Error()},
		"not without any tool":                  {size: 50, lacks: []string{"growpart", "sfdisk"}, want: "sfdisk --version", err: ErrNoTool.Error()},
		"not where it takes all":                {size: 98},
		"not where another one follows":         {size: 50, next: 51},
		"up to another one that leaves a space": {size: 50, next: 70, want: growpart},
		"not where it is larger than its disk":  {size: 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			f.Device("vda", "", "252:0", 100)
			f.Device("vda1", "vda", "252:1", test.size, "partition", "1", "start", "2048")
			if test.next > 0 {
				f.Device("vda2", "vda", "252:2", 5, "partition", "2", "start", fmt.Sprint(test.next*2048))
			}
			f.Lacks(test.lacks...)
			f.Answer("sfdisk --version", host.Result{Stdout: test.version}, nil)
			if len(test.lacks) > 1 {
				f.Answer("sfdisk --version", host.Result{}, &host.MissingError{Program: "sfdisk"})
			}
			grow := func(host.Command) { f.Resize("vda1", 98) }
			f.On(growpart, grow)
			f.On(partx, grow)
			layers, err := Under(f.Host, "vda1")
			if err != nil {
				t.Fatal(err)
			}
			grown, err := GrowPartition(t.Context(), f.Host, layers[0], layers[1])
			if got := strings.Join(f.Lines(), "; "); got != test.want {
				t.Errorf("it runs %q, want %q", got, test.want)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
			if want := test.want != "" && test.err == ""; grown.Changed() != want {
				t.Errorf("it grew %s, want a change: %v", grown, want)
			}
		})
	}
}

func TestAPhysicalVolumeGrowsIfThereIsRoom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ head, want string }{
		"to its device's size":            {blocktest.PV(50), "lvm pvresize /dev/vda"},
		"not where it has all":            {blocktest.PV(100), ""},
		"not what is no physical volume":  {blocktest.XFS(50), ""},
		"not where the label is nonsense": {blocktest.PV(50)[:512+20] + "\xff\xff\xff\xff" + blocktest.PV(50)[512+24:], ""},
		"not an empty device":             {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			f.Device("vda", "", "252:0", 100)
			f.Put(t, "/dev/vda", test.head)
			f.On("lvm pvresize", func(host.Command) { f.Put(t, "/dev/vda", blocktest.PV(100)) })
			layers, err := Under(f.Host, "vda")
			if err != nil {
				t.Fatal(err)
			}
			grown, err := GrowPV(t.Context(), f.Host, layers[0])
			if got := strings.Join(f.Lines(), "; "); err != nil || got != test.want || grown.Changed() != (test.want != "") {
				t.Errorf("it runs %q and grew %s (%v), want %q", got, grown, err, test.want)
			}
		})
	}
}

func TestALUKSDeviceGrowsIfThereIsRoom(t *testing.T) {
	t.Parallel()
	const resize, kill = "cryptsetup --key-file - resize /dev/mapper/root", "cryptsetup luksKillSlot --batch-mode /dev/vda 5"
	fails := &host.ExitError{Argv: []string{"cryptsetup"}, Exit: 2}
	for name, test := range map[string]struct {
		size      int64
		key, want string
		fails     string
		err       string
	}{
		"by the image's key, which is used once":   {size: 84, key: `{"key":"c2VjcmV0","slot":5}`, want: resize + "; " + kill},
		"its slot is cleared if that fails":        {size: 84, key: `{"key":"c2VjcmV0","slot":5}`, want: resize + "; " + kill, fails: "cryptsetup --key-file", err: "cannot grow LUKS"},
		"not by a key that is none":                {size: 84, key: `{"key":"!!","slot":5}`, err: "expected JSON with key (base64) and slot"},
		"without a key by the kernel's or a token": {size: 40, want: "cryptsetup --batch-mode resize /dev/mapper/root"},
		"without any key it says which it needs":   {size: 40, want: "cryptsetup --batch-mode resize /dev/mapper/root", fails: "cryptsetup", err: ErrNoKey.Error()},
		"not where it has all but its header":      {size: 84},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			f.Device("vda", "", "252:0", 100)
			f.Device("dm-0", "", "253:0", test.size, "dm/name", "root", "dm/uuid", "CRYPT-LUKS2-77-root")
			f.Stands("dm-0", "vda")
			if test.key != "" {
				f.Put(t, KeyFile, test.key)
			}
			if test.fails != "" {
				f.Answer(test.fails, host.Result{Exit: 2}, fails)
			}
			layers, err := Under(f.Host, "dm-0")
			if err != nil {
				t.Fatal(err)
			}
			_, err = GrowLUKS(t.Context(), f.Host, layers[0], layers[1])
			if got := strings.Join(f.Lines(), "; "); got != test.want {
				t.Errorf("it runs %q, want %q", got, test.want)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
			if test.want != "" && f.Exists(KeyFile) {
				t.Error("the key is still there")
			}
		})
	}
}

func TestAnLVGrowsAndNeverShrinks(t *testing.T) {
	t.Parallel()
	const free = "lvm vgs --noheadings -o vg_free_count -- vg"
	for name, test := range map[string]struct {
		size    int64
		percent int
		free    string
		want    string
	}{
		"by all that is free":        {percent: 100, free: "  7\n", want: free + "; lvm lvextend -l +100%FREE -- vg/root"},
		"by half of what is free":    {percent: 50, free: "  7\n", want: free + "; lvm lvextend -l +50%FREE -- vg/root"},
		"not where nothing is free":  {percent: 100, free: "  0\n", want: free},
		"to a size":                  {size: 60 << 20, want: "lvm lvextend -L 62914560b -- vg/root"},
		"not to a size it has":       {size: 40 << 20},
		"not to a size that is less": {size: 20 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			f.Device("dm-1", "", "253:1", 40, "dm/name", "vg-root", "dm/uuid", "LVM-abc")
			f.Answer(free, host.Result{Stdout: test.free}, nil)
			layers, err := Under(f.Host, "dm-1")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ExtendLV(t.Context(), f.Host, layers[0], test.size, test.percent); err != nil {
				t.Error(err)
			}
			if got := strings.Join(f.Lines(), "; "); got != test.want {
				t.Errorf("it runs %q, want %q", got, test.want)
			}
		})
	}
}

func TestAFileSystemGrowsIfThereIsRoom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ mount, more, head, version, want string }{
		"ext4 by its device":                     {mount: "252:0 / / rw - ext4 /dev/vda rw", head: blocktest.Ext(50), want: "resize2fs /dev/vda"},
		"ext4 that has all":                      {mount: "252:0 / / rw - ext4 /dev/vda rw", head: blocktest.Ext(100)},
		"XFS by its mount point":                 {mount: "252:0 / / rw - xfs /dev/vda rw", head: blocktest.XFS(50), want: "xfs_growfs /"},
		"XFS that has all":                       {mount: "252:0 / / rw - xfs /dev/vda rw", head: blocktest.XFS(100)},
		"XFS that is larger":                     {mount: "252:0 / / rw - xfs /dev/vda rw", head: blocktest.XFS(200)},
		"XFS that can be written to elsewhere":   {mount: "252:0 / / ro - xfs /dev/vda rw", more: "252:0 /var /var rw - xfs /dev/vda rw", head: blocktest.XFS(50), want: "xfs_growfs /var"},
		"btrfs":                                  {mount: "0:33 / / rw - btrfs /dev/vda rw", head: blocktest.Btrfs(50, 1), version: "btrfs-progs v6.2\n", want: "btrfs --version; btrfs filesystem resize --enqueue max /"},
		"btrfs of tools that cannot wait":        {mount: "0:33 / / rw - btrfs /dev/vda rw", head: blocktest.Btrfs(50, 1), version: "btrfs-progs v4.9.1\n", want: "btrfs --version; btrfs filesystem resize max /"},
		"btrfs whose disk is not its first":      {mount: "0:33 / / rw - btrfs /dev/vda rw", head: blocktest.Btrfs(50, 2), version: "btrfs-progs v6.2\n", want: "btrfs --version; btrfs filesystem resize --enqueue 2:max /"},
		"btrfs that only its snapshots can grow": {mount: "0:33 / / ro - btrfs /dev/vda rw", more: "snapshots", head: blocktest.Btrfs(50, 1), version: "btrfs-progs v6.2\n", want: "btrfs --version; btrfs filesystem resize --enqueue max /.snapshots"},
		"btrfs that has all":                     {mount: "0:33 / / rw - btrfs /dev/vda rw", head: blocktest.Btrfs(100, 1)},
		"a type that is not known":               {mount: "252:0 / / rw - f2fs /dev/vda rw", want: "error: / (f2fs): its type of file system is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := blocktest.New(t, hosttest.New(t))
			f.Device("vda", "", "252:0", 100)
			f.Put(t, "/dev/vda", test.head)
			f.Mount(test.mount)
			if test.more == "snapshots" {
				f.Put(t, "/.snapshots/1", "")
			} else if test.more != "" {
				f.Mount(test.more)
			}
			f.Answer("btrfs --version", host.Result{Stdout: test.version}, nil)
			m, err := MountAt(f.Host, "/")
			if err != nil {
				t.Fatal(err)
			}
			layers, err := Of(f.Host, m)
			if err != nil {
				t.Fatal(err)
			}
			_, err = GrowFileSystem(t.Context(), f.Host, m, layers[0])
			got := strings.Join(f.Lines(), "; ")
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != test.want {
				t.Errorf("it runs %q, want %q", got, test.want)
			}
		})
	}
}

func TestSizesAreReadInPowersOf1024(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"20G": 20 << 30, "20GiB": 20 << 30, "20gb": 20 << 30, "512M": 512 << 20, "7": 7, "7B": 7, "1T": 1 << 40,
		"": 0, "G": 0, "-1G": 0, "20X": 0, "20GG": 0, "1.5G": 3 << 29, ".5K": 512, "1e3": 0, "NaN": 0, "InfG": 0, "0x1G": 0, "1_0": 0, "99999999T": 0, "20iB": 0, "G20": 0,
	} {
		if got := ParseSize(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}
