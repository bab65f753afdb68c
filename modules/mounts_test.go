package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/test/needs"
)

const own = "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev,comment=cloudconfig\t0\t2\n"

// disks is a running machine with a disk that has a partition, one that has none, and an fstab.
func disks(t *testing.T, g *guest) *blocktest.Machine {
	t.Helper()
	m := blocktest.New(t, g.Machine)
	m.Device("vdb", "", "252:16", 100)
	m.Device("vdb1", "vdb", "252:17", 90, "partition", "1", "start", "2048")
	m.Device("vdb2", "vdb", "252:18", 5, "partition", "2", "start", "190000")
	m.Device("vdc", "", "252:32", 100)
	m.Device("nvme1n1", "", "259:0", 100)
	m.Device("nvme1n1p1", "nvme1n1", "259:1", 90, "partition", "1", "start", "2048")
	m.Link("../../vdc", "/dev/disk/by-id/virtio-data")
	m.Mount("252:1 / / rw - ext4 /dev/vda1 rw")
	m.Put(t, "/run/systemd/system/x", "")
	m.Put(t, "/etc/fstab", "# the image's\nUUID=1 / ext4 defaults 0 1\n/dev/vdd /old xfs defaults 0 0\n\n/dev/vdx /gone auto defaults,comment=cloudconfig 0 2\n")
	return m
}

const image = "# the image's\nUUID=1 / ext4 defaults 0 1\n/dev/vdd /old xfs defaults 0 0\n"

