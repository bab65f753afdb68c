package netplan

import "cloudseed/network"

// addresses writes how a device gets its addresses, and its routes.
func addresses(o *object, d *network.Device) {
	if !sayable(d.Subnets) {
		o.set("subnets", list(d.Subnets, subnet))
		return
	}
	routes, addresses := d.Routes, []any(nil)
	gateways := map[network.Family]any{}
	for _, s := range d.Subnets {
		routes = append(routes[:len(routes):len(routes)], s.Routes...)
		if s.Method == network.Static {
			addresses = append(addresses, address(s))
			if s.Gateway.IsValid() {
				gateways[s.Family] = s.Gateway.String()
			}
			continue
		}
		key := map[network.Family]string{network.IPv4: "dhcp4", network.IPv6: "dhcp6"}[s.Family]
		o.set(key, true)
		o.add(key+"-overrides", overrides(s))
	}
	o.add("addresses", addresses)
	for _, gateway := range []struct {
		key    string
		family network.Family
	}{{"gateway4", network.IPv4}, {"gateway6", network.IPv6}} {
		if text := gateways[gateway.family]; text != nil {
			o.set(gateway.key, text)
		}
	}
	o.add("routes", list(routes, route))
}

// sayable reports whether version 2's words make the same subnets: DHCP first, then the
// addresses, all routes with the first, a gateway with the first address of its family,
// and nothing else.
func sayable(subnets []network.Subnet) bool {
	stage := 0
	static := map[network.Family]bool{}
	for i, s := range subnets {
		at := map[network.Family]int{network.IPv4: 1, network.IPv6: 2}[s.Family]
		if s.Method == network.Static {
			at = 3
		}
		switch {
		case s.Method != network.Static && s.Method != network.Dynamic,
			at < stage || at == stage && at != 3,
			i > 0 && len(s.Routes) > 0,
			s.MTU != 0 || s.OnDemand || len(s.DNS.Servers)+len(s.DNS.Search) > 0,
			s.Method == network.Static && s.Metric != nil,
			s.Gateway.IsValid() && (s.Method != network.Static || static[s.Family] || network.FamilyOf(s.Gateway) != s.Family):
			return false
		}
		stage = at
		static[s.Family] = static[s.Family] || s.Method == network.Static
	}
	return true
}

func address(s network.Subnet) any {
	var more, o object
	more.add("label", s.Label)
	more.add("lifetime", s.Lifetime)
	if len(more) == 0 {
		return s.Address.String()
	}
	o.set(s.Address.String(), more)
	return o.value()
}

func overrides(s network.Subnet) object {
	var o object
	o.add("route-metric", s.Metric)
	o.add("use-dns", s.DHCP.UseDNS)
	o.add("use-ntp", s.DHCP.UseNTP)
	o.add("use-hostname", s.DHCP.UseHostname)
	o.add("use-mtu", s.DHCP.UseMTU)
	o.add("use-routes", s.DHCP.UseRoutes)
	o.add("use-domains", s.DHCP.UseDomains)
	o.add("send-hostname", s.DHCP.SendHostname)
	o.add("hostname", s.DHCP.Hostname)
	return o
}

// subnetWords are version 1's words for subnets, and some that only its reader here has.
var subnetWords = map[network.Family]map[network.Method]string{
	network.IPv4: {network.Dynamic: "dhcp4", network.Static: "static", network.Manual: "manual", network.None: "loopback"},
	network.IPv6: {
		network.Dynamic: "dhcp6", network.Static: "static6", network.Manual: "manual6", network.None: "none6",
		network.SLAAC: "ipv6_slaac", network.Stateless: "ipv6_dhcpv6-stateless", network.Stateful: "ipv6_dhcpv6-stateful",
	},
}

// subnet writes a subnet in the words of version 1.
func subnet(s network.Subnet) any {
	var o object
	if word := subnetWords[s.Family][s.Method]; word != "" {
		o.set("type", word)
	}
	o.add("address", s.Address)
	o.add("gateway", s.Gateway)
	o.add("mtu", s.MTU)
	o.add("metric", s.Metric)
	o.add("dns_nameservers", list(s.DNS.Servers, asText))
	o.add("dns_search", list(s.DNS.Search, asIs))
	if s.OnDemand {
		o.set("control", "manual")
	}
	o.add("routes", list(s.Routes, route))
	return o.value()
}

func route(r network.Route) any {
	var o object
	o.set("to", r.To.String())
	if r.To == network.DefaultRoute(r.Gateway) {
		o[0].Value = "default"
	}
	o.add("via", r.Gateway)
	o.add("from", r.Source)
	o.add("on-link", r.OnLink)
	o.add("metric", r.Metric)
	o.add("mtu", r.MTU)
	o.add("table", r.Table)
	o.add("type", r.Type)
	o.add("scope", r.Scope)
	o.add("congestion-window", r.CongestionWindow)
	o.add("advertised-receive-window", r.ReceiveWindow)
	o.add("advertised-mss", r.SegmentSize)
	return o.value()
}

func rule(r network.Rule) any {
	var o object
	o.add("from", r.From)
	o.add("to", r.To)
	o.add("table", r.Table)
	o.add("priority", r.Priority)
	o.add("mark", r.Mark)
	o.add("type-of-service", r.TOS)
	return o.value()
}

func nameservers(d network.DNS) object {
	var o object
	o.add("addresses", list(d.Servers, asText))
	o.add("search", list(d.Search, asIs))
	return o
}
