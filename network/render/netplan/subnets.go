package network

// addresses2 writes how a device gets its addresses, and its routes.
func addresses2(o *object, d *Device) {
	if !saidBy2(d.Subnets) {
		o.set("subnets", list(d.Subnets, subnetOf1))
		return
	}
	routes, addresses := d.Routes, []any(nil)
	gateways := map[Family]any{}
	for _, s := range d.Subnets {
		routes = append(routes[:len(routes):len(routes)], s.Routes...)
		if s.Method == Static {
			addresses = append(addresses, address2(s))
			if s.Gateway.IsValid() {
				gateways[s.Family] = s.Gateway.String()
			}
			continue
		}
		key := map[Family]string{IPv4: "dhcp4", IPv6: "dhcp6"}[s.Family]
		o.set(key, true)
		o.add(key+"-overrides", overrides(s))
	}
	o.add("addresses", addresses)
	for _, gateway := range []struct {
		key    string
		family Family
	}{{"gateway4", IPv4}, {"gateway6", IPv6}} {
		if text := gateways[gateway.family]; text != nil {
			o.set(gateway.key, text)
		}
	}
	o.add("routes", list(routes, route2))
}

// saidBy2 tells whether version 2's words make the same subnets: DHCP first, then the
// addresses, all routes with the first, a gateway with the first address of its family,
// and nothing else.
func saidBy2(subnets []Subnet) bool {
	stage := 0
	static := map[Family]bool{}
	for i, s := range subnets {
		at := map[Family]int{IPv4: 1, IPv6: 2}[s.Family]
		if s.Method == Static {
			at = 3
		}
		switch {
		case s.Method != Static && s.Method != Dynamic,
			at < stage || at == stage && at != 3,
			i > 0 && len(s.Routes) > 0,
			s.MTU != 0 || s.OnDemand || len(s.DNS.Servers)+len(s.DNS.Search) > 0,
			s.Method == Static && s.Metric != nil,
			s.Gateway.IsValid() && (s.Method != Static || static[s.Family] || familyOf(s.Gateway) != s.Family):
			return false
		}
		stage = at
		static[s.Family] = static[s.Family] || s.Method == Static
	}
	return true
}

func address2(s Subnet) any {
	var more, o object
	more.add("label", s.Label)
	more.add("lifetime", s.Lifetime)
	if len(more) == 0 {
		return s.Address.String()
	}
	o.set(s.Address.String(), more)
	return o.value()
}

func overrides(s Subnet) object {
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

// subnetOf1 writes a subnet in the words of version 1.
func subnetOf1(s Subnet) any {
	var o object
	for word, known := range families1 {
		if known.family == s.Family && known.method == s.Method && known.written {
			o.set("type", word)
		}
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
	o.add("routes", list(s.Routes, route2))
	return o.value()
}

func route2(r Route) any {
	var o object
	o.set("to", r.To.String())
	if to, err := parseDestination("default", "", r.Gateway); err == nil && to == r.To {
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

func rule2(r Rule) any {
	var o object
	o.add("from", r.From)
	o.add("to", r.To)
	o.add("table", r.Table)
	o.add("priority", r.Priority)
	o.add("mark", r.Mark)
	o.add("type-of-service", r.TOS)
	return o.value()
}

func nameservers(d DNS) object {
	var o object
	o.add("addresses", list(d.Servers, asText))
	o.add("search", list(d.Search, asIs))
	return o
}
