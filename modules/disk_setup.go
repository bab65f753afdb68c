package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/block"
	"cloudseed/host"
	"cloudseed/state"
)

type diskSetupKeys struct {
	Disks   config.Ordered[diskKeys] `key:"disk_setup" doc:"Disks to partition, by their paths or aliases."`
	Systems []fsKeys                 `key:"fs_setup" doc:"File systems and swap to create."`
	Aliases *config.Value            `key:"device_aliases" takes:"map(text)" doc:"Names for devices: data: /dev/vdb."`

	disks []diskPlan
}

type diskKeys struct {
	TableType string        `key:"table_type" enum:"mbr|gpt" default:"mbr" doc:"The kind of partition table."`
	Layout    *config.Value `key:"layout" takes:"bool|text|list(text|list(text))" default:"false" doc:"false: the disk is unchanged; true: one partition; remove: what is on the disk is wiped; or a list: for each partition its percentage of the disk, or a list of that and its type. The last takes what remains."`
	Overwrite bool          `key:"overwrite" default:"false" doc:"Replace what is on the disk, as long as it is not in use."`
}

type fsKeys struct {
	Label      string        `key:"label" doc:"The label."`
	Filesystem string        `key:"filesystem" doc:"The type: xfs, ext4, swap."`
	Device     string        `key:"device" doc:"The device's path or alias; alias.2 is its second partition."`
	Partition  string        `key:"partition" default:"any" doc:"A partition's number; none: the device itself; auto: what has this label and type already, or else the first partition without a file system; any: the same without the label."`
	Overwrite  bool          `key:"overwrite" default:"false" doc:"Replace what is on the device, as long as it is not in use."`
	ReplaceFS  string        `key:"replace_fs" doc:"With any: replace a file system of this type."`
	ExtraOpts  *config.Value `key:"extra_opts" takes:"list(text)|text" doc:"Further options for mkfs."`
	Cmd        *config.Value `key:"cmd" takes:"list(text)|text" doc:"The command to run in place of mkfs, with %(label)s, %(filesystem)s and %(device)s."`
}

// diskPlan is an entry of disk_setup.
type diskPlan struct {
	at        config.Cursor
	name      string
	table     string
	overwrite bool
	remove    bool
	parts     []block.Part // nil: one, or any that are there
}

var diskSetup = Of[diskSetupKeys]{
	Name:      "disk_setup",
	Stage:     InitStage,
	Frequency: state.PerInstance,
	ActiveIf:  []string{"disk_setup", "fs_setup"},
	// What it did is there at the next run, and not done again.
	Repeatable: true,
	Doc: "Partitions disks and creates file systems. A device that is in use is never touched: one that is mounted, is " +
		"swap, or has an active logical volume, RAID array or LUKS device. What else is on a device is replaced only " +
		"with overwrite.",
	Example: "disk_setup:\n  /dev/vdb:\n    table_type: gpt\n    layout: [25, [75, 8200]]\nfs_setup:\n  - device: /dev/vdb\n    partition: 1\n    filesystem: xfs\n    label: data\n",
	Check:   checkDiskSetup,
	Run:     runDiskSetup,
}.Module()

func checkDiskSetup(e *Env, keys *diskSetupKeys) {
	at := e.At("disk_setup")
	for _, disk := range keys.Disks {
		entry := at.Get(disk.Key)
		if plan, ok := readDisk(entry, disk); ok {
			keys.disks = append(keys.disks, plan)
		}
	}
}

func readDisk(at config.Cursor, disk config.Entry[diskKeys]) (diskPlan, bool) {
	layout := at.Get("layout")
	plan := diskPlan{at: at, name: disk.Key, table: disk.Value.TableType, overwrite: disk.Value.Overwrite}
	if plan.table == "" {
		plan.table = "mbr"
	}
	switch {
	case layout.Kind() == config.List:
		var ok bool
		plan.parts, ok = readLayout(layout, plan.table)
		return plan, ok
	case strings.EqualFold(layout.Text(), "remove"):
		plan.remove = true
		return plan, true
	case config.IsTrue(layout.Value()):
		return plan, true
	case !layout.IsNull() && !config.IsFalse(layout.Value()):
		layout.Errorf("expected true, false, remove or a list of percentages, got %s; the disk is unchanged", config.Shown(layout.Value()))
	}
	return plan, false
}

