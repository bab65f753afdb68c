package boot

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"cloudseed/modules"
	"cloudseed/network"
	"cloudseed/network/activate"
	"cloudseed/state"
)

// ErrNoInstance says that the machine is no instance, so that nothing is known of how it
// is to be.
var ErrNoInstance = errors.New("no instance was set up on this machine yet")

// HotplugEnabled tells whether devices are to be configured when they are plugged in:
// the events of user data or the system's configuration have it, or it was enabled by
// hand.
func (b *Boot) HotplugEnabled(ctx context.Context) (bool, error) {
	if err := b.resume(ctx); err != nil {
		return false, err
	}
	if b.seed == nil {
		return false, ErrNoInstance
	}
	b.readUserData(ctx)
	events, _ := b.networkEvents()
	if slices.Contains(events, eventHotplug) {
		return true, nil
	}
	scopes, err := modules.HotplugScopes(b.Host, state.CloudDir)
	return slices.Contains(scopes, modules.HotplugScope), err
}

// hotplugWaits are the times between looks for a new device in the seed, as cloud-init
// has them: whoever plugs in a device may change the seed a little later.
var hotplugWaits = []time.Duration{time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second}

// PluggedIn configures a network device that has come: the seed is read anew, if it is
// there, its configuration is written and the device is brought up. An error says so
// when the configuration has no such device.
func (b *Boot) PluggedIn(ctx context.Context, name string) error {
	b.stage = "hotplug"
	enabled, err := b.HotplugEnabled(ctx)
	if err != nil {
		return err
	}
	if !enabled {
		b.Log.Info("a network device was plugged in, and is unchanged: updates.network.when has no hotplug", "device", name)
		return nil
	}
	for i := 0; ; i++ {
		mac, device, p := b.planFor(ctx, name)
		if device != nil {
			b.problems(p.Problems)
			return b.bringUp(ctx, p, device)
		}
		if i == len(hotplugWaits) || b.devices().Fixed {
			return fmt.Errorf("cannot configure %s: %s says nothing of a device of that name or with the address %s", name, p.Source, mac)
		}
		b.Log.Debug("the configuration has no such device yet", "device", name, "mac", mac, "source", p.Source)
		if err := b.devices().Pause(ctx, hotplugWaits[i]); err != nil {
			return fmt.Errorf("cannot wait for a configuration of %s: %w", name, err)
		}
	}
}

// planFor reads the seed anew and finds a device of the machine in what the sources then
// say; nil when they do not know it.
func (b *Boot) planFor(ctx context.Context, name string) (mac string, device *network.Device, p NetworkPlan) {
	b.refreshSeed(ctx)
	nics := b.listDevices()
	for _, nic := range nics {
		if nic.Name == name {
			mac = nic.MAC
		}
	}
	p = b.rendered(b.networkSource(nics))
	if p.Config == nil || p.guessed() {
		return mac, nil, p
	}
	for _, d := range p.Config.Devices {
		if d.Name == name || d.MAC != "" && strings.EqualFold(d.MAC, mac) {
			return mac, d, p
		}
	}
	return mac, nil, p
}

// refreshSeed reads the seed again if it is still there and still the same instance's.
func (b *Boot) refreshSeed(ctx context.Context) {
	seed, report := b.searchNetwork(ctx) // there is a network: devices are added to a machine that runs
	if seed == nil || seed.InstanceID != b.seed.InstanceID {
		b.Log.Debug("the seed is not here now; what is remembered of it counts", "why", report.Summary())
		return
	}
	b.seed = seed
	cache, err := seed.EncodeCache()
	if err == nil {
		err = b.store.Write(path.Join(state.InstanceDir(seed.InstanceID), seedFile), cache)
	}
	b.note(err)
}

// bringUp writes what is new and brings up one device, also if its file was there
// already: the device was not.
func (b *Boot) bringUp(ctx context.Context, p NetworkPlan, device *network.Device) error {
	b.rename(ctx, p.Config, b.listDevices())
	change, err := b.ApplyNetwork(p)
	if err != nil {
		return err
	}
	one := activate.Change{Renderer: change.Renderer, Removed: change.Removed}
	for _, f := range p.Files {
		if f.Device == device.Name {
			one.Files = append(one.Files, f)
		}
	}
	if b.devices().Fixed {
		return nil
	}
	return activate.Apply(ctx, one, NetworkRunner(b.Host.As(b.stage, "network")))
}
