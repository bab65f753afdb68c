package modules

import (
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
)

// plain is a machine whose / is XFS on a partition, 50 of 100 MiB.
func plain(m *blocktest.Machine) {
	m.Device("vda", "", "252:0", 100)
	m.Device("vda1", "vda", "252:1", 50, "partition", "1", "start", "2048")
	m.Mount("252:1 / / rw - xfs /dev/vda1 rw")
	m.On("growpart /dev/vda 1", func(host.Command) { m.Resize("vda1", 98) })
}

// stacked is a machine whose / is an LV on LUKS on a partition; pvs is how many PVs its VG has.
func stacked(t *testing.T, m *blocktest.Machine, pvs string) {
	m.Device("sda", "", "8:0", 1000)
	m.Device("sda2", "sda", "8:2", 500, "partition", "2", "start", "2048")
	m.Device("dm-0", "", "253:0", 484, "dm/name", "luks", "dm/uuid", "CRYPT-LUKS1-77-luks")
	m.Device("dm-1", "", "253:1", 300, "dm/name", "vg-root", "dm/uuid", "LVM-a")
	m.Device("dm-2", "", "253:2", 100, "dm/name", "vg-var", "dm/uuid", "LVM-b")
	m.Stands("dm-0", "sda2")
	m.Stands("dm-1", "dm-0")
	m.Stands("dm-2", "dm-0")
	m.Put(t, "/dev/dm-0", blocktest.PV(484))
	m.Put(t, "/dev/dm-2", blocktest.XFS(100))
	m.Mount("253:1 / / rw - xfs /dev/mapper/vg-root rw")
	m.Mount("253:2 / /var rw - xfs /dev/mapper/vg-var rw")
	m.On("growpart /dev/sda 2", func(host.Command) { m.Resize("sda2", 998) })
	m.On("cryptsetup --batch-mode resize", func(host.Command) { m.Resize("dm-0", 982) })
	m.On("lvm pvresize", func(host.Command) { m.Put(t, "/dev/dm-0", blocktest.PV(982)) })
	m.Answer("lvm vgs --noheadings -o pv_count", host.Result{Stdout: pvs}, nil)
	m.Answer("lvm vgs --noheadings -o vg_free_count", host.Result{Stdout: "  99\n"}, nil)
	m.On("lvm lvextend -l +100%FREE -- vg/root", func(host.Command) { m.Resize("dm-1", 798) })
	m.On("lvm lvextend -L 209715200b -- vg/var", func(host.Command) { m.Resize("dm-2", 200) })
}

const (
	below = "growpart /dev/sda 2; cryptsetup --batch-mode resize /dev/mapper/luks; lvm pvresize /dev/mapper/luks"
	root  = "lvm vgs --noheadings -o pv_count -- vg; lvm vgs --noheadings -o vg_free_count -- vg; lvm lvextend -l +100%FREE -- vg/root"
)

