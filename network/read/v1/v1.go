// Package v1 reads version 1 of cloud-init's network configuration: a list of devices,
// name servers and routes.
//
// It takes the mapping with its place and fills a draft of the model; what cannot be read is
// reported and skipped. It knows no other language.
package v1

import (
	"slices"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// types are version 1's words for devices.
var types = map[string]network.Type{
	"physical":   network.Physical,
	"loopback":   network.Loopback,
	"vlan":       network.VLANType,
	"bond":       network.BondType,
	"bridge":     network.BridgeType,
	"infiniband": network.Infiniband,
}

// The keys of all devices, of those of one type, and of name servers.
var (
	deviceKeys = []string{
		"type", "name", "mac_address", "mtu", "subnets", "accept-ra", "wakeonlan", "optional", "keep_configuration",
	}
	ownKeys = map[network.Type][]string{
		network.Physical: {"params"}, network.BondType: {"bond_interfaces", "params"}, network.BridgeType: {"bridge_interfaces", "params"},
		network.VLANType: {"vlan_id", "vlan_link"},
	}
	nameserverKeys = []string{"type", "address", "search", "interface"}
)

// bridgeNames are version 1's words for a bridge's options; "" are those that only
// Debian's scripts go by.
var bridgeNames = map[string]string{
	"bridge_stp": "stp", "bridge_bridgeprio": "priority", "bridge_ageing": "ageing", "bridge_fd": "forward", "bridge_hello": "hello",
	"bridge_maxage": "age", "bridge_pathcost": "cost", "bridge_portprio": "port", "bridge_gcint": "", "bridge_maxwait": "", "bridge_waitport": "",
}

// reader is a configuration that is being read.
type reader struct {
	*network.Draft
	networks *networks // of routes that name no device; nil before the first
}

// Read reads the mapping that the key version is in.
//
// Difference from cloud-init: an entry that cannot be read is skipped alone; there
// it can fail the whole configuration.
func Read(c config.Cursor, into *network.Draft) {
	r := &reader{Draft: into}
	values.UnknownKeys(c, "version", "config", "renderer")
	var later []func()
	for _, entry := range values.Maps(c.Get("config")) {
		switch kind := values.Text(entry.Get("type")); kind {
		case "nameserver":
			later = append(later, func() { r.nameserver(entry) })
		case "route":
			later = append(later, func() { r.route(entry) })
		default:
			t, ok := types[kind]
			if !ok {
				entry.Errorf("there is no type %q; it was skipped", kind)
				continue
			}
			r.device(entry, t)
		}
	}
	for _, read := range later {
		read() // they speak of devices that may come after them
	}
}

func (r *reader) device(c config.Cursor, t network.Type) {
	r.Described = true
	name := values.Text(c.Get("name"))
	switch {
	case name == "lo" && t == network.Physical:
		// Difference from cloud-init: it takes lo for an Ethernet then.
		t = network.Loopback
	case name != "lo" && t == network.Loopback:
		c.Warnf("lo alone is the loopback, not %s; it was skipped", name)
		return
	}
	d := &network.Device{Key: name, Name: name, Type: t, Pos: c.Pos()}
	d.MAC = values.MAC(c.Get("mac_address"))
	if t == network.Loopback {
		d.MAC = "" // it has none
	}
	d.Rename = t == network.Physical && d.MAC != ""
	d.MTU = values.MTU(c.Get("mtu"))
	d.AcceptRA = values.Bool(c.Get("accept-ra"))
	d.WakeOnLAN = values.IsTrue(c.Get("wakeonlan"))
	d.Optional = values.IsTrue(c.Get("optional"))
	d.Link.Critical = values.IsTrue(c.Get("keep_configuration"))
	values.UnknownKeys(c, slices.Concat(deviceKeys, ownKeys[t])...)
	if !ofType(d, c) {
		return
	}
	subnets := values.Maps(c.Get("subnets"))
	for _, item := range subnets {
		if s, ok := values.Subnet(item); ok {
			if s.Metric != nil && *s.Metric == 0 {
				s.Metric = nil // to cloud-init it is none
			}
			d.Subnets = append(d.Subnets, s)
		}
	}
	r.Add(d, len(subnets), c)
}

// ofType reads what a device's type has of its own, and reports whether it can be used.
func ofType(d *network.Device, c config.Cursor) bool {
	params := c.Get("params")
	switch d.Type {
	case network.Physical:
		values.UnknownKeys(params, "driver", "device_id")
		if drivers := values.Names(params.Get("driver")); len(drivers) == 1 {
			d.Driver = drivers[0]
		}
		d.DeviceID = values.Line(params.Get("device_id"))
	case network.BondType:
		d.Bond = &network.Bond{Members: values.Names(c.Get("bond_interfaces")), Options: values.BondOptions(params, values.BondName)}
	case network.BridgeType:
		d.Bridge = &network.Bridge{Ports: values.Names(c.Get("bridge_interfaces"))}
		values.BridgeOptions(d.Bridge, params, bridgeNames)
	case network.VLANType:
		d.VLAN = values.VLAN(c, "vlan_id", "vlan_link")
		return d.VLAN != nil
	}
	return true
}

// nameserver reads name servers of all devices or of one.
func (r *reader) nameserver(c config.Cursor) {
	values.UnknownKeys(c, nameserverKeys...)
	if values.Absent(c.Get("address")) && values.Absent(c.Get("search")) {
		c.Warnf("there is neither an address nor a search domain; it was ignored")
	}
	into := &r.Config.DNS
	if name := values.Text(c.Get("interface")); name != "" {
		d := r.Device(name)
		if d == nil {
			c.Under(c.Get("interface")).Errorf("there is no device %q; the name servers were skipped", name)
			return
		}
		into = &d.DNS
	}
	values.Servers(into, c.Get("address"))
	values.Search(into, c.Get("search"))
}

// route reads a route that names no device. It goes to the subnet that its gateway
// is in, or else to the one device that gets its addresses of that family elsewhere.
//
// Difference from cloud-init: its renderers for NetworkManager and ifcfg files lose
// such routes (issue 2881), the one for networkd gives them to all devices.
func (r *reader) route(c config.Cursor) {
	route, ok := values.Route(c)
	if !ok {
		return
	}
	if r.networks == nil {
		r.networks = networksOf(r.Config.Devices) // all devices are there before the first route
	}
	if !r.networks.give(route) {
		c.Errorf("no device has a network with the route's gateway; it was skipped")
	}
}
