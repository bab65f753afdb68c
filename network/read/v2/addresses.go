package v2

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// subnets reads all that gives a device addresses, and returns how many there were to be.
func subnets(d *network.Device, c config.Cursor) (wanted int) {
	for _, dhcp := range []struct {
		key    string
		family network.Family
	}{{"dhcp4", network.IPv4}, {"dhcp6", network.IPv6}} {
		s := network.Subnet{Family: dhcp.family, Method: network.Dynamic}
		overrides(&s, c.Get(dhcp.key+"-overrides"))
		if values.IsTrue(c.Get(dhcp.key)) {
			d.Subnets = append(d.Subnets, s)
			wanted++
		}
	}
	addresses := values.Items(c.Get("addresses"))
	for _, item := range addresses {
		if s, ok := address(item); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
	gateway(d, c, "gateway4", network.IPv4)
	gateway(d, c, "gateway6", network.IPv6)
	// Difference from cloud-init: netplan's renderer writes those of other languages so
	// where version 2 has no words for them.
	others := values.Maps(c.Get("subnets"))
	for _, item := range others {
		if s, ok := values.Subnet(item); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
	servers := c.Get("nameservers")
	values.UnknownKeys(servers, "addresses", "search")
	values.Servers(&d.DNS, servers.Get("addresses"))
	values.Search(&d.DNS, servers.Get("search"))
	routes(d, c.Get("routes"))
	rules(d, c.Get("routing-policy"))
	return wanted + len(addresses) + len(others)
}

// overrides read what is taken from DHCP and what is not.
func overrides(s *network.Subnet, c config.Cursor) {
	s.Metric = values.Metric(c.Get("route-metric"))
	o := &s.DHCP
	flags := map[string]**bool{
		"use-dns": &o.UseDNS, "use-ntp": &o.UseNTP, "use-hostname": &o.UseHostname, "use-mtu": &o.UseMTU, "use-routes": &o.UseRoutes,
		"send-hostname": &o.SendHostname,
	}
	for _, entry := range c.Entries() {
		name, value := entry.Key, entry.Value
		switch {
		case flags[name] != nil:
			*flags[name] = values.Bool(value)
		case name == "hostname":
			o.Hostname = values.Line(value)
		case name == "use-domains" && value.Text() == "route":
			o.UseDomains = "route"
		case name == "use-domains":
			if b := values.Bool(value); b != nil {
				o.UseDomains = fmt.Sprint(*b)
			}
		}
	}
	values.UnknownKeys(c, append(slices.Sorted(maps.Keys(flags)), "hostname", "use-domains", "route-metric")...)
}

// address reads an address, perhaps with a label and a lifetime.
func address(c config.Cursor) (network.Subnet, bool) {
	text := c.Text()
	s := network.Subnet{Method: network.Static}
	if keys := c.Value().Keys(); len(keys) == 1 {
		text = keys[0]
		more := c.Get(text).Under(c)
		s.Label = values.Line(more.Get("label"))
		s.Lifetime = values.OneOf(more.Get("lifetime"), "0", "forever")
	}
	prefix, err := values.ParsePrefix(text, "")
	if err != nil {
		c.Errorf("%v; it was skipped", err)
		return s, false
	}
	s.Address, s.Family = prefix, network.FamilyOf(prefix.Addr())
	return s, true
}

// gateway gives a gateway to the first address of its family.
func gateway(d *network.Device, c config.Cursor, name string, family network.Family) {
	gateway := c.Get(name)
	if values.Absent(gateway) {
		return
	}
	c.AtKey(name).Deprecatedf("deprecated since cloud-init 22.4: use a route to default")
	addr := values.Address(gateway)
	if !addr.IsValid() {
		return
	}
	if network.FamilyOf(addr) != family {
		gateway.Errorf("expected an address of %s, got %s; it was skipped", family, addr)
		return
	}
	for i := range d.Subnets {
		if s := &d.Subnets[i]; s.Family == family && s.Method == network.Static {
			s.Gateway = addr
			return
		}
	}
	gateway.Warnf("the device has no address of %s; the gateway was skipped", family)
}

// routes reads routes, which go with the first subnet, as in cloud-init.
//
// Difference from cloud-init: it loses the routes of a device without addresses. A VRF's
// are in its table, as netplan has them.
func routes(d *network.Device, c config.Cursor) {
	routes := values.Routes(c)
	for i := range routes {
		if d.VRF != nil && routes[i].Table == 0 {
			routes[i].Table = d.VRF.Table
		}
	}
	if len(d.Subnets) > 0 {
		d.Subnets[0].Routes = append(d.Subnets[0].Routes, routes...)
		return
	}
	d.Routes = routes
}

// rules reads which packets go by which table.
//
// Difference from cloud-init: its renderers know nothing of them.
func rules(d *network.Device, c config.Cursor) {
	for _, item := range values.Maps(c) {
		if rule, ok := rule(item); ok {
			if d.VRF != nil && rule.Table == 0 {
				rule.Table = d.VRF.Table
			}
			d.Rules = append(d.Rules, rule)
		}
	}
}

func rule(c config.Cursor) (rule network.Rule, ok bool) {
	for _, end := range []struct {
		key  string
		into *netip.Prefix
	}{{"from", &rule.From}, {"to", &rule.To}} {
		at := c.Get(end.key)
		text := values.Text(at)
		if text == "" {
			continue
		}
		prefix, err := values.ParsePrefix(text, values.HostLength(text))
		if err != nil {
			at.Errorf("%v; the rule was skipped", err)
			return rule, false
		}
		*end.into, rule.Family = prefix, network.FamilyOf(prefix.Addr())
	}
	switch {
	case rule.Family == "":
		c.Errorf("expected from or to; the rule was skipped")
		return rule, false
	case rule.From.IsValid() && rule.To.IsValid() && rule.From.Addr().Is4() != rule.To.Addr().Is4():
		c.Errorf("from and to are of different families; the rule was skipped")
		return rule, false
	}
	rule.Table, _ = values.Integer(c.Get("table"), 1, math.MaxUint32)
	if n, ok := values.Integer(c.Get("priority"), 0, math.MaxUint32); ok {
		rule.Priority = &n
	}
	rule.Mark, _ = values.Integer(c.Get("mark"), 1, math.MaxUint32)
	rule.TOS, _ = values.Integer(c.Get("type-of-service"), 1, math.MaxUint8)
	values.UnknownKeys(c, "from", "to", "table", "priority", "mark", "type-of-service")
	return rule, true
}
