package network

import (
	"fmt"
	"slices"

	"cloudseed/config"
)

// networkTypes are the words for networks: nova's, and those of oVirt 4.2.0.
var networkTypes = map[string]struct {
	family Family
	method Method
}{
	"ipv4":                  {IPv4, Static},
	"static":                {IPv4, Static},
	"ipv4_dhcp":             {IPv4, Dynamic},
	"dhcp4":                 {IPv4, Dynamic},
	"ipv6":                  {IPv6, Static},
	"static6":               {IPv6, Static},
	"ipv6_dhcp":             {IPv6, Dynamic},
	"dhcp6":                 {IPv6, Dynamic},
	"ipv6_slaac":            {IPv6, SLAAC},
	"ipv6_dhcpv6-stateless": {IPv6, Stateless},
	"ipv6_dhcpv6-stateful":  {IPv6, Stateful},
}

// networks gives the devices their addresses, in the order of the networks.
func (o *openStack) networks(v *config.Value) {
	items, keys := o.maps(v, "networks")
	for i, item := range items {
		key := keys[i]
		id := o.text(item.Get("link"), key+".link")
		d := o.ids[id]
		if d == nil {
			o.warn(item, key+".link", "there is no link %q; the network was skipped", id)
			continue
		}
		o.wanted[d]++
		if s, ok := o.network(item, d, key); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
}

// network reads one network. oVirt's has the gateway as a key of its own, and its
// fields may be empty texts.
func (o *openStack) network(v *config.Value, d *Device, key string) (Subnet, bool) {
	kind := o.text(v.Get("type"), key+".type")
	known, ok := networkTypes[kind]
	if !ok {
		if absent(v.Get("ip_address")) {
			o.error(v.Get("type"), key+".type", "there is no type %q; the network was skipped", kind)
			return Subnet{}, false
		}
		o.warn(v.Get("type"), key+".type", "there is no type %q; the network is treated as static", kind)
		known = networkTypes["static"]
	}
	s := Subnet{Family: known.family, Method: known.method}
	if s.Method == Static && !o.staticAddress(&s, v, key) {
		return s, false
	}
	o.advertisements(d, kind)
	s.Gateway = o.address(v.Get("gateway"), key+".gateway")
	s.Metric = o.metric(v.Get("metric"), key+".metric")
	o.dns(&s.DNS, v.Get("dns_nameservers"), nil, key+".dns_nameservers")
	o.dns(&s.DNS, nil, v.Get("dns_search"), key+".dns_search")
	s.Routes = o.routes(v.Get("routes"), key+".routes")
	for i, route := range v.Get("routes").Items() {
		o.services(&s.DNS, route, fmt.Sprintf("%s.routes.%d", key, i))
	}
	var own DNS
	o.services(&own, v, key)
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
func (o *openStack) advertisements(d *Device, kind string) {
	switch kind {
	case "ipv6", "static6":
		d.AcceptRA = new(bool)
	case "ipv6_dhcp", "ipv6_dhcpv6-stateful":
		yes := true
		d.AcceptRA = &yes
	}
}

func (o *openStack) services(into *DNS, v *config.Value, key string) {
	items, keys := o.maps(v.Get("services"), key+".services")
	for i, item := range items {
		o.service(into, item, keys[i])
	}
}

// service reads a name server. Those of oVirt 4.2 may be a domain, in a field that is
// called an address.
func (o *openStack) service(into *DNS, v *config.Value, key string) {
	address := v.Get("address")
	switch kind := o.text(v.Get("type"), key+".type"); kind {
	case "dns", "dns-nameserver":
		o.dns(into, address, v.Get("search"), key+".address")
	case "dns-search":
		o.dns(into, nil, address, key+".address")
	default:
		o.warn(v, key+".type", "the service %q is not known; it was skipped", kind)
	}
}
