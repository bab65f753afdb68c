// Package v2 reads version 2 of cloud-init's network configuration, netplan's form:
// devices by kinds, in mappings.
//
// It takes the mapping with its place and fills a draft of the model; what cannot be read
// is reported and skipped. It knows no other language.
package v2

import (
	"maps"
	"slices"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// kinds are version 2's words for devices.
var kinds = map[string]network.Type{
	"ethernets": network.Physical, "wifis": network.WiFiType, "bonds": network.BondType, "bridges": network.BridgeType,
	"vlans": network.VLANType, "vrfs": network.VRFType, "dummy-devices": network.DummyType, "tunnels": network.TunnelType,
}

// IsKind reports whether a key is one of version 2's words for devices.
func IsKind(key string) bool { return kinds[key] != "" }

// reader is a configuration that is being read.
type reader struct {
	*network.Draft
	claimed map[string]bool // interfaces that are described; no wildcard is about these
}

// Read reads the mapping that the key version is in.
//
// Difference from cloud-init: a kind that it does not know fails the whole
// configuration there; it knows no VRFs, dummies and tunnels, and leaves wireless ones
// out.
func Read(c config.Cursor, into *network.Draft) {
	r := &reader{Draft: into, claimed: map[string]bool{}}
	r.claim(c.Get("ethernets"))
	r.claim(c.Get("wifis"))
	for _, entry := range c.Entries() {
		switch kind, section := entry.Key, entry.Value; {
		case kind == "version" || kind == "renderer":
		case kind == "nameservers":
			// Difference from cloud-init: version 2 has no name servers for all devices;
			// netplan's renderer writes them so.
			r.Described = true // it is nobody's who filled in nothing else
			values.UnknownKeys(section, "addresses", "search")
			values.Servers(&r.Config.DNS, section.Get("addresses"))
			values.Search(&r.Config.DNS, section.Get("search"))
		case kinds[kind] == "":
			section.Warnf("%s are not supported%s; they were skipped", kind, config.DidYouMean(kind, slices.Sorted(maps.Keys(kinds))))
		case !values.Absent(section) && section.Kind() != config.Map:
			section.Errorf("expected a mapping, got %s; it was skipped", config.KindInWords(section.Value()))
		default:
			r.section(kinds[kind], section)
		}
	}
}

// section reads the devices of one kind.
func (r *reader) section(t network.Type, c config.Cursor) {
	for _, entry := range c.Entries() {
		if entry.Value.Kind() != config.Map && !values.Absent(entry.Value) {
			entry.Value.Errorf("expected a mapping, got %s; the device was skipped", config.KindInWords(entry.Value.Value()))
			continue
		}
		r.device(t, entry.Key, entry.Value, c.AtKey(entry.Key))
	}
}

// ownKeys are the keys of one kind of devices only.
var ownKeys = map[network.Type][]string{
	network.Physical:   {"match", "set-name", "infiniband-mode"},
	network.WiFiType:   {"match", "set-name", "access-points"},
	network.BondType:   {"interfaces", "parameters"},
	network.BridgeType: {"interfaces", "parameters"},
	network.VLANType:   {"id", "link"},
	network.VRFType:    {"interfaces", "table"},
	network.TunnelType: {
		"mode", "local", "remote", "ttl", "key", "keys", "mark", "port", "peers", "id", "link", "port-range", "ageing", "aging", "limit",
		"type-of-service", "flow-label", "do-not-fragment", "short-circuit", "notifications", "checksums", "extensions", "neigh-suppress",
		"mac-learning", "arp-proxy",
	},
}

// keys are those of all kinds of devices. A renderer that goes with a device is not ours
// to choose. subnets is what netplan's renderer writes.
var keys = []string{
	"addresses", "dhcp4", "dhcp6", "dhcp4-overrides", "dhcp6-overrides", "gateway4", "gateway6", "nameservers", "routes", "routing-policy",
	"mtu", "ipv6-mtu", "accept-ra", "optional", "optional-addresses", "renderer", "critical", "dhcp-identifier", "ignore-carrier",
	"link-local", "ipv6-privacy", "ipv6-address-generation", "ipv6-address-token", "activation-mode", "macaddress", "wakeonlan", "subnets",
}

// device reads a device. named is the place of its name.
func (r *reader) device(t network.Type, name string, c, named config.Cursor) {
	r.Described = true
	d := &network.Device{Key: name, Name: name, Type: t, Pos: named.Pos()}
	settings(d, c)
	var more []string
	if t == network.Physical || t == network.WiFiType {
		if more = r.ethernet(d, c); d.Name == "" {
			return // a wildcard that is left with no interface
		}
	}
	if !ofKind(d, t, c) {
		return
	}
	values.UnknownKeys(c, slices.Concat(keys, ownKeys[t])...)
	wanted := subnets(d, c)
	if !r.Add(d, wanted, named) {
		return
	}
	for _, name := range more {
		other := *d
		other.Key, other.Name = d.Key+"-"+name, name
		r.Add(&other, 0, named)
	}
}

// ofKind reads what a kind of devices has of its own, and reports whether the device can
// be used.
func ofKind(d *network.Device, t network.Type, c config.Cursor) bool {
	switch t {
	case network.WiFiType:
		d.WiFi = wifi(c.Get("access-points"))
	case network.BondType:
		d.Bond = &network.Bond{Members: members(c), Options: values.BondOptions(c.Get("parameters"), bondName)}
	case network.BridgeType:
		d.Bridge = &network.Bridge{Ports: members(c)}
		values.BridgeOptions(d.Bridge, c.Get("parameters"), bridgeNames)
	case network.VLANType:
		d.VLAN = values.VLAN(c, "id", "link")
		return d.VLAN != nil
	case network.VRFType:
		d.VRF = vrf(c)
		return d.VRF != nil
	case network.TunnelType:
		d.Tunnel = tunnel(c)
		return d.Tunnel != nil
	}
	return true
}

func members(c config.Cursor) []string { return values.Names(c.Get("interfaces")) }

// settings reads what is said of the link.
func settings(d *network.Device, c config.Cursor) {
	d.MTU = values.MTU(c.Get("mtu"))
	d.AcceptRA = values.Bool(c.Get("accept-ra"))
	d.WakeOnLAN = values.IsTrue(c.Get("wakeonlan"))
	d.Optional = values.IsTrue(c.Get("optional"))
	if d.Type == network.Physical || d.Type == network.WiFiType {
		d.ClonedMAC = clonedMAC(c.Get("macaddress"))
	} else {
		d.MAC = values.MAC(c.Get("macaddress"))
	}
	const least6 = 1280 // RFC 8200
	l := &d.Link
	if n, ok := values.Integer(c.Get("ipv6-mtu"), least6, values.MaxMTU); ok {
		l.MTU6 = n
	}
	if item := c.Get("link-local"); item.Kind() == config.List {
		l.LinkLocal = &network.LinkLocal{}
		for _, family := range values.List(item) {
			switch values.OneOf(family, "ipv4", "ipv6") {
			case "ipv4":
				l.LinkLocal.IPv4 = true
			case "ipv6":
				l.LinkLocal.IPv6 = true
			}
		}
	} else if !values.Absent(item) {
		item.Errorf("expected a list of families; it was ignored")
	}
	l.DHCPIdentifier = values.OneOf(c.Get("dhcp-identifier"), "mac", "duid")
	l.Privacy = values.Bool(c.Get("ipv6-privacy"))
	l.AddressGeneration = values.OneOf(c.Get("ipv6-address-generation"), "eui64", "stable-privacy")
	if token := values.Address(c.Get("ipv6-address-token")); token.IsValid() {
		l.Token = token.String()
	}
	l.Activation = values.OneOf(c.Get("activation-mode"), "manual", "off")
	l.IgnoreCarrier = values.IsTrue(c.Get("ignore-carrier"))
	l.Critical = values.IsTrue(c.Get("critical"))
	for _, item := range values.List(c.Get("optional-addresses")) {
		if text := values.OneOf(item, "ipv4-ll", "ipv6-ra", "dhcp4", "dhcp6", "static"); text != "" {
			l.OptionalAddresses = append(l.OptionalAddresses, text)
		}
	}
}

// clonedMAC returns an address, or one of NetworkManager's words for one.
func clonedMAC(c config.Cursor) string {
	if text := values.Text(c); slices.Contains([]string{"permanent", "preserve", "random", "stable"}, text) {
		return text
	}
	return values.MAC(c)
}