func TestMounts(t *testing.T) {
	t.Parallel()
	const reload = "systemctl daemon-reload"
	for name, test := range map[string]struct {
		config  string
		fstab   string // what is added; "-": the file is unchanged
		runs    string
		reports string
	}{
		"a disk that has a partition":               {config: "mounts: [[vdb, /data]]\n", fstab: "/dev/vdb1\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"a partition by its number":                 {config: "mounts: [[vdb.2, /data]]\n", fstab: "/dev/vdb2\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"a disk without partitions, by its path":    {config: "mounts: [[/dev/vdc, /data, xfs, noatime, 1, 0]]\n", fstab: "/dev/vdc\t/data\txfs\tnoatime,comment=cloudconfig\t1\t0\n", runs: "mount -- /data; " + reload},
		"an NVMe disk":                              {config: "mounts: [[/dev/nvme1n1, /data]]\n", fstab: "/dev/nvme1n1p1\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"a disk by its id":                          {config: "mounts: [[/dev/disk/by-id/virtio-data, /data]]\n", fstab: "/dev/disk/by-id/virtio-data\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"a label, a server, and what is unknown":    {config: "mounts: [[LABEL=x, /a, ~, defaults], ['s:/e', /b, nfs], [vdz, /c]]\n", fstab: "LABEL=x\t/a\tauto\tdefaults,comment=cloudconfig\t0\t2\ns:/e\t/b\tnfs\t" + own + "vdz\t/c\tauto\t" + own, runs: "mount -- /a; mount -- /b; mount -- /c; " + reload},
		"an alias":                                  {config: "device_aliases: {big: /dev/vdb}\nmounts: [[big.2, /data]]\n", fstab: "/dev/vdb2\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"an alias of a name that is cloud-init's":   {config: "device_aliases: {ephemeral0: /dev/vdc}\n", fstab: "/dev/vdc\t/mnt\tauto\t" + own, runs: "mount -- /mnt; " + reload},
		"an own entry for such a name":              {config: "device_aliases: {ephemeral0: /dev/vdc}\nmounts: [[ephemeral, /data]]\n", fstab: "/dev/vdc\t/data\tauto\t" + own, runs: "mount -- /data; " + reload},
		"fields that the seed gives for all":        {config: "mount_default_fields: [~, /data, xfs, ro, 0, 0]\nmounts: [[vdc]]\n", fstab: "/dev/vdc\t/data\txfs\tro,comment=cloudconfig\t0\t0\n", runs: "mount -- /data; " + reload},
		"too few of them":                           {config: "mount_default_fields: [~, /data]\nmounts: [[vdc]]\n", fstab: "/dev/vdc\t/data\tauto\t" + own, runs: "mount -- /data; " + reload, reports: "expected 6 fields, got 2"},
		"an entry that removes those before it":     {config: "mounts: [[vdb, /a], [vdc, /b], [vdb, ~]]\n", fstab: "/dev/vdc\t/b\tauto\t" + own, runs: "mount -- /b; " + reload},
		"spaces in paths":                           {config: "mounts: [[vdc, '/my data']]\n", fstab: "/dev/vdc\t/my\\040data\tauto\t" + own, runs: "mount -- /my data; " + reload},
		"one that is not mounted at boot":           {config: "mounts: [[vdc, /data, auto, noauto]]\n", fstab: "/dev/vdc\t/data\tauto\tnoauto,comment=cloudconfig\t0\t2\n", runs: reload},
		"swap on a disk":                            {config: "mounts: [[vdc, none, swap, sw, 0, 0]]\n", fstab: "/dev/vdc\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n", runs: "swapon -a; " + reload},
		"swap on a file of a mount that would wait": {config: "mounts: [[vdc, /data], [/data/deep/swap, none, swap, sw, 0, 0], [vdb, /data/deep, xfs, _netdev]]\n", fstab: "/dev/vdc\t/data\tauto\tdefaults,nofail,comment=cloudconfig\t0\t2\n/data/deep/swap\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n/dev/vdb1\t/data/deep\txfs\tdefaults,comment=cloudconfig\t0\t2\n", runs: "mount -- /data; mount -- /data/deep; swapon -a; " + reload, reports: "note: user-data:1:10: mounts.0: a swap file is on it"},
		"an option that would be a cycle":           {config: "mounts: [[vdc, /data, xfs, 'x-systemd.requires=cloud-init.service']]\n", fstab: "/dev/vdc\t/data\txfs\tx-systemd.requires=cloud-init.service,_netdev,comment=cloudconfig\t0\t2\n", runs: "mount -- /data; " + reload, reports: "_netdev is added to its options"},
		"one that is mounted on such a one":         {config: "mounts: [[vdc, /data], [tmpfs, /data/scratch, tmpfs, ro]]\n", fstab: "/dev/vdc\t/data\tauto\t" + own + "tmpfs\t/data/scratch\ttmpfs\tro,_netdev,comment=cloudconfig\t0\t2\n", runs: "mount -- /data; mount -- /data/scratch; " + reload, reports: "note: user-data:1:24: mounts.1: local file systems are mounted before this program runs"},
		"one that is on a file of such a one":       {config: "mounts: [[/data/image, /b, ext4, loop], [vdc, /data]]\n", fstab: "/data/image\t/b\text4\tloop,_netdev,comment=cloudconfig\t0\t2\n/dev/vdc\t/data\tauto\t" + own, runs: "mount -- /b; mount -- /data; " + reload, reports: "note: user-data:1:10: mounts.0: local file systems are mounted before this program runs"},
		"one that says that it needs such a one":    {config: "mounts: [[vdc, /data], [tmpfs, /b, tmpfs, x-systemd.requires-mounts-for=/data/b]]\n", fstab: "/dev/vdc\t/data\tauto\t" + own + "tmpfs\t/b\ttmpfs\tx-systemd.requires-mounts-for=/data/b,_netdev,comment=cloudconfig\t0\t2\n", runs: "mount -- /data; mount -- /b; " + reload, reports: "note: user-data:1:24: mounts.1: local file systems are mounted before this program runs"},
		"one beside such a one":                     {config: "mounts: [[vdc, /data], [tmpfs, /database, tmpfs, ro]]\n", fstab: "/dev/vdc\t/data\tauto\t" + own + "tmpfs\t/database\ttmpfs\tro,comment=cloudconfig\t0\t2\n", runs: "mount -- /data; mount -- /database; " + reload},
		"what the image has already":                {config: "mounts: [[/dev/vdd, /old]]\n", fstab: "-", reports: "note: user-data:1:10: mounts.0: /dev/vdd on /old is in /etc/fstab already; that line is unchanged"},
		"a line in a field":                         {config: "mounts: [[vdc, /data, auto, \"ro\\n/dev/vda / ext4\"]]\n", fstab: "-", reports: "error: user-data:1:10: mounts.0: field 4 of the entry is \"ro\\n/dev/vda / ext4\", which no field of /etc/fstab may be; the entry is skipped"},
		"a line in a path is escaped":               {config: "mounts: [[vdc, \"/a\\nb\"]]\n", fstab: "/dev/vdc\t/a\\012b\tauto\t" + own, runs: "mount -- /a\nb; " + reload},
		"no entry":                                  {config: "mounts: [vdb, [], [~, /data]]\n", fstab: "-", reports: "mounts.2: expected a device first; the entry is skipped"},
		"a seventh field":                           {config: "mounts: [[vdc, /data, xfs, ro, 0, 0, x]]\n", fstab: "/dev/vdc\t/data\txfs\tro,comment=cloudconfig\t0\t0\n", runs: "mount -- /data; " + reload, reports: "warning: user-data:1:38: mounts.0.6: an entry has at most 6 fields"},

		"a swap file":                {config: "swap: {size: 64M}\n", fstab: "/swap.img\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n", runs: "fallocate -l 64M /swap.img; mkswap /swap.img; swapon -a; " + reload},
		"a swap file in bytes":       {config: "swap: {filename: /s, size: 67108864}\n", fstab: "/s\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n", runs: "fallocate -l 64M /s; mkswap /s; swapon -a; " + reload},
		"a swap file on a new mount": {config: "mounts: [[vdc, /data]]\nswap: {filename: /data/swap, size: 64M}\n", fstab: "/dev/vdc\t/data\tauto\tdefaults,nofail,comment=cloudconfig\t0\t2\n/data/swap\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n", runs: "mount -- /data; fallocate -l 64M /data/swap; mkswap /data/swap; swapon -a; " + reload, reports: "note: user-data:1:10: mounts.0: a swap file is on it"},
		"no swap":                    {config: "swap: {size: 0}\n", fstab: "-"},
		"no swap file":               {config: "swap: {filename: '', size: 1G}\n", fstab: "-"},
		"a swap file of nonsense":    {config: "swap: {size: much}\n", fstab: "-", reports: "error: user-data:1:14: swap.size: expected a size of at least 1M, or auto, got much; no swap file is created"},
		"a swap file nowhere":        {config: "swap: {filename: -swap, size: 1G}\n", fstab: "-", reports: "swap.filename: expected an absolute path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			m := disks(t, g)
			before := m.Text(t, "/etc/fstab")
			reports := strings.Join(g.run(t, mounts), "\n")
			if !strings.Contains(reports, test.reports) || (test.reports == "") != (reports == "") {
				t.Errorf("it reports\n%s\nwant\n%s", reports, test.reports)
			}
			want := image + test.fstab
			if test.fstab == "-" {
				want = before
			}
			same(t, "/etc/fstab", m.Text(t, "/etc/fstab"), want)
			same(t, "what is run", strings.Join(g.Lines(), "; "), test.runs)
		})
	}
}

func TestAMountThatFailsIsNamedAndTheNextIsMounted(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "mounts: [[vdb, /a], [vdc, /b]]\n")
	m := disks(t, g)
	m.Answer("mount -- /a", host.Result{Exit: 32}, &host.ExitError{Argv: []string{"mount"}, Exit: 32, Reason: "wrong fs type"})
	same(t, "its report", strings.Join(g.run(t, mounts), "\n"), "error: user-data:1:10: mounts.0: cannot mount /dev/vdb1 on /a: mount failed with exit code 32: wrong fs type")
	same(t, "what is run", strings.Join(g.Lines(), "; "), "mount -- /a; mount -- /b; systemctl daemon-reload")
}

func TestTheNextInstanceHasEachLineOnce(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "mounts: [[vdc, /data]]\nswap: {size: 64M}\n")
	m := disks(t, g)
	m.Put(t, "/etc/fstab", "UUID=1 / ext4 defaults 0 1\n/swap.img\tnone\tswap\tsw\t0\t0\n")
	g.clean(t, mounts)
	first := m.Text(t, "/etc/fstab")
	if n := strings.Count(first, "/swap.img"); n != 1 {
		t.Errorf("%d lines for the swap file: %s", n, first)
	}
	m.Mount("252:32 / /data rw - xfs /dev/vdc rw")
	m.Put(t, "/proc/swaps", "Filename\n/swap.img file\n")
	ran := len(g.Calls())
	g.clean(t, mounts)
	same(t, "/etc/fstab", m.Text(t, "/etc/fstab"), first)
	if got := g.Lines()[ran:]; len(got) > 0 {
		t.Errorf("it runs %q", got)
	}
}