func TestGrowpart(t *testing.T) {
	t.Parallel()
	lvm := func(t *testing.T, m *blocktest.Machine) { stacked(t, m, "  1\n") }
	for name, test := range map[string]struct {
		config  string
		build   func(t *testing.T, m *blocktest.Machine)
		runs    string
		reports string
		logs    string
	}{
		"without a key the partition of / grows": {
			runs: "growpart /dev/vda 1", logs: "grown: partition /dev/vda1 from 50 MiB to 98 MiB",
		},
		"off":            {config: "growpart: {mode: off}\n"},
		"off in quotes":  {config: "growpart: {mode: 'off'}\n"},
		"off, as a zero": {config: "growpart: {mode: 0}\n", reports: "deprecated: user-data:1:18: growpart.mode: deprecated since 22.2: write off"},
		"an unknown mode": {
			config: "growpart: {mode: fast}\n", reports: "error: user-data:1:18: growpart.mode: expected auto, growpart or off, got \"fast\"; nothing is grown",
		},
		"a mode of another system": {
			config: "growpart: {mode: gpart}\n", reports: "error: user-data:1:18: growpart.mode: gpart is a program of BSD; nothing is grown",
		},
		"a value that is no mapping": {config: "growpart: true\n", reports: "error: user-data:1:11: growpart: "},
		"nothing is no mapping":      {config: "growpart:\n", reports: "warning: user-data:1:10: growpart: expected a mapping, got nothing; nothing is grown"},
		"the image forbids it": {
			build: func(t *testing.T, m *blocktest.Machine) { plain(m); m.Put(t, "/etc/growroot-disabled", "") },
			logs:  "nothing is grown: /etc/growroot-disabled is there",
		},
		"the image forbids it, and the seed does not care": {
			config: "growpart: {ignore_growroot_disabled: true}\n",
			build:  func(t *testing.T, m *blocktest.Machine) { plain(m); m.Put(t, "/etc/growroot-disabled", "") },
			runs:   "growpart /dev/vda 1",
		},
		"an empty list of devices": {config: "growpart: {devices: []}\n"},
		"one device alone, by its path": {
			config: "growpart: {devices: /dev/vda1}\n", runs: "growpart /dev/vda 1",
		},
		"a mount point other than / gets its file system grown too": {
			config: "growpart: {devices: [/data/]}\n",
			build: func(t *testing.T, m *blocktest.Machine) {
				m.Device("vdb", "", "252:16", 100)
				m.Put(t, "/dev/vdb", blocktest.XFS(50))
				m.Mount("252:16 / /data rw - xfs /dev/vdb rw")
				m.Answer("xfs_growfs", host.Result{Stdout: "data blocks changed from 12800 to 25600\n"}, nil)
			},
			runs: "xfs_growfs /data", logs: "grown: file system /data from 50 MiB to 100 MiB",
		},
		"what is not there is a note, and the next one grows": {
			config:  "growpart: {devices: [/nowhere, /dev/vdz, -x, /]}\n",
			runs:    "growpart /dev/vda 1",
			reports: "note: user-data:1:22: growpart.devices.0: /nowhere is not grown: /nowhere: nothing is mounted there\nnote: user-data:1:32: growpart.devices.1: /dev/vdz is not grown: /dev/vdz: there is no such block device: file does not exist\nnote: user-data:1:42: growpart.devices.2: -x is not grown: -x: nothing is mounted there",
		},
		"a tool that fails is an error at its entry": {
			config: "growpart: {devices: [/]}\n",
			build: func(t *testing.T, m *blocktest.Machine) {
				plain(m)
				m.Answer("growpart /dev/vda 1", host.Result{Exit: 2}, &host.ExitError{Argv: []string{"growpart"}, Exit: 2, Reason: "FAILED: no"})
			},
			runs:    "growpart /dev/vda 1",
			reports: "error: user-data:1:22: growpart.devices.0: cannot grow partition /dev/vda1: growpart failed with exit code 2: FAILED: no",
		},
		"an overlay is skipped quietly": {
			build: func(t *testing.T, m *blocktest.Machine) { m.Mount("0:40 / / rw - overlay overlayroot rw") },
		},
		"a container does not grow its host's disk": {
			build: func(t *testing.T, m *blocktest.Machine) {
				plain(m)
				if err := m.Remove("/dev/vda1"); err != nil {
					t.Fatal(err)
				}
			},
		},
		"an image's root is skipped quietly": {build: func(*testing.T, *blocktest.Machine) {}},
		"a RAID array is skipped quietly": {
			build: func(t *testing.T, m *blocktest.Machine) {
				m.Device("md0", "", "9:0", 100, "md/level", "raid1")
				m.Mount("9:0 / / rw - xfs /dev/md0 rw")
			},
		},

		"partition, LUKS, physical and logical volume": {
			build: lvm, runs: below + "; " + root, logs: "grown: LV /dev/mapper/vg-root from 300 MiB to 798 MiB",
		},
		"the LV of a group with two disks is left alone": {
			build: func(t *testing.T, m *blocktest.Machine) { stacked(t, m, "  2\n") },
			runs:  below + "; lvm vgs --noheadings -o pv_count -- vg", logs: "several physical volumes",
		},
		"no LV gets anything": {
			config: "growpart: {lvm: {extend: false}}\n", build: lvm, runs: below,
		},
		"LVs get what the seed says, in its order, and theirs their file systems": {
			config: "growpart:\n  lvm:\n    extend:\n    - /var: 200M\n    - /: 50%\n", build: lvm,
			runs: below + "; lvm lvextend -L 209715200b -- vg/var; xfs_growfs /var; lvm vgs --noheadings -o vg_free_count -- vg; lvm lvextend -l +50%FREE -- vg/root",
		},
		"sizes of LVs that mean nothing": {
			config:  "growpart: {lvm: {extend: {/: 0%, /var: 101%, /a: much, b: 20G, /c: 9999999T, /d: -5G}}}\n",
			build:   lvm,
			runs:    below,
			reports: "growpart.lvm.extend./d: expected a mount point with a size (20G) or a share of the free space (50%), got \"-5G\"; skipped",
		},
		"a mount point that is on no LV": {
			config:  "growpart: {devices: [], lvm: {extend: {/: 20G}}}\n",
			reports: "error: user-data:1:43: growpart.lvm.extend./: / is on partition /dev/vda1, which is not a logical volume; it is not grown",
		},
		"no mapping of LVs": {
			config:  "growpart: {devices: [], lvm: {extend: all}}\n",
			reports: "error: user-data:1:39: growpart.lvm.extend: expected root, false, or mount points with sizes, got \"all\"; no logical volume is grown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			m := blocktest.New(t, g.Machine)
			if test.build == nil {
				test.build = func(_ *testing.T, m *blocktest.Machine) { plain(m) }
			}
			test.build(t, m)
			reports := strings.Join(g.run(t, growpart), "\n")
			if !strings.Contains(reports, test.reports) || (test.reports == "") != (reports == "") {
				t.Errorf("it reports\n%s\nwant\n%s", reports, test.reports)
			}
			if got := strings.Join(g.Lines(), "; "); got != test.runs {
				t.Errorf("it runs %s\nwant    %s", got, test.runs)
			}
			if !strings.Contains(g.log.String(), test.logs) {
				t.Errorf("the log has no %q: %s", test.logs, &g.log)
			}
		})
	}
}

