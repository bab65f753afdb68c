package openstack

import (
	"slices"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// types are the words for networks: nova's, and those of oVirt 4.2.0.
var types = map[string]network.Subnet{
	"ipv4":                  {Family: network.IPv4, Method: network.Static},
	"static":                {Family: network.IPv4, Method: network.Static},
	"ipv4_dhcp":             {Family: network.IPv4, Method: network.Dynamic},
	"dhcp4":                 {Family: network.IPv4, Method: network.Dynamic},
	"ipv6":                  {Family: network.IPv6, Method: network.Static},
	"static6":               {Family: network.IPv6, Method: network.Static},
	"ipv6_dhcp":             {Family: network.IPv6, Method: network.Dynamic},
	"dhcp6":                 {Family: network.IPv6, Method: network.Dynamic},
	"ipv6_slaac":            {Family: network.IPv6, Method: network.SLAAC},
	"ipv6_dhcpv6-stateless": {Family: network.IPv6, Method: network.Stateless},
	"ipv6_dhcpv6-stateful":  {Family: network.IPv6, Method: network.Stateful},
}

// networks gives the devices their addresses, in the order of the networks.
func (r *reader) networks(c config.Cursor) {
	for _, item := range values.Maps(c) {
		id := values.Text(item.Get("link"))
		d := r.ids[id]
		if d == nil {
			item.Under(item.Get("link")).Warnf("there is no link %q; the network was skipped", id)
			continue
		}
		r.wanted[d]++
		if s, ok := subnet(item, d); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
}

// subnet reads one network. oVirt's has the gateway as a key of its own, and its
// fields may be empty texts.
func subnet(c config.Cursor, d *network.Device) (network.Subnet, bool) {
	kind := values.Text(c.Get("type"))
	s, ok := types[kind]
	if !ok {
		if values.Absent(c.Get("ip_address")) {
			c.Get("type").Errorf("there is no type %q; the network was skipped", kind)
			return network.Subnet{}, false
		}
		c.Get("type").Warnf("there is no type %q; the network is treated as static", kind)
		s = types["static"]
	}
	if s.Method == network.Static && !values.StaticAddress(&s, c) {
		return s, false
	}
	advertisements(d, kind)
	s.Gateway = values.Address(c.Get("gateway"))
	s.Metric = values.Metric(c.Get("metric"))
	values.Servers(&s.DNS, c.Get("dns_nameservers"))
	values.Search(&s.DNS, c.Get("dns_search"))
	s.Routes = values.Routes(c.Get("routes"))
	for _, route := range c.Get("routes").Items() {
		services(&s.DNS, route)
	}
	var own network.DNS
	services(&own, c)
	for _, server := range own.Servers {
		// nova repeats a network's name servers in its routes.
		if !slices.Contains(s.DNS.Servers, server) {
			s.DNS.Servers = append(s.DNS.Servers, server)
		}
	}
	s.DNS.Search = append(s.DNS.Search, own.Search...)
	return s, true
}

// advertisements says whether the device listens to routers, as cloud-init has it: an
// address that was given is not to be joined by others.
func advertisements(d *network.Device, kind string) {
	switch kind {
	case "ipv6", "static6":
		d.AcceptRA = new(bool)
	case "ipv6_dhcp", "ipv6_dhcpv6-stateful":
		yes := true
		d.AcceptRA = &yes
	}
}

func services(into *network.DNS, c config.Cursor) {
	for _, item := range values.Maps(c.Get("services")) {
		service(into, item)
	}
}

// service reads a name server. Those of oVirt 4.2 may be a domain, in a field that is
// called an address.
func service(into *network.DNS, c config.Cursor) {
	address := c.Get("address")
	switch kind := values.Text(c.Get("type")); kind {
	case "dns", "dns-nameserver":
		values.Servers(into, address)
		values.Search(into, c.Get("search"))
	case "dns-search":
		values.Search(into, address)
	default:
		c.Under(c.Get("type")).Warnf("the service %q is not known; it was skipped", kind)
	}
}
