// Package networkd writes a network configuration as the files of systemd-networkd.
//
// In comes the one model of package network, out come .network and .netdev files with
// their contents, those of cloud-init where no comment says otherwise, and problems
// with what cannot be said to networkd. It never knows where the configuration came
// from, nor whether networkd runs; it writes nothing itself.
package networkd

import (
	"slices"

	"cloudseed/config"
	"cloudseed/network"
)

// Owner is the user that networkd runs as.
const Owner = "systemd-network"

// The modes of files. Keys of WireGuard are for networkd alone.
const (
	mode       = 0o644
	secretMode = 0o640
)

// Path returns where a file of a device is written, by the device's name and the kind of the
// file: "network" or "netdev".
func Path(name, kind string) string { return "/etc/systemd/network/10-cloud-init-" + name + "." + kind }

// renderer holds what devices say of one another. networkd wants most of it said in the
// file of the other.
type renderer struct {
	config  *network.Config
	known   map[string]bool              // the names of devices that have a file
	below   map[string][]*network.Device // by the names of devices: the VLANs and VXLANs on them
	bonds   map[string]*network.Device   // by the names of members
	bridges map[string]*network.Device   // by the names of ports
	vrfs    map[string]*network.Device   // by the names of members
	found   config.Findings
}

// Render returns the files of all devices. Those of what is not an interface of the
// machine (a bond, a bridge, …) are two: one makes it, one gives it addresses.
func Render(c *network.Config) ([]network.File, []config.Problem) {
	if c == nil || c.Disabled {
		return nil, nil
	}
	r := &renderer{
		config: c, known: map[string]bool{}, below: map[string][]*network.Device{},
		bonds: map[string]*network.Device{}, bridges: map[string]*network.Device{}, vrfs: map[string]*network.Device{},
	}
	devices := r.sayable()
	r.relate(devices)
	var files []network.File
	for _, d := range devices {
		f := r.file(d, "network", r.network(d))
		if isThere(d) {
			f.Device = d.Name
		}
		files = append(files, f)
		if u := r.netdev(d); u != nil {
			f := r.file(d, "netdev", u)
			if d.Tunnel != nil && d.Tunnel.WireGuard != nil {
				f.Mode, f.Secret = secretMode, true
			}
			files = append(files, f)
		}
	}
	return files, r.found.List()
}

func (r *renderer) file(d *network.Device, kind string, u *unit) network.File {
	for _, key := range u.clean() {
		d.At(&r.found).Errorf("the value for %s has more than one line; it was skipped", key)
	}
	return network.File{Path: Path(d.Name, kind), Mode: mode, Owner: Owner, Content: u.bytes()}
}

// sayable returns the devices that networkd can be told of.
func (r *renderer) sayable() []*network.Device {
	var devices []*network.Device
	for _, d := range r.config.Devices {
		switch {
		case d.Type == network.WiFiType:
			d.At(&r.found).Errorf("systemd-networkd knows nothing of wireless networks; the device was skipped")
		case r.known[d.Name]:
			d.At(&r.found).Errorf("there are two devices of this name; the second was skipped")
		default:
			r.known[d.Name] = true
			devices = append(devices, d)
		}
	}
	return devices
}

// relate notes what devices say of others. Of two bonds or bridges that want one
// device the last gets it, as in cloud-init.
func (r *renderer) relate(devices []*network.Device) {
	for _, d := range devices {
		switch {
		case d.Bond != nil:
			r.claim(r.bonds, d, d.Bond.Members)
		case d.Bridge != nil:
			r.claim(r.bridges, d, d.Bridge.Ports)
		case d.VRF != nil:
			r.claim(r.vrfs, d, d.VRF.Members)
		case d.VLAN != nil:
			r.stack(d, d.VLAN.Link)
		case d.Tunnel != nil && d.Tunnel.VXLAN != nil && d.Tunnel.VXLAN.Link != "":
			r.stack(d, d.Tunnel.VXLAN.Link)
		}
	}
}

func (r *renderer) claim(owners map[string]*network.Device, d *network.Device, members []string) {
	for _, name := range members {
		if !r.known[name] {
			d.At(&r.found).Warnf("the interface %s is not configured; %s goes without it", name, d.Name)
			continue
		}
		owners[name] = d
	}
}

func (r *renderer) stack(d *network.Device, parent string) {
	if !r.known[parent] {
		d.At(&r.found).Warnf("the interface %s that it is on is not configured; systemd-networkd does not make %s", parent, d.Name)
	}
	r.below[parent] = append(r.below[parent], d)
}

// isThere reports whether a device is an interface of the machine. Others networkd makes,
// or they have not come yet: it sets them up when they are there.
func isThere(d *network.Device) bool {
	return (d.Type == network.Physical || d.Type == network.Infiniband) && !byPattern(d)
}

// hasMember reports whether some device belongs to an owner in the end.
func hasMember(owners map[string]*network.Device, d *network.Device, members []string) bool {
	return slices.ContainsFunc(members, func(name string) bool { return owners[name] == d })
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
