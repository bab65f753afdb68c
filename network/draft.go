package network

import "cloudseed/config"

// Draft is a configuration that a reader fills.
type Draft struct {
	Config    *Config
	NICs      []NIC // the machine's interfaces
	Described bool  // there was a device, whatever became of it

	byName map[string]int // of Config.Devices
	byMAC  MACs           // of NICs
}

// NewDraft returns an empty configuration for a machine with some interfaces.
func NewDraft(nics []NIC) *Draft {
	return &Draft{Config: &Config{}, NICs: nics, byName: map[string]int{}, byMAC: MACsOf(nics)}
}

// NIC returns the machine's interface with a hardware address.
func (c *Draft) NIC(mac string) (NIC, bool) { return c.byMAC.Find(mac) }

// Device returns the device of a name; nil when there is none.
func (c *Draft) Device(name string) *Device {
	if i, ok := c.byName[name]; ok {
		return c.Config.Devices[i]
	}
	return nil
}

// MissingNIC warns of an interface that a machine lacks. Of a machine without any nothing
// is known: a configuration is then looked at for its own sake.
func (c *Draft) MissingNIC(at config.Cursor, format string, args ...any) {
	if len(c.NICs) > 0 {
		at.Warnf(format, args...)
	}
}

// Add adds a device, unless its name is impossible or none of its addresses can be used:
// one that wanted addresses and has none would run DHCP. A second of the same name
// replaces the first, as in cloud-init.
func (c *Draft) Add(d *Device, wanted int, at config.Cursor) bool {
	if wanted > 0 && len(d.Subnets) == 0 {
		at.Errorf("none of its addresses can be used; the device was skipped")
		return false
	}
	for _, err := range []error{CheckKey(d.Key), CheckName(d.Name)} {
		if err != nil {
			at.Errorf("%v; the device was skipped", err)
			return false
		}
	}
	if i, ok := c.byName[d.Name]; ok {
		at.Warnf("%s is configured a second time; this replaces the first", d.Name)
		c.Config.Devices[i] = d
		return true
	}
	c.byName[d.Name] = len(c.Config.Devices)
	c.Config.Devices = append(c.Config.Devices, d)
	return true
}

// Finish makes references names of interfaces, and adds the interfaces that a bond, a
// bridge or a VRF wants and nobody described.
//
// Difference from cloud-init: it takes references of version 2, which are keys, for
// the names of interfaces, and describes the missing members of a bond as bonds.
func (c *Draft) Finish() {
	names := map[string]string{}
	known := map[string]bool{}
	for _, d := range c.Config.Devices {
		names[d.Key] = d.Name
		known[d.Name] = true
	}
	for _, d := range c.Config.Devices {
		for _, reference := range d.references() {
			if name, ok := names[*reference]; ok {
				*reference = name
			}
		}
		for _, name := range d.Members() {
			if !known[name] && CheckName(name) == nil {
				known[name] = true
				c.Config.Devices = append(c.Config.Devices, &Device{Key: name, Name: name, Type: Physical, Pos: d.Pos})
			}
		}
	}
}

// OnlyDNS is for a configuration that names no device: Proxmox and oVirt write one
// when name servers are all that somebody filled in.
//
// Difference from cloud-init: it leaves the machine without a network; here it gets
// the one that it has without a configuration, with these name servers.
func (c *Draft) OnlyDNS() {
	if len(c.Config.DNS.Servers)+len(c.Config.DNS.Search) == 0 {
		return
	}
	if fallback := Fallback(c.NICs); fallback != nil {
		c.Config.Devices = fallback.Devices
	}
}
