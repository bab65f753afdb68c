package networktest

import (
	"fmt"
	"math/rand/v2"
)

// V1 makes a configuration of version 1.
func V1(r *rand.Rand, o Options) (text string, nics []NIC) {
	g := newGenerator(r, o)
	var entries []any
	var links []string // what a VLAN may be part of
	for range 1 + g.IntN(len(g.nics)) {
		kind := one(g, "", "", "", "bond", "bridge")
		members := g.take(1 + g.IntN(2))
		for _, nic := range members {
			d := object{}
			set(&d, "type", "physical")
			set(&d, "name", nic.Name)
			if g.chance(60) {
				set(&d, "mac_address", g.spelling(nic.MAC))
			}
			if kind == "" {
				g.device1(&d)
				links = append(links, nic.Name)
			}
			entries = append(entries, d)
		}
		if kind != "" && len(members) > 0 {
			name := fmt.Sprintf("%s%d", kind, len(links))
			entries = append(entries, g.master1(kind, name, members))
			links = append(links, name)
		}
	}
	for i := range g.IntN(3) {
		d := object{}
		link, id := one(g, links...), 1+i*100+g.IntN(100)
		set(&d, "type", "vlan")
		set(&d, "name", one(g, fmt.Sprintf("%s.%d", link, id), fmt.Sprintf("vlan%d", id)))
		set(&d, "vlan_link", link)
		set(&d, "vlan_id", id)
		g.device1(&d)
		entries = append(entries, d)
	}
	if g.chance(40) {
		d := object{}
		set(&d, "type", "nameserver")
		set(&d, "address", one[any](g, g.servers(false), g.servers(g.chance(50))[0]))
		if g.chance(60) {
			set(&d, "search", g.domains())
		}
		if !g.CloudInit && g.chance(30) {
			set(&d, "interface", one(g, links...))
		}
		entries = append(entries, d)
	}
	if !g.CloudInit && len(g.given) > 0 && g.chance(40) {
		entries = append(entries, append(object{{Key: "type", Value: "route"}}, g.route1(one(g, g.given...))...))
	}
	c := object{}
	set(&c, "version", 1)
	set(&c, "config", entries)
	if g.chance(30) {
		return g.yaml(object{{Key: "network", Value: c}}), g.nics
	}
	return g.yaml(c), g.nics
}

// master1 is a bond or a bridge.
func (g *generator) master1(kind, name string, members []NIC) object {
	d, params := object{}, object{}
	set(&d, "type", kind)
	set(&d, "name", name)
	set(&d, kind+"_interfaces", names(members))
	if g.chance(20) {
		set(&d, "mac_address", g.ownMAC())
	}
	if kind == "bond" {
		dash := one(g, "bond-", "bond_")
		set(&params, dash+"mode", one[any](g, "active-backup", "802.3ad", "balance-rr", 1, 4))
		if g.chance(60) {
			set(&params, dash+"miimon", 100)
		}
		if g.chance(30) {
			set(&params, one(g, "bond-xmit-hash-policy", "bond_xmit_hash_policy"), "layer3+4")
		}
		if g.chance(30) {
			set(&params, one(g, "bond-lacp-rate", "bond_lacp_rate"), "fast")
		}
	} else {
		set(&params, "bridge_stp", one[any](g, "on", "off", true, false))
		if g.chance(50) {
			set(&params, "bridge_bridgeprio", 22)
		}
		if !g.CloudInit && g.chance(50) {
			set(&params, "bridge_fd", 4)
			set(&params, "bridge_pathcost", []any{members[0].Name + " 50"})
		}
	}
	set(&d, "params", params)
	g.device1(&d)
	return d
}

func (g *generator) device1(d *object) {
	g.v4, g.v6 = false, false
	if g.chance(20) {
		set(d, "mtu", g.mtu())
	}
	if g.chance(10) {
		set(d, "accept-ra", g.chance(50))
	}
	var subnets []any
	switch g.IntN(8) {
	case 0:
	case 1:
		subnets = []any{plain(one(g, "dhcp", "dhcp4"))}
	case 2:
		subnets = []any{plain("dhcp6")}
	case 3:
		subnets = []any{plain("dhcp4"), plain("dhcp6")}
	case 4:
		subnets = []any{plain(one(g, "ipv6_slaac", "ipv6_dhcpv6-stateless", "ipv6_dhcpv6-stateful", "manual"))}
	default:
		for range 1 + g.IntN(3) {
			subnets = append(subnets, g.static1(g.network(g.chance(40))))
		}
	}
	if len(subnets) > 0 {
		set(d, "subnets", subnets)
	}
}

func plain(kind string) object { return object{{Key: "type", Value: kind}} }

// static1 is a static subnet.
func (g *generator) static1(n network) object {
	g.given = append(g.given, n)
	s := object{}
	set(&s, "type", one(g, "static", map[bool]string{true: "static6", false: "static"}[n.v6]))
	switch g.IntN(4) {
	case 0:
		set(&s, "address", n.host(2+g.IntN(200)))
		set(&s, "netmask", n.netmask)
	case 1:
		set(&s, "address", n.host(2+g.IntN(200)))
		set(&s, "prefix", n.bits)
	case 2:
		set(&s, "address", n.host(2+g.IntN(200)))
	default:
		set(&s, "address", n.cidr(2+g.IntN(200)))
	}
	if g.newDefault(n.v6, 50) {
		set(&s, "gateway", n.gateway())
	}
	if g.chance(25) {
		set(&s, "dns_nameservers", one[any](g, g.servers(n.v6), joined(g.servers(n.v6))))
	}
	if g.chance(20) {
		set(&s, "dns_search", one[any](g, g.domains(), joined(g.domains())))
	}
	if !g.CloudInit && g.chance(15) {
		set(&s, "mtu", g.mtu())
	}
	if g.chance(10) {
		set(&s, "control", one(g, "auto", "manual"))
	}
	if g.chance(40) {
		var routes []any
		for range 1 + g.IntN(3) {
			routes = append(routes, g.route1(n))
		}
		set(&s, "routes", routes)
	}
	return s
}

// route1 is a route by a gateway in a network.
func (g *generator) route1(via network) object {
	o := object{}
	to := g.network(via.v6)
	switch {
	case via.v6:
		set(&o, "network", to.prefix+"/48")
	case g.chance(50):
		set(&o, "network", to.host(0))
		set(&o, "netmask", to.netmask)
	default:
		set(&o, "network", to.host(0)+"/24")
	}
	set(&o, "gateway", via.gateway())
	if g.chance(40) {
		set(&o, "metric", 1+g.IntN(900))
	}
	return o
}
