package values

import (
	"cloudseed/config"
	"cloudseed/network"
)

// subnets are version 1's words for subnets. It has some of its own for what only other
// languages say; netplan's renderer writes them.
var subnets = map[string]network.Subnet{
	"dhcp":                  {Family: network.IPv4, Method: network.Dynamic},
	"dhcp4":                 {Family: network.IPv4, Method: network.Dynamic},
	"dhcp6":                 {Family: network.IPv6, Method: network.Dynamic},
	"static":                {Family: network.IPv4, Method: network.Static},
	"static4":               {Family: network.IPv4, Method: network.Static},
	"static6":               {Family: network.IPv6, Method: network.Static},
	"manual":                {Family: network.IPv4, Method: network.Manual},
	"manual6":               {Family: network.IPv6, Method: network.Manual},
	"loopback":              {Family: network.IPv4, Method: network.None},
	"none6":                 {Family: network.IPv6, Method: network.None},
	"ipv6_slaac":            {Family: network.IPv6, Method: network.SLAAC},
	"ipv6_dhcpv6-stateless": {Family: network.IPv6, Method: network.Stateless},
	"ipv6_dhcpv6-stateful":  {Family: network.IPv6, Method: network.Stateful},
}

var subnetKeys = []string{
	"type", "control", "address", "ip_address", "netmask", "prefix", "broadcast", "gateway", "dns_nameservers", "dns_search", "routes",
	"mtu", "metric", "ipv4", "ipv6", "scope", "pointopoint",
}

// Subnet reads a subnet of version 1. Version 2 has them too where netplan's renderer
// wrote it.
func Subnet(c config.Cursor) (network.Subnet, bool) {
	kind := Text(c.Get("type"))
	s, ok := subnets[kind]
	if !ok {
		c.Under(c.Get("type")).Warnf("there is no type %q; it is treated as manual", kind)
		s = subnets["manual"]
	}
	if kind == "loopback" && !Absent(c.Get("address")) {
		s.Method = network.Static
	}
	if s.Method == network.Static && !StaticAddress(&s, c) {
		return s, false
	}
	s.Gateway = Address(c.Get("gateway"))
	s.MTU = MTU(c.Get("mtu"))
	s.Metric = Metric(c.Get("metric"))
	Servers(&s.DNS, c.Get("dns_nameservers"))
	Search(&s.DNS, c.Get("dns_search"))
	s.Routes = Routes(c.Get("routes"))
	s.OnDemand = Text(c.Get("control")) == "manual"
	UnknownKeys(c, subnetKeys...)
	return s, true
}

// StaticAddress reads an address with the length of its network; its family is the
// address's, whatever the type says.
func StaticAddress(s *network.Subnet, c config.Cursor) bool {
	address := c.Get("address")
	if Absent(address) {
		address = c.Get("ip_address")
	}
	if Absent(address) {
		c.Errorf("a static subnet without an address; it was skipped")
		return false
	}
	prefix, err := ParsePrefix(Text(address), lengthText(c))
	if err != nil {
		address.Errorf("%v; this subnet was skipped", err)
		return false
	}
	s.Address, s.Family = prefix, network.FamilyOf(prefix.Addr())
	return true
}

func lengthText(c config.Cursor) string {
	if prefix := c.Get("prefix"); !Absent(prefix) {
		return Text(prefix)
	}
	return Text(c.Get("netmask"))
}
