package networkmanager

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/network"
)

// addresses writes the sections ipv4 and ipv6, and gives the MTU that counts.
func (r *renderer) addresses(k *keyfile, d *network.Device) (mtu int) {
	if d.Type == network.BondType && len(d.Subnets) == 0 {
		for _, family := range []string{"ipv4", "ipv6"} {
			k.section(family).set("method", "disabled")
			k.section(family).set("may-fail", "false")
		}
	}
	dns := network.DNS{}
	n := counters{}
	mtu = d.MTU
	for i := range d.Subnets {
		s := &d.Subnets[i]
		r.subnet(k, d, s, n)
		dns.Servers = append(dns.Servers, s.DNS.Servers...)
		dns.Search = append(dns.Search, s.DNS.Search...)
		if s.MTU > 0 && s.Family == network.IPv4 {
			mtu = s.MTU
		}
	}
	if mtu != d.MTU && d.MTU != 0 {
		d.At(&r.found).Warnf("the MTU %d of the device gives way to %d of its IPv4 subnet", d.MTU, mtu)
	}
	bothMayFail(k)
	r.dns(k, d, dns)
	return mtu
}

// counters number a family's addresses and routes.
type counters map[string]int

func (n counters) next(family, list string) int {
	n[family+list]++
	return n[family+list]
}

func (r *renderer) subnet(k *keyfile, d *network.Device, s *network.Subnet, n counters) {
	family := string(s.Family)
	setMethod(k, s)
	own := k.section(family)
	if s.Address.IsValid() {
		own.add("address", n.next(family, "address"), s.Address.String())
	}
	if s.Gateway.IsValid() {
		k.section(string(network.FamilyOf(s.Gateway))).set("gateway", s.Gateway.String())
	}
	for _, route := range s.Routes {
		r.route(k, d, route, n)
	}
	if s.Metric != nil {
		own.set("route-metric", fmt.Sprint(*s.Metric))
	}
}

// methods are NetworkManager's words. It has none for an interface that is up and
// otherwise unchanged: cloud-init lets it try, and not mind when that fails.
var methods = map[network.Method]string{
	network.Static:    "manual",
	network.Dynamic:   "auto",
	network.SLAAC:     "auto",
	network.Stateless: "auto",
	network.Stateful:  "dhcp",
	network.Manual:    "auto",
	network.None:      "disabled",
}

// setMethod sets a family's method, but never back from dhcp, nor from auto to manual:
// both get addresses besides those that are written.
func setMethod(k *keyfile, s *network.Subnet) {
	own := k.section(string(s.Family))
	own.setDefault("method", "disabled")
	if s.Method == network.Manual {
		own.set("may-fail", "true")
	}
	method, before := methods[s.Method], own.values["method"]
	if before == "dhcp" || before != "disabled" && method == "disabled" || before == "auto" && method == "manual" {
		return
	}
	switch s.Method {
	case network.SLAAC, network.Stateless, network.Stateful:
		// Who says how IPv6 is done, and nothing of IPv4, wants none.
		k.section("ipv4").setDefault("method", "disabled")
	}
	own.set("method", method)
	own.setDefault("may-fail", "false")
}

// bothMayFail lets a connection that waits for both families be up with one of them.
func bothMayFail(k *keyfile) {
	waits := func(s *section) bool {
		return s != nil && (s.values["method"] == "auto" || s.values["method"] == "dhcp") && s.values["may-fail"] == "false"
	}
	v4, v6 := k.find("ipv4"), k.find("ipv6")
	if waits(v4) && waits(v6) {
		v4.set("may-fail", "true")
		v6.set("may-fail", "true")
	}
}

// dns writes name servers to the families that they belong to, and domains to both.
// A device that names none gets everyone's.
//
// Difference from cloud-init: a server of a family that the device does not have is lost
// with a warning.
func (r *renderer) dns(k *keyfile, d *network.Device, dns network.DNS) {
	join(&dns, d.DNS)
	own := len(dns.Servers) > 0
	if len(dns.Servers) == 0 {
		dns.Servers = r.config.DNS.Servers
		r.shared = true
	}
	if len(dns.Search) == 0 {
		dns.Search = r.config.DNS.Search
	}
	for _, server := range dns.Servers {
		section := k.find(string(network.FamilyOf(server)))
		switch {
		case enabled(section):
			section.set("dns", section.values["dns"]+server.String()+";")
			r.placed[server] = true
		case own:
			d.At(&r.found).Warnf("the name server %s was skipped: the device has no %s", server, network.FamilyOf(server))
		}
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		if own := k.find(family); enabled(own) && len(dns.Search) > 0 {
			own.set("dns-search", strings.Join(dns.Search, ";")+";")
		}
	}
}

// join adds the servers and domains that are not there yet. What is twice among the new
// ones stays so, as in cloud-init.
func join(dns *network.DNS, more network.DNS) {
	dns.Servers = append(dns.Servers, missing(dns.Servers, more.Servers)...)
	dns.Search = append(dns.Search, missing(dns.Search, more.Search)...)
}

func missing[T comparable](there, more []T) []T {
	return slices.DeleteFunc(slices.Clone(more), func(item T) bool { return slices.Contains(there, item) })
}

func enabled(s *section) bool { return s != nil && s.values["method"] != "disabled" }
