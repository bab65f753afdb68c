package v2

import (
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// ethernet finds the interface: by its MAC address, else by name and driver, else the
// key is its name. It gives the names of further interfaces that match.
func (r *reader) ethernet(d *network.Device, c config.Cursor) (more []string) {
	match := c.Get("match")
	if d.Name == "lo" {
		// Difference from cloud-init: it takes lo for an Ethernet here.
		d.Type, d.ClonedMAC = network.Loopback, ""
		return nil
	}
	if mode := values.OneOf(c.Get("infiniband-mode"), "datagram", "connected"); mode != "" {
		d.Type, d.Link.Connected = network.Infiniband, mode == "connected"
	}
	values.UnknownKeys(match, "name", "macaddress", "driver", "device_id")
	d.MAC = values.MAC(match.Get("macaddress"))
	setName := values.Text(c.Get("set-name"))
	drivers := values.Names(match.Get("driver"))
	if len(drivers) == 1 {
		d.Driver = drivers[0]
	}
	d.DeviceID = values.Line(match.Get("device_id"))
	switch {
	case d.MAC != "":
		if nic, ok := r.NIC(d.MAC); ok && d.Type != network.Infiniband {
			d.Name = nic.Name
		}
	case !match.IsNull():
		more = r.matchName(d, match, drivers)
		if d.Name == "" {
			return nil
		}
	}
	if setName == "" {
		return more
	}
	found := d.Name
	d.Name = setName
	switch {
	case d.MAC == "" && found != setName && isPattern(match.Get("name").Text()) && r.claimed[setName]:
		d.Name = ""
		match.Under(c.Get("set-name")).Warnf("%s is described by itself, which goes before a wildcard; this device was skipped", setName)
	case d.MAC != "":
		d.Rename = true
	case found == setName || slices.Contains(more, setName):
		d.Match = network.Match{} // it has the name already
	case len(more) > 0:
		match.Warnf("several interfaces match, and only one can have the name %s; none is renamed", setName)
	default:
		// Difference from cloud-init: it renames only what is matched by its MAC address.
		d.Rename = true
		if d.Match.IsZero() {
			d.Match.Name = found
		}
	}
	return nil
}

// matchName finds interfaces by a pattern of their names and their driver. As with
// netplan, what is said is said of all of them.
//
// Difference from cloud-init: it takes the key for the name, which no interface has.
//
// A wildcard is about no interface that is described by itself.
func (r *reader) matchName(d *network.Device, match config.Cursor, drivers []string) (more []string) {
	wanted := network.Match{Name: values.Text(match.Get("name")), Drivers: drivers}
	if wanted.IsZero() {
		return nil
	}
	yields := wanted.Name == "" || isPattern(wanted.Name)
	var found []string
	others := 0
	for _, nic := range r.NICs {
		switch {
		case !wanted.Finds(nic):
		case yields && r.claimed[nic.Name]:
			others++
		default:
			found = append(found, nic.Name)
			if yields {
				r.claimed[nic.Name] = true // of two wildcards, the first applies
			}
		}
	}
	switch {
	case len(found) > 0:
		d.Name = found[0]
		return found[1:]
	case others > 0:
		d.Name = ""
		match.Notef("all interfaces that match are described by themselves, so this is about none")
	case wanted.Name != "" && !isPattern(wanted.Name):
		d.Name = wanted.Name // it may come later
	default:
		d.Match = wanted
		r.MissingNIC(match, "no interface matches yet; %s is taken for the interface's name", d.Key)
	}
	return nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// claim notes the interfaces that are described by name or MAC address. These descriptions
// go before wildcards, wherever they are in the document.
func (r *reader) claim(devices config.Cursor) {
	for _, device := range devices.Entries() {
		match := device.Value.Get("match")
		mac, _ := values.ParseMAC(match.Get("macaddress").Text()) // a wrong one is reported where it is read
		name := match.Get("name").Text()
		switch {
		case mac != "":
			if nic, ok := r.NIC(mac); ok {
				r.claimed[nic.Name] = true
			}
		case match.IsNull():
			r.claimed[device.Key] = true
		case name != "" && !isPattern(name):
			r.claimed[name] = true
		}
	}
}
