package modules

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/block"
	"cloudseed/host"
	"cloudseed/state"
)

type growpartKeys struct {
	Growpart struct {
		Mode           *config.Value `key:"mode" takes:"bool|text" default:"auto" doc:"auto or growpart: by the program growpart, or by sfdisk where that is not installed; off: not at all."`
		Devices        []string      `key:"devices" accept:"scalar" default:"[/]" doc:"Mount points and device paths. All that a mount point stands on is grown, from the partition up."`
		IgnoreDisabled *config.Value `key:"ignore_growroot_disabled" takes:"bool|text" default:"false" doc:"Grow even if the image has the file /etc/growroot-disabled."`
		LVM            struct {
			Extend *config.Value `key:"extend" takes:"bool|text|map(text)|list(map(text))" default:"root" doc:"Which logical volumes get the space that a physical volume gained. root: that of /, if its volume group has no other physical volume. false: none. Or mount points, each with the size that it is to have (20G) or a share of what is free (50%), in this order."`
		} `key:"lvm" doc:"Logical volumes; cloud-init has no such key."`
	} `key:"growpart" doc:"What is grown, and how."`

	off     bool
	extends []lvExtension // as lvm.extend lists them
	noRoot  bool          // the LV of / gets nothing by itself
}

// lvExtension is an entry of growpart.lvm.extend.
type lvExtension struct {
	at      config.Cursor
	point   string
	size    int64 // in bytes; 0: percent counts
	percent int
}

var growpart = Of[growpartKeys]{
	Name:       "growpart",
	Stage:      InitStage,
	Frequency:  state.Always,
	Repeatable: true,
	Doc: "Grows what mount points stand on, where their disk became larger: partition, LUKS, LVM's physical and logical " +
		"volume, in this order. The file system of / is left to the module resizefs; those of other mount points are " +
		"grown here. Nothing is ever made smaller, and where there is nothing to do no program is started. A LUKS 2 " +
		"device needs its key for that: the image may have it in /cc_growpart_keydata.",
	Example: "growpart:\n  devices: [/, /var]\n  lvm:\n    extend:\n      - /var: 20G\n      - /: 100%\n",
	Check:   checkGrowpart,
	Run:     runGrowpart,
}.Module()

func checkGrowpart(e *Env, keys *growpartKeys) {
	all := e.At("growpart")
	if all.Value() != nil && all.Kind() != config.Map { // null too: cloud-init does nothing then
		keys.off = true
		if all.IsNull() {
			all.Warnf("expected a mapping, got nothing; nothing is grown")
		}
		return
	}
	switch mode := all.Get("mode"); {
	case mode.IsNull() || mode.Text() == "auto" || mode.Text() == "growpart":
	case config.IsFalse(mode.Value()):
		keys.off = true
		if mode.Kind() != config.Bool && mode.Text() != "off" {
			mode.Deprecatedf("deprecated since 22.2: write off")
		}
	case mode.Text() == "gpart" || mode.Text() == "growfs":
		keys.off = true
		mode.Errorf("%s is a program of BSD; nothing is grown", mode.Text())
	default:
		keys.off = true
		mode.Errorf("expected auto, growpart or off, got %s; nothing is grown", config.Shown(mode.Value()))
	}
	extend := all.Path("lvm.extend")
	switch {
	case extend.IsNull() || extend.Text() == "root" || config.IsTrue(extend.Value()):
	case extend.Kind() == config.Map || extend.Kind() == config.List:
		keys.noRoot = true
		keys.extends = lvExtensions(extend)
	case config.IsFalse(extend.Value()):
		keys.noRoot = true
	default:
		keys.noRoot = true
		extend.Errorf("expected root, false, or mount points with sizes, got %s; no logical volume is grown", config.Shown(extend.Value()))
	}
}

// lvExtensions reads mount points with sizes: a mapping, or a list of mappings.
func lvExtensions(c config.Cursor) []lvExtension {
	var list []lvExtension
	for _, item := range c.Items() {
		list = append(list, lvExtensions(item)...)
	}
	for _, entry := range c.Entries() {
		x := lvExtension{at: entry.Value, point: path.Clean(entry.Key)}
		text := entry.Value.Text()
		if share, ok := strings.CutSuffix(text, "%"); ok {
			x.percent, _ = strconv.Atoi(share)
		} else {
			x.size = block.ParseSize(text)
		}
		if !path.IsAbs(x.point) || x.percent > 100 || x.percent <= 0 && x.size <= 0 {
			entry.Value.Errorf("expected a mount point with a size (20G) or a share of the free space (50%%), got %s; skipped", config.Shown(entry.Value.Value()))
			continue
		}
		list = append(list, x)
	}
	return list
}