func TestAnImagesRootGetsItsLinesOnly(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "mounts: [[LABEL=x, /data]]\n")
	g.clean(t, mounts)
	same(t, "/etc/fstab", g.Text(t, "/etc/fstab"), "LABEL=x\t/data\tauto\t"+own)
	if !g.Exists("/data") || len(g.Calls()) > 0 {
		t.Errorf("it runs %q", g.Lines())
	}
}

// util-linux reads what is written as it is meant.
func TestFindmntReadsWhatMountsWrites(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "findmnt")
	g := newGuest(t, "mounts: [[vdc, \"/my\\tda\\\\ta\", xfs, ro], ['s:/e', '/b c', nfs]]\n")
	m := disks(t, g)
	g.clean(t, mounts)
	file := filepath.Join(t.TempDir(), "fstab")
	if err := os.WriteFile(file, []byte(m.Text(t, "/etc/fstab")), 0o600); err != nil {
		t.Fatal(err)
	}
	for point, want := range map[string]string{"/my\tda\\ta": "/dev/vdc", "/b c": "s:/e"} {
		out, err := exec.CommandContext(t.Context(), "findmnt", "--tab-file", file, "--noheadings", "--output", "SOURCE", "--target", point).CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != want || err != nil {
			t.Errorf("%q is of %q, %v", point, got, err)
		}
	}
}
