package netconf

import (
	"context"
	"fmt"
	"path"
	"time"

	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/udev"
)

// lateTime is how long the local stage waits for a device that the configuration names
// by its MAC address, after udev has done its work: a driver may still be at it.
const lateTime = time.Second

// SettleTime is how long is waited, at the most, for the kernel to have shown all its
// devices. What is waited for is that event and not the time: a machine that is slow may well
// need it, and without its devices it would not be what it is to be.
const SettleTime = 2 * time.Minute

// Devices are a machine's network devices, and how to wait for them.
type Devices struct {
	List   func() ([]network.NIC, error)                                        // nil: what the machine's /sys shows
	Settle func(context.Context) (waited bool, err error)                       // until those that are there are set up
	Until  func(ctx context.Context, subsystem string, ready func() bool) error // until one came that makes ready say true

	// Pause lets a time pass, or the context end.
	Pause func(ctx context.Context, d time.Duration) error

	// Fixed devices are not there to be set up: those of another machine, as below an
	// image's root, or of one that is only tried. Nothing comes, and none is renamed or
	// brought up.
	Fixed bool
}

// DevicesOf returns the devices that are given, else those of the machine h.
func DevicesOf(h *host.Host, given *Devices) Devices {
	list := func() ([]network.NIC, error) { return network.Interfaces(path.Join(h.Root(), "sys")) }
	if given != nil {
		d := *given
		if d.List == nil {
			d.List = list
		}
		return d
	}
	if !h.IsLive() {
		return Devices{List: list, Fixed: true}
	}
	return Devices{
		List: func() ([]network.NIC, error) {
			nics, err := list()
			network.MarkBusy(nics)
			return nics, err
		},
		Settle: udev.Settle, Until: udev.Until, Pause: pause,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listDevices tells of devices that cannot be listed, and goes on with none.
func (n *Network) listDevices() []network.NIC {
	nics, err := n.devices.List()
	if err != nil {
		n.log.Warn("cannot list the network devices: " + err.Error())
	}
	return nics
}

// awaitDevices waits, by events and with a deadline, for devices that the configuration
// names and that are not there, and asks the sources again with what has come.
//
// Difference from cloud-init: it compares MAC addresses by their case, and gives up the
// network altogether when one is missing.
func (n *Network) awaitDevices(ctx context.Context, p Plan, nics []network.NIC) (Plan, []network.NIC) {
	d := n.devices
	if d.Fixed || !p.guessed() && (p.Config == nil || len(network.Missing(p.Config, nics)) == 0) {
		return p, nics
	}
	again := func() {
		nics = n.listDevices()
		p = n.source(nics)
	}
	settle := func() {
		settled, cancel := context.WithTimeout(ctx, SettleTime)
		defer cancel()
		if waited, err := d.Settle(settled); err != nil {
			n.log.Warn("cannot wait for network devices: " + err.Error())
		} else if waited {
			again()
		}
	}
	settle()
	if missingMACs(p.Config, nics) == nil {
		return p, nics
	}
	late, cancel := context.WithTimeoutCause(ctx, lateTime, fmt.Errorf("nothing came in %s", lateTime))
	defer cancel()
	err := d.Until(late, "net", func() bool {
		again()
		return missingMACs(p.Config, nics) == nil
	})
	if err == nil {
		settle() // what has come gets its name from udev
		return p, nics
	}
	for _, device := range missingMACs(p.Config, nics) {
		n.log.Warn(fmt.Sprintf("the network device %s with the MAC address %s is not there (%v); it is configured all the same", device.Name, device.MAC, err))
	}
	return p, nics
}

// missingMACs are the missing devices that are found by their MAC addresses, without
// those that the boot need not wait for.
func missingMACs(c *network.Config, nics []network.NIC) []*network.Device {
	var missing []*network.Device
	for _, d := range network.Missing(c, nics) {
		if d.MAC != "" && !d.Optional {
			missing = append(missing, d)
		}
	}
	return missing
}

// rename gives devices the names that the configuration has for them, and tells whether
// another was in the way and is called otherwise now.
func (n *Network) rename(ctx context.Context, c *network.Config, nics []network.NIC) (displaced bool) {
	if n.devices.Fixed {
		return false
	}
	steps, problems := network.Renames(c, nics)
	n.report(problems)
	if len(steps) == 0 {
		return false
	}
	err := network.Apply(steps, func(argv ...string) error {
		_, err := n.host.Run(ctx, host.Command{Argv: argv})
		return err
	})
	if err != nil {
		n.log.Warn("cannot rename network devices: " + err.Error())
	}
	return network.Displaced(steps)
}