func runGrowpart(ctx context.Context, e *Env, keys *growpartKeys) error {
	if keys.off {
		e.Log.Debug("growpart is off")
		return nil
	}
	ignored := keys.Growpart.IgnoreDisabled
	if info, err := e.Host.Stat("/etc/growroot-disabled"); err == nil && info.Mode().IsRegular() && (ignored.IsNull() || config.IsFalse(ignored)) {
		e.Log.Info("nothing is grown: /etc/growroot-disabled is there")
		return nil
	}
	if !block.Running(e.Host) {
		e.Log.Debug("nothing is grown: this is a machine that does not run")
		return nil
	}
	g := grower{ctx: ctx, e: e, keys: keys, gained: map[string]bool{}, failed: map[string]bool{}}
	devices := e.At("growpart.devices")
	switch {
	case devices.Value() == nil, devices.Kind() == config.Map: // the latter was reported by its type
		g.device(devices, "/", e.Log.Debug)
	case devices.Kind() == config.List:
		for _, item := range devices.Items() {
			if !item.IsNull() && item.Kind() != config.List && item.Kind() != config.Map {
				g.device(item, item.Text(), nil)
			}
		}
	case !devices.IsNull():
		g.device(devices, devices.Text(), nil)
	}
	for _, x := range keys.extends {
		g.extend(x)
	}
	g.settle()
	return nil
}

// grower grows the entries of one configuration.
type grower struct {
	ctx    context.Context
	e      *Env
	keys   *growpartKeys
	gained map[string]bool // volume groups whose free space became more, in this boot or one that was cut short
	failed map[string]bool // those of them whose LVs could not get it: that is tried again at the next boot
}

// skipped says that an entry is not grown: a note if the configuration names it.
func skipped(at config.Cursor, quiet func(string, ...any), entry string, why error) {
	if quiet != nil {
		quiet("not grown", "device", entry, "reason", why)
		return
	}
	at.Notef("%s is not grown: %v", entry, why)
}

// device grows what one entry stands on, from the disk up.
func (g *grower) device(at config.Cursor, entry string, quiet func(string, ...any)) {
	mount, layers, err := g.stack(entry)
	if errors.Is(err, block.ErrNotMounted) || errors.Is(err, block.ErrNoDevice) || errors.Is(err, fs.ErrNotExist) {
		skipped(at, quiet, entry, err)
		return
	}
	if err != nil {
		at.Fail(err)
		return
	}
	if bottom := layers[len(layers)-1]; bottom.Kind != block.Disk && bottom.Kind != block.Multipath {
		skipped(at, quiet, entry, errors.New(bottom.String()+" may stand on several devices"))
	}
	for i := len(layers) - 2; i >= 0; i-- {
		err := g.layer(&layers[i], layers[i+1], entry)
		if errors.Is(err, block.ErrNoKey) {
			skipped(at, quiet, entry, err)
			return
		}
		if err != nil {
			at.Fail(err)
			return
		}
	}
	// Difference from cloud-init: it leaves file systems other than that of / as they are.
	if mount.Point != "" && path.Clean(entry) != "/" {
		g.fileSystem(at, mount, layers[0])
	}
}

// stack returns what an entry stands on: a device path, or a mount point with its mount.
func (g *grower) stack(entry string) (block.Mount, []block.Layer, error) {
	if strings.HasPrefix(entry, "/dev/") {
		name, err := block.NameOf(g.e.Host, entry)
		if err != nil {
			return block.Mount{}, nil, err
		}
		layers, err := block.Under(g.e.Host, name)
		return block.Mount{}, layers, err
	}
	mount, err := block.MountAt(g.e.Host, entry)
	if err != nil {
		return mount, nil, err
	}
	layers, err := block.Of(g.e.Host, mount)
	if err == nil { // a container sees its host's devices in /sys, and has none of them
		_, err = g.e.Host.Stat(layers[0].Path)
	}
	return mount, layers, err
}

