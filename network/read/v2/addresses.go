package network

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"cloudseed/config"
)

// subnets2 reads all that gives a device addresses, and tells how many there were to be.
func (r *reader) subnets2(d *Device, v *config.Value, key string) (wanted int) {
	for _, dhcp := range []struct {
		key    string
		family Family
	}{{"dhcp4", IPv4}, {"dhcp6", IPv6}} {
		s := Subnet{Family: dhcp.family, Method: Dynamic}
		r.overrides(&s, v.Get(dhcp.key+"-overrides"), key+"."+dhcp.key+"-overrides")
		if r.isTrue(v.Get(dhcp.key), key+"."+dhcp.key) {
			d.Subnets = append(d.Subnets, s)
			wanted++
		}
	}
	addresses := r.list(v.Get("addresses"), key+".addresses")
	for i, item := range addresses {
		if s, ok := r.address2(item, fmt.Sprintf("%s.addresses.%d", key, i)); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
	r.gateway2(d, v, key, "gateway4", IPv4)
	r.gateway2(d, v, key, "gateway6", IPv6)
	// Difference from cloud-init: V2 writes those of other languages so where version 2
	// has no words for them.
	subnets, at := r.maps(v.Get("subnets"), key+".subnets")
	for i, item := range subnets {
		if s, ok := r.subnet1(item, at[i]); ok {
			d.Subnets = append(d.Subnets, s)
		}
	}
	servers := v.Get("nameservers")
	r.unknownKeys(servers, key+".nameservers", "addresses", "search")
	r.dns(&d.DNS, servers.Get("addresses"), nil, key+".nameservers.addresses")
	r.dns(&d.DNS, nil, servers.Get("search"), key+".nameservers.search")
	r.routes2(d, v, key+".routes")
	r.rules2(d, v, key+".routing-policy")
	return wanted + len(addresses) + len(subnets)
}

// overrides read what is taken from DHCP and what is not.
func (r *reader) overrides(s *Subnet, v *config.Value, key string) {
	s.Metric = r.metric(v.Get("route-metric"), key+".route-metric")
	o := &s.DHCP
	flags := map[string]**bool{
		"use-dns": &o.UseDNS, "use-ntp": &o.UseNTP, "use-hostname": &o.UseHostname, "use-mtu": &o.UseMTU, "use-routes": &o.UseRoutes,
		"send-hostname": &o.SendHostname,
	}
	for _, name := range v.Keys() {
		value, at := v.Get(name), key+"."+name
		switch {
		case flags[name] != nil:
			*flags[name] = r.boolean(value, at)
		case name == "hostname":
			o.Hostname = r.line(value, at)
		case name == "use-domains" && value.Text() == "route":
			o.UseDomains = "route"
		case name == "use-domains":
			if b := r.boolean(value, at); b != nil {
				o.UseDomains = fmt.Sprint(*b)
			}
		}
	}
	r.unknownKeys(v, key, append(slices.Sorted(maps.Keys(flags)), "hostname", "use-domains", "route-metric")...)
}

// line is a text that stays in its line when it is written.
func (r *reader) line(v *config.Value, key string) string {
	text := r.text(v, key)
	if !printable(text) {
		r.error(v, key, "expected a string of one line; it was ignored")
		return ""
	}
	return text
}

// address2 reads an address, perhaps with a label and a lifetime.
func (r *reader) address2(v *config.Value, key string) (Subnet, bool) {
	text := v.Text()
	s := Subnet{Method: Static}
	if v.Kind() == config.Map && len(v.Keys()) == 1 {
		text = v.Keys()[0]
		more := v.Get(text)
		s.Label = r.line(more.Get("label"), key+".label")
		s.Lifetime = r.oneOf(more.Get("lifetime"), key+".lifetime", "0", "forever")
	}
	prefix, err := parsePrefix(text, "")
	if err != nil {
		r.error(v, key, "%v; it was skipped", err)
		return s, false
	}
	s.Address, s.Family = prefix, familyOf(prefix.Addr())
	return s, true
}

// gateway2 gives a gateway to the first address of its family.
func (r *reader) gateway2(d *Device, v *config.Value, key, name string, family Family) {
	gateway := v.Get(name)
	if absent(gateway) {
		return
	}
	r.add(config.Deprecated, v.KeyPos(name), key+"."+name, "deprecated since cloud-init 22.4: use a route to default")
	addr := r.address(gateway, key+"."+name)
	if !addr.IsValid() {
		return
	}
	if familyOf(addr) != family {
		r.error(gateway, key+"."+name, "expected an address of %s, got %s; it was skipped", family, addr)
		return
	}
	for i := range d.Subnets {
		if s := &d.Subnets[i]; s.Family == family && s.Method == Static {
			s.Gateway = addr
			return
		}
	}
	r.warn(gateway, key+"."+name, "the device has no address of %s; the gateway was skipped", family)
}

// routes2 reads routes, which go with the first subnet, as in cloud-init.
//
// Difference from cloud-init: it loses the routes of a device without addresses. A VRF's
// are in its table, as netplan has them.
func (r *reader) routes2(d *Device, v *config.Value, key string) {
	routes := r.routes(v.Get("routes"), key)
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

// hostLength makes a route to a lone address one to that address.
//
// Difference from cloud-init: it takes 10.1.2.3 for 10.1.2.3/24; netplan does not.
func hostLength(to string) string {
	addr, err := netip.ParseAddr(to)
	if err != nil || addr.IsUnspecified() {
		return ""
	}
	return fmt.Sprint(addr.BitLen())
}

// rules2 read which packets go by which table.
//
// Difference from cloud-init: its renderers know nothing of them.
func (r *reader) rules2(d *Device, v *config.Value, key string) {
	items, keys := r.maps(v.Get("routing-policy"), key)
	for i, item := range items {
		if rule, ok := r.rule2(item, keys[i]); ok {
			if d.VRF != nil && rule.Table == 0 {
				rule.Table = d.VRF.Table
			}
			d.Rules = append(d.Rules, rule)
		}
	}
}

func (r *reader) rule2(v *config.Value, key string) (rule Rule, ok bool) {
	for _, end := range []struct {
		key  string
		into *netip.Prefix
	}{{"from", &rule.From}, {"to", &rule.To}} {
		text := r.text(v.Get(end.key), key+"."+end.key)
		if text == "" {
			continue
		}
		prefix, err := parsePrefix(text, hostLength(text))
		if err != nil {
			r.error(v.Get(end.key), key+"."+end.key, "%v; the rule was skipped", err)
			return rule, false
		}
		*end.into, rule.Family = prefix, familyOf(prefix.Addr())
	}
	switch {
	case rule.Family == "":
		r.error(v, key, "expected from or to; the rule was skipped")
		return rule, false
	case rule.From.IsValid() && rule.To.IsValid() && rule.From.Addr().Is4() != rule.To.Addr().Is4():
		r.error(v, key, "from and to are of different families; the rule was skipped")
		return rule, false
	}
	rule.Table, _ = r.integer(v.Get("table"), key+".table", 1, math.MaxUint32)
	if n, ok := r.integer(v.Get("priority"), key+".priority", 0, math.MaxUint32); ok {
		rule.Priority = &n
	}
	rule.Mark, _ = r.integer(v.Get("mark"), key+".mark", 1, math.MaxUint32)
	rule.TOS, _ = r.integer(v.Get("type-of-service"), key+".type-of-service", 1, math.MaxUint8)
	r.unknownKeys(v, key, "from", "to", "table", "priority", "mark", "type-of-service")
	return rule, true
}
