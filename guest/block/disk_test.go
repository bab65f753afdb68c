package block

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/test/needs"
)

func TestADeviceInUseIsKnown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		build func(t *testing.T, m *blocktest.Machine)
		want  string
	}{
		"nothing is on it": {build: func(*testing.T, *blocktest.Machine) {}},
		"it is mounted": {
			build: func(_ *testing.T, m *blocktest.Machine) { m.Mount("252:16 / /x rw - xfs /dev/vdb rw") },
			want:  "/dev/vdb is mounted on /x",
		},
		"its partition is mounted": {
			build: func(_ *testing.T, m *blocktest.Machine) { m.Mount("252:17 / /x rw - xfs /dev/vdb1 rw") },
			want:  "/dev/vdb1 is mounted on /x",
		},
		"a subvolume on it is mounted": {
			build: func(_ *testing.T, m *blocktest.Machine) { m.Mount("0:44 /s /x rw - btrfs /dev/vdb1 rw") },
			want:  "/dev/vdb1 is mounted on /x",
		},
		"it belongs to a btrfs that another disk has mounted": {
			build: func(t *testing.T, m *blocktest.Machine) {
				m.Put(t, "/sys/fs/btrfs/77/devices/vdb/size", "1")
			},
			want: "/dev/vdb is of a mounted btrfs file system",
		},
		"its partition is swap": {
			build: func(t *testing.T, m *blocktest.Machine) {
				m.Put(t, "/proc/swaps", "Filename Type\n/swap.img file\n/dev/vdb1 partition\n")
			},
			want: "/dev/vdb1 is swap",
		},
		"an LV stands on its partition": {
			build: func(_ *testing.T, m *blocktest.Machine) {
				m.Device("dm-0", "", "253:0", 40, "dm/name", "vg-lv", "dm/uuid", "LVM-a")
				m.Stands("dm-0", "vdb1")
			},
			want: "LV /dev/mapper/vg-lv stands on /dev/vdb1",
		},
		"an array stands on it": {
			build: func(_ *testing.T, m *blocktest.Machine) {
				m.Device("md0", "", "9:0", 40, "md/level", "raid1")
				m.Stands("md0", "vdb")
			},
			want: "md /dev/md0 stands on /dev/vdb",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := blocktest.New(t, hosttest.New(t))
			m.Device("vdb", "", "252:16", 100)
			m.Device("vdb1", "vdb", "252:17", 90, "partition", "1", "start", "2048")
			m.Mount("252:1 / / rw - xfs /dev/vda1 rw")
			test.build(t, m)
			err := InUse(m.Host, "vdb")
			if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != "/dev/vdb is in use: "+test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if test.want == "" {
				return
			}
			disk := Layer{Kind: Disk, Name: "vdb", Path: "/dev/vdb", Size: 100 << 20}
			for what, err := range map[string]error{
				"partitioned": PartitionDisk(t.Context(), m.Host, disk, "gpt", nil),
				"wiped":       WipeDisk(t.Context(), m.Host, disk),
				"formatted":   MakeFileSystem(t.Context(), m.Host, NewFileSystem{Type: "xfs", Device: "/dev/vdb", Force: true}),
			} {
				if err == nil {
					t.Errorf("it is %s", what)
				}
			}
			if lines := m.Lines(); len(lines) > 0 {
				t.Errorf("it runs %q", lines)
			}
		})
	}
}

func TestContentsAreReadAsBlkidPrintsThem(t *testing.T) {
	t.Parallel()
	m := blocktest.New(t, hosttest.New(t))
	m.Device("vdb", "", "252:16", 100)
	for i, name := range []string{"vdb10", "vdb2", "vdb1"} {
		m.Device(name, "vdb", "252:2"+name, 5, "partition", strings.TrimPrefix(name, "vdb"), "start", strings.Repeat("9", i+1))
	}
	m.Answer("blkid -p -o export /dev/vdb", host.Result{Exit: 2}, nil)
	m.Answer("blkid -p -o export /dev/vdb1", host.Result{Stdout: "DEVNAME=/dev/vdb1\nLABEL=my\\ data\nTYPE=LVM2_member\n"}, nil)
	m.Answer("blkid -p -o export /dev/vdb2", host.Result{Exit: 8}, nil)
	m.Answer("blkid -p -o export /dev/vdb10", host.Result{Exit: 2}, nil)
	contents, err := Contents(t.Context(), m.Host, "/dev/vdb")
	want := []Content{
		{Path: "/dev/vdb"},
		{Path: "/dev/vdb1", Partition: true, FSType: "LVM2_member", Label: "my data"},
		{Path: "/dev/vdb2", Partition: true, FSType: "something of several types"},
		{Path: "/dev/vdb10", Partition: true},
	}
	if err != nil || !slices.Equal(contents, want) || !contents[1].Member() || contents[2].Member() {
		t.Errorf("got %+v, %v", contents, err)
	}
}

