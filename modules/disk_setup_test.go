package modules

import (
	"os/exec"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/test/needs"
)

// found is what blkid finds on devices: "vdb - -, vdb1 xfs data".
func found(m *blocktest.Machine, devices string) {
	for device := range strings.SplitSeq(devices, ", ") {
		words := strings.Fields(device)
		result := host.Result{Exit: 2}
		if words[1] != "-" {
			result = host.Result{Stdout: "TYPE=" + words[1] + "\nLABEL=" + strings.Trim(words[2], "-") + "\n"}
		}
		m.Answer("blkid -p -o export /dev/"+words[0], result, nil)
	}
}

func TestDiskSetup(t *testing.T) {
	t.Parallel()
	const one, look = "blkid -p -o export /dev/vdb", "blkid -p -o export /dev/vdb; blkid -p -o export /dev/vdb1; blkid -p -o export /dev/vdb2"
	const probe = "partprobe /dev/vdb; udevadm settle"
	const blkid1, blkid2 = "blkid -p -s PART_ENTRY_TYPE -o value /dev/vdb1", "blkid -p -s PART_ENTRY_TYPE -o value /dev/vdb2"
	const empty, two = "vdb - -", "vdb - -, vdb1 xfs data, vdb2 - -"
	const refused = "it is unchanged without overwrite"
	for name, test := range map[string]struct {
		config  string
		on      string // what lsblk finds on vdb
		mount   string
		lacks   string
		runs    string
		reports string
	}{
		"one partition":            {config: "disk_setup: {/dev/vdb: {layout: true}}\n", on: empty, runs: one + "; sfdisk -uS --force /dev/vdb < ,,83; " + probe},
		"percentages and types":    {config: "disk_setup: {/dev/vdb: {layout: [33, [33, 82], 34]}}\n", on: empty, runs: one + "; sfdisk -uS --force /dev/vdb < ,67584,83\n,67584,82\n,,83; " + probe},
		"GPT by sgdisk":            {config: "disk_setup: {/dev/vdb: {table_type: gpt, layout: [50, [50, 8200]]}}\n", on: empty, runs: one + "; sgdisk -Z /dev/vdb; sgdisk -n 1:0:+102400 /dev/vdb; sgdisk -n 2:0:0 /dev/vdb; sgdisk -t 2:8200 /dev/vdb; " + probe},
		"GPT by sfdisk":            {config: "disk_setup: {/dev/vdb: {table_type: gpt, layout: [50, [50, 82]]}}\n", on: empty, lacks: "sgdisk", runs: one + "; sfdisk -X gpt --force /dev/vdb < ,102400,0FC63DAF-8483-4772-8E79-3D69D8477DE4\n,,0657FD6D-A4AB-43C4-84E5-0933C84B4F4F; " + probe},
		"a disk by its alias":      {config: "device_aliases: {big: /dev/vdb}\ndisk_setup: {big: {layout: true}}\n", on: empty, runs: one + "; sfdisk -uS --force /dev/vdb < ,,83; " + probe},
		"a disk by its id":         {config: "disk_setup: {/dev/disk/by-id/virtio-b: {layout: true}}\n", on: empty, runs: one + "; sfdisk -uS --force /dev/vdb < ,,83; " + probe},
		"no layout":                {config: "disk_setup: {/dev/vdb: {layout: false}, /dev/vdc: {}}\n"},
		"a layout that is there":   {config: "disk_setup: {/dev/vdb: {layout: [50, [50, 82]]}}\n", on: two, runs: blkid2},
		"any partition will do":    {config: "disk_setup: {/dev/vdb: {layout: true}}\n", on: two},
		"other partitions":         {config: "disk_setup: {/dev/vdb: {layout: [[50, 8e], 50]}}\n", on: two, runs: blkid1 + "; " + look, reports: "note: user-data:1:24: disk_setup./dev/vdb: there is xfs on /dev/vdb1 on /dev/vdb; " + refused},
		"others, to be replaced":   {config: "disk_setup: {/dev/vdb: {layout: [100], overwrite: true}}\n", on: two, runs: look + "; sfdisk -uS --force /dev/vdb < ,,83; " + probe},
		"one in use, whatever":     {config: "disk_setup: {/dev/vdb: {layout: [100], overwrite: true}}\n", on: two, mount: "252:17 / /x rw - xfs /dev/vdb1 rw", reports: "error: user-data:1:24: disk_setup./dev/vdb: /dev/vdb is in use: /dev/vdb1 is mounted on /x"},
		"one with a file system":   {config: "disk_setup: {/dev/vdb: {layout: [100]}}\n", on: "vdb xfs -", runs: one, reports: "there is xfs on /dev/vdb on /dev/vdb; " + refused},
		"all is wiped":             {config: "disk_setup: {/dev/vdb: {layout: remove}}\n", on: two, runs: look + "; wipefs --all /dev/vdb1; wipefs --all /dev/vdb2; dd if=/dev/zero of=/dev/vdb bs=512 count=2048 conv=notrunc,fsync seek=0; dd if=/dev/zero of=/dev/vdb bs=512 count=2048 conv=notrunc,fsync seek=202752; " + probe},
		"not a physical volume":    {config: "disk_setup: {/dev/vdb: {layout: remove}}\n", on: "vdb - -, vdb1 LVM2_member -, vdb2 - -", runs: look, reports: "there is LVM2_member on /dev/vdb1 on /dev/vdb; " + refused},
		"a partition is no disk":   {config: "disk_setup: {/dev/vdb1: {layout: true}}\n", reports: "error: user-data:1:25: disk_setup./dev/vdb1: partition /dev/vdb1 is not a disk; it is unchanged"},
		"a disk that is not there": {config: "disk_setup: {/dev/vdz: {layout: true}}\n", runs: "udevadm settle", reports: "error: user-data:1:24: disk_setup./dev/vdz: /dev/vdz: there is no such block device"},
		"five of MBR":              {config: "disk_setup: {/dev/vdb: {layout: [20, 20, 20, 20, 20]}}\n", reports: "an MBR has at most 4 partitions"},
		"more than all":            {config: "disk_setup: {/dev/vdb: {layout: [60, 60]}}\n", reports: "all together at most 100"},
		"not a number":             {config: "disk_setup: {/dev/vdb: {layout: [NaN]}}\n", reports: "expected a percentage"},
		"a type of two lines":      {config: "disk_setup: {/dev/vdb: {layout: [[50, \"83\\n,,\"], 50]}}\n", reports: "expected a percentage and a partition type"},
		"another word":             {config: "disk_setup: {/dev/vdb: {layout: all}}\n", reports: "expected true, false, remove or a list of percentages, got \"all\"; the disk is unchanged"},

		"a file system on a partition":          {config: "fs_setup: [{device: /dev/vdb, partition: 2, filesystem: xfs, label: new}]\n", on: two, runs: look + "; mkfs.xfs -L new /dev/vdb2"},
		"a partition by a dot":                  {config: "fs_setup: [{device: /dev/vdb.2, filesystem: ext4}]\n", on: two, runs: look + "; mkfs.ext4 /dev/vdb2"},
		"swap":                                  {config: "fs_setup: [{device: /dev/vdb2, partition: none, filesystem: swap}]\n", on: "vdb2 - -", lacks: "mkfs.swap", runs: "blkid -p -o export /dev/vdb2; mkswap /dev/vdb2"},
		"a whole disk":                          {config: "fs_setup: [{device: vdb, partition: none, filesystem: xfs}]\n", on: empty, runs: one + "; mkfs.xfs -f /dev/vdb"},
		"what is there already":                 {config: "fs_setup: [{device: /dev/vdb, partition: 1, filesystem: xfs, label: data}]\n", on: two, runs: look},
		"that again, with overwrite":            {config: "fs_setup: [{device: /dev/vdb, partition: 1, filesystem: xfs, label: data, overwrite: true}]\n", on: two, runs: look + "; mkfs.xfs -L data -f /dev/vdb1"},
		"another one is there":                  {config: "fs_setup: [{device: /dev/vdb, partition: 1, filesystem: ext4}]\n", on: two, runs: look, reports: "error: user-data:1:12: fs_setup.0: there is xfs on /dev/vdb1; " + refused},
		"it is mounted, whatever":               {config: "fs_setup: [{device: /dev/vdb, partition: 1, filesystem: ext4, overwrite: true}]\n", on: two, mount: "252:17 / /x rw - xfs /dev/vdb1 rw", runs: look, reports: "cannot create ext4 on /dev/vdb1: /dev/vdb1 is in use: /dev/vdb1 is mounted on /x"},
		"any: what is there":                    {config: "fs_setup: [{device: /dev/vdb, filesystem: xfs, label: other}]\n", on: two, runs: look},
		"auto: the first that is free":          {config: "fs_setup: [{device: /dev/vdb, partition: auto, filesystem: xfs, label: other}]\n", on: two, runs: look + "; mkfs.xfs -L other /dev/vdb2"},
		"any: none is free":                     {config: "fs_setup: [{device: /dev/vdb, filesystem: ext4}]\n", on: "vdb - -, vdb1 xfs -, vdb2 ext3 -", runs: look, reports: "no partition of /dev/vdb is free; nothing is created"},
		"any: a type that is to be replaced":    {config: "fs_setup: [{device: /dev/vdb, filesystem: ext4, replace_fs: xfs}]\n", on: two, runs: look + "; mkfs.ext4 -F /dev/vdb1"},
		"none: partitions are there":            {config: "fs_setup: [{device: /dev/vdb, partition: none, filesystem: ext4}]\n", on: two, runs: look, reports: "there is the partition /dev/vdb1 on /dev/vdb; " + refused},
		"options as a list and as text":         {config: "fs_setup: [{device: /dev/vdb.2, filesystem: ext4, extra_opts: [-m, 1]}, {device: /dev/vdb.2, filesystem: ext4, extra_opts: -m 1}]\n", on: two, runs: look + "; mkfs.ext4 -m 1 /dev/vdb2; " + look + "; mkfs.ext4 -m 1 /dev/vdb2"},
		"a label of FAT":                        {config: "fs_setup: [{device: /dev/vdb.2, filesystem: vfat, label: x}]\n", on: two, runs: look + "; mkfs.vfat -n x /dev/vdb2"},
		"a command":                             {config: "fs_setup: [{device: /dev/vdb.2, filesystem: ext4, label: x, cmd: 'mk %(filesystem)s -L %(label)s %(device)s 1%%'}]\n", on: two, runs: look + "; /bin/sh -c mk ext4 -L x /dev/vdb2 1%"},
		"a command as a list":                   {config: "fs_setup: [{device: /dev/vdb.2, cmd: [mk, '%(device)s']}]\n", on: two, runs: look + "; mk /dev/vdb2"},
		"a command on what is mounted":          {config: "fs_setup: [{device: /dev/vdb.2, cmd: [mk, '%(device)s']}]\n", on: two, mount: "252:18 / /x rw - xfs /dev/vdb2 rw", runs: look, reports: "/dev/vdb2 is in use"},
		"no type":                               {config: "fs_setup: [{device: /dev/vdb}]\n", reports: "expected a filesystem or a cmd; nothing is created"},
		"a type that leads elsewhere":           {config: "fs_setup: [{device: /dev/vdb, filesystem: ../x}]\n", reports: "\"../x\" is not a type of file system; nothing is created"},
		"a partition that is not there":         {config: "fs_setup: [{device: /dev/vdb, partition: 7, filesystem: xfs}]\n", on: two, runs: look, reports: "/dev/vdb7: there is no such block device"},
		"a partition of nonsense":               {config: "fs_setup: [{device: /dev/vdb, partition: some, filesystem: xfs}]\n", on: two, runs: look, reports: "expected a partition's number, any, auto or none, got \"some\"; nothing is created"},
		"one that fails, and the next one goes": {config: "fs_setup: [{device: /dev/vdb, partition: 7, filesystem: xfs}, {device: /dev/vdb.2, filesystem: xfs}]\n", on: two, runs: look + "; " + look + "; mkfs.xfs /dev/vdb2", reports: "fs_setup.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			m := blocktest.New(t, g.Machine)
			m.Device("vdb", "", "252:16", 100)
			m.Link("../../vdb", "/dev/disk/by-id/virtio-b")
			if test.on != empty && test.on != "vdb xfs -" {
				m.Device("vdb1", "vdb", "252:17", 40, "partition", "1", "start", "2048")
				m.Device("vdb2", "vdb", "252:18", 40, "partition", "2", "start", "92160")
			}
			m.Mount("252:1 / / rw - xfs /dev/vda1 rw")
			if test.mount != "" {
				m.Mount(test.mount)
			}
			if test.on != "" {
				found(m, test.on)
			}
			m.Answer(blkid1, host.Result{Stdout: "0x83\n"}, nil)
			m.Answer(blkid2, host.Result{Stdout: "0x82\n"}, nil)
			m.Lacks(test.lacks)
			reports := strings.Join(g.run(t, diskSetup), "\n")
			if !strings.Contains(reports, test.reports) || (test.reports == "") != (reports == "") {
				t.Errorf("it reports\n%s\nwant\n%s", reports, test.reports)
			}
			same(t, "what is run", strings.Join(g.lines(), "; "), test.runs)
		})
	}
}