// layer grows one layer, whose size it brings up to date.
func (g *grower) layer(l *block.Layer, below block.Layer, entry string) error {
	switch l.Kind {
	case block.Partition:
		grown, err := block.GrowPartition(g.ctx, g.e.Host, *l, below)
		l.Size = grown.After
		return g.say(l.String(), grown, err)
	case block.LUKS:
		grown, err := block.GrowLUKS(g.ctx, g.e.Host, *l, below)
		l.Size = grown.After
		return g.say(l.String(), grown, err)
	case block.LV:
		if err := g.physical(l.VG, below); err != nil {
			return err
		}
		if path.Clean(entry) != "/" || g.keys.noRoot || !g.gained[l.VG] {
			return nil
		}
		count, err := block.PVs(g.ctx, g.e.Host, l.VG)
		if err != nil {
			g.failed[l.VG] = true
			return err
		}
		if count != 1 {
			g.e.Log.Info("not grown: its volume group has several physical volumes", "volume", l.Path)
			return nil
		}
		grown, err := block.ExtendLV(g.ctx, g.e.Host, *l, 0, 100)
		g.failed[l.VG] = err != nil
		l.Size = grown.After
		return g.say(l.String(), grown, err)
	}
	return nil
}

// pending is the file that says that a volume group gained space which no LV got yet: the
// power may go between the two steps, and space that the administrator left free is not taken.
func (g *grower) pending(vg string) string {
	return path.Join("/", g.e.Instance.CloudDir, "data", "growpart-"+vg)
}

func (g *grower) physical(vg string, device block.Layer) error {
	size, ok, err := block.PVSize(g.e.Host, device.Path)
	if err != nil {
		return err
	}
	own := g.e.Host.Quietly()
	if ok && device.Size > size {
		if _, err := own.WriteFile(g.pending(vg), nil, host.File{}); err != nil {
			return err
		}
	}
	grown, err := block.GrowPV(g.ctx, g.e.Host, device)
	if err != nil {
		return err
	}
	if grown.Changed() || own.Exists(g.pending(vg)) {
		g.gained[vg] = true
	}
	return g.say("physical volume "+device.Path, grown, nil)
}

// extend gives an LV what growpart.lvm.extend says: a size always, a share when its volume
// group gained space.
func (g *grower) extend(x lvExtension) {
	mount, layers, err := g.stack(x.point)
	if errors.Is(err, block.ErrNotMounted) || errors.Is(err, block.ErrNoDevice) || errors.Is(err, fs.ErrNotExist) {
		skipped(x.at, nil, x.point, err)
		return
	}
	if err != nil {
		x.at.Fail(err)
		return
	}
	lv := layers[0]
	if lv.Kind != block.LV {
		x.at.Errorf("%s is on %s, which is not a logical volume; it is not grown", x.point, lv)
		return
	}
	if x.size == 0 && !g.gained[lv.VG] {
		return
	}
	grown, err := block.ExtendLV(g.ctx, g.e.Host, lv, x.size, x.percent)
	if err := g.say(lv.String(), grown, err); err != nil {
		g.failed[lv.VG] = true
		x.at.Fail(err)
		return
	}
	lv.Size = grown.After
	if x.point != "/" {
		g.fileSystem(x.at, mount, lv)
	}
}

func (g *grower) fileSystem(at config.Cursor, mount block.Mount, device block.Layer) {
	grown, err := block.GrowFileSystem(g.ctx, g.e.Host, mount, device)
	if errors.Is(err, block.ErrUnknownType) {
		at.Notef("the file system is not grown: %v", err)
		return
	}
	at.Fail(g.say("file system "+mount.Point, grown, err))
}

// settle forgets the space that volume groups gained, where whoever was to get it has it.
func (g *grower) settle() {
	for vg := range g.gained {
		if g.failed[vg] {
			continue
		}
		if err := g.e.Host.Quietly().Remove(g.pending(vg)); err != nil {
			g.e.At("growpart").Fail(err)
		}
	}
}

// say logs by how much something grew.
func (g *grower) say(what string, grown block.Grown, err error) error {
	if err == nil && grown.Changed() {
		g.e.Log.Info("grown: " + what + " " + grown.String())
	}
	return err
}
