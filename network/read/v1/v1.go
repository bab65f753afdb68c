package network

import (
	"slices"

	"cloudseed/config"
)

// types1 are version 1's words for devices.
var types1 = map[string]Type{
	"physical":   Physical,
	"loopback":   Loopback,
	"vlan":       VLANType,
	"bond":       BondType,
	"bridge":     BridgeType,
	"infiniband": Infiniband,
}

// The keys of version 1, of all devices, of those of one type, and of the rest.
var (
	deviceKeys1 = []string{
		"type", "name", "mac_address", "mtu", "subnets", "accept-ra", "wakeonlan", "optional", "keep_configuration",
	}
	ownKeys1 = map[Type][]string{
		Physical: {"params"}, BondType: {"bond_interfaces", "params"}, BridgeType: {"bridge_interfaces", "params"}, VLANType: {"vlan_id", "vlan_link"},
	}
	subnetKeys1 = []string{
		"type", "control", "address", "ip_address", "netmask", "prefix", "broadcast", "gateway", "dns_nameservers", "dns_search", "routes",
		"mtu", "metric", "ipv4", "ipv6", "scope", "pointopoint",
	}
	nameserverKeys1 = []string{"type", "address", "search", "interface"}
)

// version1 reads version 1: a list of devices, name servers and routes.
//
// Difference from cloud-init: an entry that cannot be read is skipped alone; there
// it can fail the whole configuration.
func (r *reader) version1(v *config.Value, at string) {
	var later []func()
	entries, keys := r.maps(v, at)
	for i, entry := range entries {
		switch kind, key := r.text(entry.Get("type"), keys[i]+".type"), keys[i]; kind {
		case "nameserver":
			later = append(later, func() { r.nameserver1(entry, key) })
		case "route":
			later = append(later, func() { r.route1(entry, key) })
		default:
			t, ok := types1[kind]
			if !ok {
				r.error(entry, key, "there is no type %q; it was skipped", kind)
				continue
			}
			r.device1(entry, t, key)
		}
	}
	for _, read := range later {
		read() // they speak of devices that may come after them
	}
}