func TestDiskSetupOnARealDiskAndAgain(t *testing.T) {
	needs.Programs(t, "mkfs.xfs", "blkid", "sfdisk", "blockdev")
	device := blocktest.Loop(t, 1000, 0, "")
	e, _ := really(t, "")
	setUp := func(config string) string {
		g := newGuest(t, config)
		g.env.Host = e.Host
		return strings.Join(g.run(t, diskSetup), "\n")
	}
	disks := "disk_setup: {" + device + ": {table_type: gpt, layout: [40, 60]}}\n"
	systems := "fs_setup: [{device: " + device + ", partition: 1, filesystem: xfs, label: data}]\n"
	same(t, "the report on the disk", setUp(disks), "")
	_ = exec.CommandContext(t.Context(), "partx", "--add", device).Run() // the kernel may read no tables
	same(t, "the report on the file system", setUp(systems), "")
	uuid := blocktest.Do(t, "blkid", "-p", "-s", "UUID", "-o", "value", device+"p1")
	same(t, "the second report", setUp(disks+systems), "")
	same(t, "the UUID", blocktest.Do(t, "blkid", "-p", "-s", "UUID", "-o", "value", device+"p1"), uuid)
	point := t.TempDir()
	blocktest.Do(t, "mount", device+"p1", point)
	t.Cleanup(func() { blocktest.Undo(t, "umount", point) })
	if report := setUp("disk_setup: {" + device + ": {layout: [100], overwrite: true}}\n"); !strings.Contains(report, "is mounted on "+point) {
		t.Errorf("of a mounted disk it reports %q", report)
	}
}
