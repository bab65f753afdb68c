package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/block"
	"cloudseed/host"
	"cloudseed/state"
)

type resizefsKeys struct {
	ResizeRootfs *config.Value `key:"resize_rootfs" takes:"bool|text" default:"true" doc:"Whether the file system of / is grown. noblock: yes, and the boot does not wait for it."`

	how resizing
}

// resizing is what resize_rootfs says.
type resizing int

const (
	resizeNow resizing = iota
	resizeNever
	resizeAside // noblock
)

var resizefs = Of[resizefsKeys]{
	Name:       "resizefs",
	Stage:      InitStage,
	Frequency:  state.Always,
	Repeatable: true,
	Doc: "Grows the file system of / to the size of what it is on: ext2, ext3, ext4, XFS or btrfs. Where it has that size " +
		"no program is started. A root without a device, such as an overlay, is skipped; in image mode it is the file " +
		"system of /sysroot that grows.",
	Example: "resize_rootfs: true\n",
	Check: func(e *Env, keys *resizefsKeys) {
		how, ok := resizingOf(e.At("resize_rootfs").Text(), keys.ResizeRootfs.IsNull())
		if keys.how = how; !ok {
			e.At("resize_rootfs").Errorf("expected true, false or noblock, got %s; nothing is grown", config.Shown(keys.ResizeRootfs))
		}
	},
	Run: runResizefs,
}.Module()

func resizingOf(text string, absent bool) (how resizing, ok bool) {
	if absent {
		return resizeNow, true
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "on", "yes":
		return resizeNow, true
	case "noblock":
		return resizeAside, true
	case "false", "0", "off", "no", "":
		return resizeNever, true
	}
	return resizeNever, false
}

func runResizefs(ctx context.Context, e *Env, keys *resizefsKeys) error {
	if len(e.Args) > 0 { // single --name resizefs noblock
		how, ok := resizingOf(e.Args[0], false)
		if keys.how = how; !ok {
			return fmt.Errorf("expected true, false or noblock, got %q; nothing is grown", e.Args[0])
		}
	}
	if keys.how == resizeNever {
		e.Log.Debug("resizefs is off")
		return nil
	}
	if !block.Running(e.Host) {
		e.Log.Debug("nothing is grown: this is a machine that does not run")
		return nil
	}
	mount, err := block.MountAt(e.Host, "/")
	if err != nil {
		return err
	}
	layers, err := block.Of(e.Host, mount)
	if err == nil { // a container sees its host's devices in /sys, and has none of them
		_, err = e.Host.Stat(layers[0].Path)
	}
	if errors.Is(err, block.ErrNoDevice) || errors.Is(err, fs.ErrNotExist) {
		e.Log.Debug("the file system of / is not grown", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	return growRoot(ctx, e, mount, layers[0], keys.how)
}

// growRoot grows the file system of / now, or has systemd do it while the boot goes on.
func growRoot(ctx context.Context, e *Env, mount block.Mount, device block.Layer, how resizing) error {
	_, argv, err := block.FileSystemGrowth(ctx, e.Host, mount, device)
	switch {
	case errors.Is(err, block.ErrUnknownType):
		e.Warn("the file system of / is not grown: %v", err)
		return nil
	case err != nil || argv == nil:
		return err
	case how == resizeAside && e.Host.Exists("/run/systemd/system"):
		// Difference from cloud-init: a failure is not lost, the unit is then among systemd's
		// failed ones. It has no default dependencies: they would have it wait for units that
		// wait for this stage.
		argv = append([]string{"systemd-run", "--unit=cloudseed-resizefs", "--property=DefaultDependencies=no"}, argv...)
		_, err := e.Host.Run(ctx, host.Command{Argv: argv})
		return err
	}
	grown, err := block.GrowFileSystem(ctx, e.Host, mount, device)
	if err == nil {
		e.Log.Info("grown: file system " + mount.Point + " " + grown.String())
	}
	return err
}