func (r *reader) device1(v *config.Value, t Type, key string) {
	r.described = true
	name := r.text(v.Get("name"), key+".name")
	switch {
	case name == "lo" && t == Physical:
		// Difference from cloud-init: it takes lo for an Ethernet then.
		t = Loopback
	case name != "lo" && t == Loopback:
		r.warn(v, key, "lo alone is the loopback, not %s; it was skipped", name)
		return
	}
	d := &Device{Key: name, Name: name, Type: t, Pos: v.Pos()}
	d.MAC = r.mac(v.Get("mac_address"), key+".mac_address")
	if t == Loopback {
		d.MAC = "" // it has none
	}
	d.Rename = t == Physical && d.MAC != ""
	d.MTU = r.mtu(v.Get("mtu"), key+".mtu")
	d.AcceptRA = r.boolean(v.Get("accept-ra"), key+".accept-ra")
	d.WakeOnLAN = r.isTrue(v.Get("wakeonlan"), key+".wakeonlan")
	d.Optional = r.isTrue(v.Get("optional"), key+".optional")
	d.Link.Critical = r.isTrue(v.Get("keep_configuration"), key+".keep_configuration")
	r.unknownKeys(v, key, slices.Concat(deviceKeys1, ownKeys1[t])...)
	params := v.Get("params")
	if t == Physical {
		r.unknownKeys(params, key+".params", "driver", "device_id")
		if drivers := r.names(params.Get("driver"), key+".params.driver"); len(drivers) == 1 {
			d.Driver = drivers[0]
		}
		d.DeviceID = r.line(params.Get("device_id"), key+".params.device_id")
	}
	switch t {
	case BondType:
		d.Bond = &Bond{Members: r.names(v.Get("bond_interfaces"), key+".bond_interfaces"), Options: r.bondOptions1(params, key+".params")}
	case BridgeType:
		d.Bridge = &Bridge{Ports: r.names(v.Get("bridge_interfaces"), key+".bridge_interfaces")}
		r.bridgeOptions(d.Bridge, params, key+".params", bridgeNames1)
	case VLANType:
		if d.VLAN = r.vlan(v, key, "vlan_id", "vlan_link"); d.VLAN == nil {
			return
		}
	}
	subnets, keys := r.maps(v.Get("subnets"), key+".subnets")
	for i, subnet := range subnets {
		if s, ok := r.subnet1(subnet, keys[i]); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
	if r.usable(d, len(subnets), key) {
		r.device(d, key)
	}
}

// vlan reads the two keys without which there is no VLAN.
func (r *reader) vlan(v *config.Value, key, id, link string) *VLAN {
	const greatest = 4094 // IEEE 802.1Q
	n, ok := r.integer(v.Get(id), key+"."+id, 0, greatest)
	name := r.text(v.Get(link), key+"."+link)
	if !ok || checkKey(name) != nil {
		r.error(v, key, "a VLAN without %s or %s; it was skipped", id, link)
		return nil
	}
	return &VLAN{ID: n, Link: name}
}

// families1 are version 1's words for subnets. written is the word that V2 writes; it
// has some of its own, for what only other languages say.
var families1 = map[string]struct {
	family  Family
	method  Method
	written bool
}{
	"dhcp":                  {IPv4, Dynamic, false},
	"dhcp4":                 {IPv4, Dynamic, true},
	"dhcp6":                 {IPv6, Dynamic, true},
	"static":                {IPv4, Static, true},
	"static4":               {IPv4, Static, false},
	"static6":               {IPv6, Static, true},
	"manual":                {IPv4, Manual, true},
	"manual6":               {IPv6, Manual, true},
	"loopback":              {IPv4, None, true},
	"none6":                 {IPv6, None, true},
	"ipv6_slaac":            {IPv6, SLAAC, true},
	"ipv6_dhcpv6-stateless": {IPv6, Stateless, true},
	"ipv6_dhcpv6-stateful":  {IPv6, Stateful, true},
}

// subnet1 reads one subnet of version 1.
func (r *reader) subnet1(v *config.Value, key string) (Subnet, bool) {
	kind := r.text(v.Get("type"), key+".type")
	known, ok := families1[kind]
	if !ok {
		r.warn(v, key+".type", "there is no type %q; it is treated as manual", kind)
		known = families1["manual"]
	}
	s := Subnet{Family: known.family, Method: known.method}
	if kind == "loopback" && !absent(v.Get("address")) {
		s.Method = Static
	}
	if s.Method == Static && !r.staticAddress(&s, v, key) {
		return s, false
	}
	s.Gateway = r.address(v.Get("gateway"), key+".gateway")
	s.MTU = r.mtu(v.Get("mtu"), key+".mtu")
	if s.Metric = r.metric(v.Get("metric"), key+".metric"); s.Metric != nil && *s.Metric == 0 {
		s.Metric = nil // to cloud-init it is none
	}
	r.dns(&s.DNS, v.Get("dns_nameservers"), nil, key+".dns_nameservers")
	r.dns(&s.DNS, nil, v.Get("dns_search"), key+".dns_search")
	s.Routes = r.routes(v.Get("routes"), key+".routes")
	s.OnDemand = r.text(v.Get("control"), key+".control") == "manual"
	r.unknownKeys(v, key, subnetKeys1...)
	return s, true
}

// staticAddress reads an address with the length of its network; its family is the
// address's, whatever the type says.
func (r *reader) staticAddress(s *Subnet, v *config.Value, key string) bool {
	address := v.Get("address")
	if absent(address) {
		address = v.Get("ip_address")
	}
	if absent(address) {
		r.error(v, key, "a static subnet without an address; it was skipped")
		return false
	}
	prefix, err := parsePrefix(r.text(address, key+".address"), r.lengthText(v, key))
	if err != nil {
		r.error(address, key+".address", "%v; this subnet was skipped", err)
		return false
	}
	s.Address, s.Family = prefix, familyOf(prefix.Addr())
	return true
}

func (r *reader) lengthText(v *config.Value, key string) string {
	if !absent(v.Get("prefix")) {
		return r.text(v.Get("prefix"), key+".prefix")
	}
	return r.text(v.Get("netmask"), key+".netmask")
}

// nameserver1 reads name servers of all devices or of one.
func (r *reader) nameserver1(v *config.Value, key string) {
	r.unknownKeys(v, key, nameserverKeys1...)
	if absent(v.Get("address")) && absent(v.Get("search")) {
		r.warn(v, key, "there is neither an address nor a search domain; it was ignored")
	}
	into := &r.config.DNS
	if name := r.text(v.Get("interface"), key+".interface"); name != "" {
		i, ok := r.index[name]
		if !ok {
			r.error(v, key+".interface", "there is no device %q; the name servers were skipped", name)
			return
		}
		into = &r.config.Devices[i].DNS
	}
	r.dns(into, v.Get("address"), nil, key+".address")
	r.dns(into, nil, v.Get("search"), key+".search")
}