var partitionType = pattern(`^(?:0[xX])?[0-9a-fA-F]{1,4}$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func readLayout(layout config.Cursor, table string) ([]block.Part, bool) {
	items := layout.Items()
	if len(items) == 0 {
		return nil, false
	}
	if table == "mbr" && len(items) > 4 {
		layout.Errorf("an MBR has at most 4 partitions; the disk is unchanged")
		return nil, false
	}
	parts, sum := make([]block.Part, len(items)), 0.0
	for i, item := range items {
		percent := item
		if item.Kind() == config.List {
			fields := item.Items()
			if len(fields) != 2 || !partitionType().MatchString(fields[1].Text()) {
				item.Errorf("expected a percentage and a partition type (82, 8200 or a GUID); the disk is unchanged")
				return nil, false
			}
			percent, parts[i].Type = fields[0], fields[1].Text()
			if _, known := block.TypeGUID(parts[i].Type); table == "gpt" && !known {
				fields[1].Warnf("without sgdisk this partition type is not known, and Linux is taken")
			}
		}
		n, err := strconv.ParseFloat(percent.Text(), 64)
		if sum += n; err != nil || !(n > 0) || sum > 100.5 { // thirds are 33, 33 and 34, or 33.3 and more
			percent.Errorf("expected a percentage of the disk, all together at most 100; the disk is unchanged")
			return nil, false
		}
		parts[i].Percent = n
	}
	return parts, true
}

func runDiskSetup(ctx context.Context, e *Env, keys *diskSetupKeys) error {
	if !block.Running(e.Host) {
		e.Log.Debug("no disk is set up: this is a machine that does not run")
		return nil
	}
	for _, plan := range keys.disks {
		plan.at.Fail(setUpDisk(ctx, e, keys, plan))
	}
	for i, system := range keys.Systems {
		at := e.At("fs_setup").Get(strconv.Itoa(i))
		at.Fail(setUpFS(ctx, e, keys, at, system))
	}
	return nil
}

// deviceOf returns the kernel's path of a device by any of its names. udev may still be naming it.
func (keys *diskSetupKeys) deviceOf(ctx context.Context, e *Env, name string) ([]block.Layer, error) {
	if alias := keys.Aliases.Get(name); !alias.IsNull() {
		name = alias.Text()
	}
	if !strings.HasPrefix(name, "/") {
		name = "/dev/" + name
	}
	kernel, err := block.NameOf(e.Host, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := block.Settle(ctx, e.Host); err != nil {
			return nil, err
		}
		kernel, err = block.NameOf(e.Host, name)
	}
	if err != nil {
		return nil, err
	}
	return block.Under(e.Host, kernel)
}

func setUpDisk(ctx context.Context, e *Env, keys *diskSetupKeys, plan diskPlan) error {
	layers, err := keys.deviceOf(ctx, e, plan.name)
	if err != nil {
		return err
	}
	disk := layers[0]
	if disk.Kind != block.Disk {
		return fmt.Errorf("%s is not a disk; it is unchanged", disk)
	}
	if !plan.remove {
		if matches, err := block.Matches(ctx, e.Host, disk, plan.parts); err != nil || matches {
			return err
		}
	}
	if err := block.InUse(e.Host, disk.Name); err != nil {
		return err
	}
	contents, err := block.Contents(ctx, e.Host, disk.Path)
	if err != nil {
		return err
	}
	if on := occupied(contents, plan.remove); on != "" && !plan.overwrite {
		plan.at.Notef("there is %s on %s; it is unchanged without overwrite", on, disk.Path)
		return nil
	}
	if plan.remove {
		err = block.WipeDisk(ctx, e.Host, disk)
	} else {
		err = block.PartitionDisk(ctx, e.Host, disk, plan.table, plan.parts)
	}
	if err != nil {
		return fmt.Errorf("cannot partition %s: %w", disk.Path, err)
	}
	return nil
}

// occupied names what is on a disk that is not to be lost. To remove partitions and their file
// systems needs no second word; to remove a part of something else does.
func occupied(contents []block.Content, remove bool) string {
	var on []string
	for _, c := range contents {
		if c.FSType != "" && (!remove || c.Member()) {
			on = append(on, c.FSType+" on "+c.Path)
		}
	}
	if len(on) == 0 && len(contents) > 1 && !remove {
		return "the partition " + contents[1].Path
	}
	return strings.Join(on, ", ")
}

var fsTypeName = pattern(`^[a-zA-Z0-9][a-zA-Z0-9._+-]*$`)

func setUpFS(ctx context.Context, e *Env, keys *diskSetupKeys, at config.Cursor, system fsKeys) error {
	if system.Filesystem == "" && system.Cmd.IsNull() {
		return errors.New("expected a filesystem or a cmd; nothing is created")
	}
	if system.Filesystem != "" && !fsTypeName().MatchString(system.Filesystem) {
		return fmt.Errorf("%q is not a type of file system; nothing is created", system.Filesystem)
	}
	name, part := system.Device, strings.ToLower(system.Partition)
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name, part = name[:i], name[i+1:]
		}
	}
	layers, err := keys.deviceOf(ctx, e, name)
	if err != nil {
		return err
	}
	contents, err := block.Contents(ctx, e.Host, layers[0].Path)
	if err != nil {
		return err
	}
	target, done, err := chooseTarget(e.Host, contents, part, system)
	if err != nil || done {
		return err
	}
	if target.FSType != "" && !system.Overwrite && (system.ReplaceFS == "" || target.FSType != system.ReplaceFS) {
		return fmt.Errorf("there is %s on %s; it is unchanged without overwrite", target.FSType, target.Path)
	}
	if target.Path == contents[0].Path && len(contents) > 1 && !system.Overwrite {
		return fmt.Errorf("there is the partition %s on %s; it is unchanged without overwrite", contents[1].Path, target.Path)
	}
	return makeFS(ctx, e, at, target, system)
}

// chooseTarget returns the device for a file system; done if it has it already.
func chooseTarget(h *host.Host, contents []block.Content, part string, system fsKeys) (target block.Content, done bool, err error) {
	device := contents[0]
	same := func(c block.Content, label bool) bool {
		return c.FSType != "" && c.FSType == system.Filesystem && (!label || c.Label == system.Label)
	}
	switch _, notNumber := strconv.Atoi(part); {
	case part == "none":
		return device, same(device, true) && !system.Overwrite, nil
	case notNumber == nil:
		if last := device.Path[len(device.Path)-1]; last >= '0' && last <= '9' {
			part = "p" + part
		}
		if _, err := block.NameOf(h, device.Path+part); err != nil {
			return device, false, err
		}
		target = block.Content{Path: device.Path + part}
		i := slices.IndexFunc(contents, func(c block.Content) bool { return c.Path == target.Path })
		if i < 0 {
			return device, false, fmt.Errorf("%s is not a partition of %s; nothing is created", target.Path, device.Path)
		}
		target = contents[i]
		return target, same(target, true) && !system.Overwrite, nil
	case part != "" && part != "any" && part != "auto":
		return device, false, fmt.Errorf("expected a partition's number, any, auto or none, got %q; nothing is created", part)
	}
	used := false
	for _, c := range contents {
		switch {
		case part != "auto" && system.ReplaceFS != "" && c.FSType == system.ReplaceFS:
			return c, false, nil
		case same(c, part == "auto"):
			return c, true, nil
		case c.Partition && c.FSType == "":
			return c, false, nil
		}
		used = used || c.Partition || c.FSType != ""
	}
	if used && !system.Overwrite {
		return device, false, fmt.Errorf("no partition of %s is free; nothing is created", device.Path)
	}
	return device, false, nil
}

func makeFS(ctx context.Context, e *Env, at config.Cursor, target block.Content, system fsKeys) error {
	if !system.Cmd.IsNull() {
		name, err := block.NameOf(e.Host, target.Path)
		if err == nil {
			err = block.InUse(e.Host, name)
		}
		if err != nil {
			return err
		}
		if system.Overwrite || !system.ExtraOpts.IsNull() {
			at.Get("cmd").Warnf("overwrite and extra_opts have no effect on a cmd")
		}
		fill := strings.NewReplacer("%(label)s", system.Label, "%(filesystem)s", system.Filesystem, "%(device)s", target.Path, "%%", "%")
		argv := []string{"/bin/sh", "-c", fill.Replace(system.Cmd.Text())}
		if system.Cmd.Kind() == config.List {
			argv = nil
			for _, word := range system.Cmd.Items() {
				argv = append(argv, fill.Replace(word.Text()))
			}
		}
		if len(argv) == 0 {
			return errors.New("cmd is empty; nothing is created")
		}
		_, err = e.Host.Run(ctx, host.Command{Argv: argv, Timeout: host.NoTimeout})
		return err
	}
	n := block.NewFileSystem{Type: system.Filesystem, Label: system.Label, Device: target.Path}
	n.Force = system.Overwrite || target.FSType != "" || !target.Partition
	for _, option := range system.ExtraOpts.Items() {
		n.Options = append(n.Options, option.Text())
	}
	if system.ExtraOpts.Kind() == config.String {
		n.Options = strings.Fields(system.ExtraOpts.Text())
	}
	if err := block.MakeFileSystem(ctx, e.Host, n); err != nil {
		return fmt.Errorf("cannot create %s on %s: %w", n.Type, n.Device, err)
	}
	e.Log.Info("created", "filesystem", n.Type, "device", n.Device, "label", n.Label)
	return nil
}
