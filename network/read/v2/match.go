package network

import (
	"path"
	"slices"
	"strings"

	"cloudseed/config"
)

// ethernet finds the interface: by its MAC address, else by name and driver, else the
// key is its name. It gives the names of further interfaces that match.
func (r *reader) ethernet(d *Device, v *config.Value, key string) (more []string) {
	match := v.Get("match")
	if d.Name == "lo" {
		// Difference from cloud-init: it takes lo for an Ethernet here.
		d.Type, d.ClonedMAC = Loopback, ""
		return nil
	}
	if mode := r.oneOf(v.Get("infiniband-mode"), key+".infiniband-mode", "datagram", "connected"); mode != "" {
		d.Type, d.Link.Connected = Infiniband, mode == "connected"
	}
	r.unknownKeys(match, key+".match", "name", "macaddress", "driver", "device_id")
	d.MAC = r.mac(match.Get("macaddress"), key+".match.macaddress")
	setName := r.text(v.Get("set-name"), key+".set-name")
	drivers := r.names(match.Get("driver"), key+".match.driver")
	if len(drivers) == 1 {
		d.Driver = drivers[0]
	}
	d.DeviceID = r.line(match.Get("device_id"), key+".match.device_id")
	switch {
	case d.MAC != "":
		if nic, ok := r.macs.find(d.MAC); ok && d.Type != Infiniband {
			d.Name = nic.Name
		}
	case !match.IsNull():
		more = r.matchName(d, match, drivers, key+".match")
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
		r.warn(match, key+".set-name", "%s is described by itself, which goes before a wildcard; this device was skipped", setName)
	case d.MAC != "":
		d.Rename = true
	case found == setName || slices.Contains(more, setName):
		d.Match = Match{} // it has the name already
	case len(more) > 0:
		r.warn(match, key+".match", "several interfaces match, and only one can have the name %s; none is renamed", setName)
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
func (r *reader) matchName(d *Device, match *config.Value, drivers []string, key string) (more []string) {
	wanted := Match{Name: r.text(match.Get("name"), key+".name"), Drivers: drivers}
	if wanted.IsZero() {
		return nil
	}
	yields := wanted.Name == "" || isPattern(wanted.Name)
	var found []string
	others := 0
	for _, nic := range r.nics {
		switch {
		case !wanted.finds(nic):
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
		r.add(config.Note, match.Pos(), key, "all interfaces that match are described by themselves, so this is about none")
	case wanted.Name != "" && !isPattern(wanted.Name):
		d.Name = wanted.Name // it may come later
	default:
		d.Match = wanted
		r.warnOfMachine(match, key, "no interface matches yet; %s is taken for the interface's name", d.Key)
	}
	return nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// claim notes the interfaces that are described by name or MAC address. These descriptions
// go before wildcards, wherever they are in the document.
func (r *reader) claim(devices *config.Value) {
	for _, key := range devices.Keys() {
		match := devices.Get(key).Get("match")
		mac, _ := parseMAC(match.Get("macaddress").Text()) // a wrong one is reported where it is read
		name := match.Get("name").Text()
		switch {
		case mac != "":
			if nic, ok := r.macs.find(mac); ok {
				r.claimed[nic.Name] = true
			}
		case match.IsNull():
			r.claimed[key] = true
		case name != "" && !isPattern(name):
			r.claimed[name] = true
		}
	}
}

// finds tells whether an interface is meant. What is made by software never is.
func (m Match) finds(nic NIC) bool {
	return !nic.Virtual && (m.Name == "" || globs(m.Name, nic.Name)) &&
		(len(m.Drivers) == 0 || slices.ContainsFunc(m.Drivers, func(driver string) bool { return globs(driver, nic.Driver) }))
}

// first is the first interface that is meant.
func (m Match) first(nics []NIC) (NIC, bool) {
	i := slices.IndexFunc(nics, m.finds)
	if m.IsZero() || i < 0 {
		return NIC{}, false
	}
	return nics[i], true
}

func globs(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
