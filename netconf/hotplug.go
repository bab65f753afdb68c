package netconf

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudseed/datasource"
	"cloudseed/network"
	"cloudseed/network/activate"
)

// WantsHotplug reports whether user data or the system's configuration has the event at
// which a device that is plugged in is configured.
func (n *Network) WantsHotplug() bool {
	events, _ := n.events()
	return slices.Contains(events, eventHotplug)
}

// hotplugWaits are the times between looks for a new device in the seed, as cloud-init
// has them: whoever plugs in a device may change the seed a little later.
var hotplugWaits = []time.Duration{time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second}

// PluggedIn configures a network device that has come: the seed is read anew by refresh,
// which gives nil where it is not there, its configuration is written and the device is
// brought up. An error says so when the configuration has no such device.
func (n *Network) PluggedIn(ctx context.Context, name string, refresh func(context.Context) *datasource.Seed) error {
	for i := 0; ; i++ {
		if seed := refresh(ctx); seed != nil {
			n.in.Seed = seed
		}
		mac, device, p := n.planFor(name)
		if device != nil {
			n.report(p.Problems)
			return n.bringUp(ctx, p, device)
		}
		if i == len(hotplugWaits) || n.devices.Fixed {
			return fmt.Errorf("cannot configure %s: %s says nothing of a device of that name or with the address %s", name, p.Source, mac)
		}
		n.log.Debug("the configuration has no such device yet", "device", name, "mac", mac, "source", p.Source)
		if err := n.devices.Pause(ctx, hotplugWaits[i]); err != nil {
			return fmt.Errorf("cannot wait for a configuration of %s: %w", name, err)
		}
	}
}

// planFor finds a device of the machine in what the sources say now; nil when they do not
// know it.
func (n *Network) planFor(name string) (mac string, device *network.Device, p Plan) {
	nics := n.listDevices()
	for _, nic := range nics {
		if nic.Name == name {
			mac = nic.MAC
		}
	}
	p = n.rendered(n.source(nics))
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

// bringUp writes what is new and brings up one device, also if its file was there
// already: the device was not.
func (n *Network) bringUp(ctx context.Context, p Plan, device *network.Device) error {
	n.rename(ctx, p.Config, n.listDevices())
	change, err := n.Write(ctx, p)
	if err != nil {
		return err
	}
	one := activate.Change{Renderer: change.Renderer, Removed: change.Removed}
	for _, f := range p.Files {
		if f.Device == device.Name {
			one.Files = append(one.Files, f)
		}
	}
	if n.devices.Fixed {
		return nil
	}
	return activate.Apply(ctx, one, Runner(n.host))
}