func TestPartitionTypesAreCompared(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		found, want string
		same        bool
	}{
		{"0x83", "83", true},
		{"0x82", "83", false},
		{"0x7", "07", true},
		{"0x83", "8300", false},
		{strings.ToLower(linuxGUID), "8300", true},
		{strings.ToLower(linuxGUID), "83", true},
		{linuxGUID, strings.ToLower(linuxGUID), true},
		{linuxGUID, "82", false},
		{linuxGUID, "ABCD", false},
		{"", "83", false},
	} {
		if sameType(test.found, test.want) != test.same {
			t.Errorf("%s and %s: not %v", test.found, test.want, test.same)
		}
	}
}

func TestARealDiskIsPartitionedAndWiped(t *testing.T) {
	for name, test := range map[string]struct {
		table, tool, sector, lacks string
		parts                      []Part
		want                       string
	}{
		"MBR":                       {table: "mbr", parts: []Part{{Percent: 25}, {Percent: 75, Type: "82"}}, want: "99-100 299-300 0x83 0x82"},
		"GPT by sfdisk":             {table: "gpt", lacks: "sgdisk", parts: []Part{{Percent: 25}, {Percent: 75, Type: "8200"}}, want: "99-100 297-300 " + linuxGUID + " " + typeGUIDs["8200"]},
		"GPT by sgdisk":             {table: "gpt", tool: "sgdisk", parts: []Part{{Percent: 25}, {Percent: 75, Type: "82"}}, want: "99-100 297-300 " + linuxGUID + " " + typeGUIDs["8200"]},
		"GPT with 4096-byte blocks": {table: "gpt", sector: "4096", lacks: "sgdisk", parts: []Part{{Percent: 25}, {Percent: 75}}, want: "99-100 297-300 " + linuxGUID + " " + linuxGUID},
		"one partition":             {table: "gpt", lacks: "sgdisk", want: "397-400 " + linuxGUID},
	} {
		t.Run(name, func(t *testing.T) {
			needs.Programs(t, "blkid", "wipefs", "blockdev")
			if test.tool != "" {
				needs.Programs(t, test.tool)
			}
			var options []string
			if test.sector != "" {
				options = []string{"--sector-size", test.sector}
			}
			device := blocktest.Loop(t, 400, 0, "", options...)
			h := without(test.lacks)
			name, err := NameOf(h, device)
			if err != nil {
				t.Fatal(err)
			}
			layers, err := Under(h, name)
			if err != nil {
				t.Fatal(err)
			}
			if matches, err := Matches(t.Context(), h, layers[0], test.parts); err != nil || matches {
				t.Errorf("an empty disk matches: %v, %v", matches, err)
			}
			if err := PartitionDisk(t.Context(), h, layers[0], test.table, test.parts); err != nil {
				t.Fatal(err)
			}
			_ = exec.CommandContext(t.Context(), "partx", "--add", device).Run() // the kernel may read no tables
			if _, err := os.Stat(device + "p1"); err != nil {
				needs.LeftOut(t, "partitions of loop devices")
			}
			if matches, err := Matches(t.Context(), h, layers[0], test.parts); err != nil || !matches {
				t.Errorf("what was made does not match: %v, %v", matches, err)
			}
			checkParts(t, h, device, test.want)
			if err := MakeFileSystem(t.Context(), h, NewFileSystem{Type: "ext4", Label: "data", Device: device + "p1"}); err != nil {
				t.Error(err)
			}
			contents, err := Contents(t.Context(), h, device)
			if err == nil && len(contents) > 1 && (contents[1].FSType != "ext4" || contents[1].Label != "data") {
				t.Errorf("the contents are %+v", contents)
			}
			if err != nil || len(contents) < 2 || contents[1].Path != device+"p1" || !contents[1].Partition {
				t.Errorf("the contents are %+v, %v", contents, err)
			}
			if out := blocktest.Do(t, "blkid", "-p", "-s", "LABEL", "-o", "value", device+"p1"); out != "data\n" {
				t.Errorf("the label is %q", out)
			}
			if err := WipeDisk(t.Context(), h, layers[0]); err != nil {
				t.Error(err)
			}
			if out, err := exec.CommandContext(t.Context(), "blkid", "-p", device).CombinedOutput(); err == nil {
				t.Errorf("after it was wiped, blkid finds %s", out)
			}
		})
	}
}

// checkParts compares the partitions with "from-to from-to type type", in MiB.
func checkParts(t *testing.T, h *host.Host, device, want string) {
	t.Helper()
	words := strings.Fields(want)
	n := len(words) / 2
	for i := range n {
		part := device + "p" + string(rune('1'+i))
		name, err := NameOf(h, part)
		if err != nil {
			t.Fatal(err)
		}
		l, err := describe(h, name)
		if err != nil {
			t.Fatal(err)
		}
		from, to, _ := strings.Cut(words[i], "-")
		if l.Size < ParseSize(from+"M") || l.Size > ParseSize(to+"M") {
			t.Errorf("%s has %s, want %s MiB", part, Bytes(l.Size), words[i])
		}
		kind := strings.TrimSpace(blocktest.Do(t, "blkid", "-p", "-s", "PART_ENTRY_TYPE", "-o", "value", part))
		if !strings.EqualFold(kind, words[n+i]) {
			t.Errorf("%s is of type %s, want %s", part, kind, words[n+i])
		}
	}
}