func TestASecondBootGrowsNothingAndStartsNothing(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(m *blocktest.Machine){
		"a partition": plain,
		"LVM on LUKS": func(m *blocktest.Machine) { stacked(t, m, "  1\n") },
	} {
		g := newGuest(t, "growpart: {devices: [/]}\n")
		m := blocktest.New(t, g.Machine)
		build(m)
		g.clean(t, growpart)
		once := len(g.Calls())
		g.clean(t, growpart)
		if again := len(g.Calls()) - once; once == 0 || again > 0 {
			t.Errorf("%s: first %d commands, then %d", name, once, again)
		}
	}
}

// The power may go when the physical volume has grown and the logical one has not; space that
// the administrator left free before must not be taken for what was gained.
func TestSpaceThatAPowerCutLeftUnusedIsUsedAtTheNextBoot(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "")
	m := blocktest.New(t, g.Machine)
	stacked(t, m, "  1\n")
	failed := &host.ExitError{Argv: []string{"lvm"}, Exit: 5}
	g.Answer("lvm lvextend", host.Result{Exit: 5}, failed)
	g.Answer("lvm lvextend -l +100%FREE -- vg/root", host.Result{Exit: 5}, failed)
	if reports := strings.Join(g.run(t, growpart), "\n"); !strings.Contains(reports, "cannot grow LV /dev/mapper/vg-root") {
		t.Errorf("it reports %q", reports)
	}
	before := len(g.Calls())
	g.On("lvm lvextend -l +100%FREE -- vg/root", func(host.Command) { m.Resize("dm-1", 798) })
	g.env.findings = newGuest(t, "").env.findings
	g.clean(t, growpart)
	if got := strings.Join(g.Lines()[before:], "; "); got != root {
		t.Errorf("the next boot runs %q", got)
	}
	before = len(g.Calls())
	g.clean(t, growpart)
	if got := g.Lines()[before:]; len(got) > 0 {
		t.Errorf("the boot after it runs %q", got)
	}
}
