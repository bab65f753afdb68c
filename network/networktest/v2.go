package networktest

import (
	"fmt"
	"math/rand/v2"
)

// V2 makes a configuration of version 2.
func V2(r *rand.Rand, o Options) (text string, nics []NIC) {
	g := newGenerator(r, o)
	sections := map[string]*object{}
	for _, kind := range kinds2 {
		sections[kind] = &object{}
	}
	var links []string
	for range 1 + g.IntN(len(g.nics)) {
		kind := one(g, "ethernets", "ethernets", "ethernets", "bonds", "bridges")
		members := g.take(1 + g.IntN(2))
		for _, nic := range members {
			if kind == "ethernets" {
				key, d := g.ethernet2(nic)
				set(sections["ethernets"], key, d)
				if key == nic.Name {
					links = append(links, key)
				}
				continue
			}
			set(sections["ethernets"], nic.Name, object{})
		}
		if kind != "ethernets" && len(members) > 0 {
			name := fmt.Sprintf("%s%d", kind[:len(kind)-1], len(links))
			set(sections[kind], name, g.master2(kind, members))
			links = append(links, name)
		}
	}
	for i := range g.IntN(3) {
		if len(links) == 0 {
			break
		}
		d := object{}
		link, id := one(g, links...), 1+i*100+g.IntN(100)
		set(&d, "id", id)
		set(&d, "link", link)
		g.device2(&d)
		set(sections["vlans"], one(g, fmt.Sprintf("%s.%d", link, id), fmt.Sprintf("vlan%d", id)), d)
	}
	if !o.CloudInit {
		g.more2(sections, links)
	}
	c := object{{Key: "version", Value: 2}}
	for _, kind := range kinds2 {
		if len(*sections[kind]) > 0 {
			set(&c, kind, *sections[kind])
		}
	}
	if g.chance(30) {
		return g.yaml(object{{Key: "network", Value: c}}), g.nics
	}
	return g.yaml(c), g.nics
}

var kinds2 = []string{"ethernets", "bonds", "bridges", "vlans", "vrfs", "dummy-devices", "tunnels", "wifis"}

func (g *generator) ethernet2(nic NIC) (key string, d object) {
	key = nic.Name
	switch g.IntN(4) {
	case 0:
		set(&d, "match", object{{Key: "macaddress", Value: g.spelling(nic.MAC)}})
		if g.chance(50) {
			key = "id" + nic.MAC[15:]
		}
	case 1:
		set(&d, "match", object{{Key: "macaddress", Value: nic.MAC}})
		set(&d, "set-name", one(g, nic.Name, "lan"+nic.MAC[15:]))
		if g.chance(50) {
			key = "id" + nic.MAC[15:]
		}
	case 2:
		if !g.CloudInit {
			set(&d, "match", object{{Key: "name", Value: one(g, nic.Name, nic.Name[:2]+"*")}})
			key = "any" + nic.MAC[15:]
		}
	}
	if g.chance(10) {
		set(&d, "wakeonlan", true)
	}
	if !g.CloudInit && g.chance(10) {
		set(&d, "macaddress", g.ownMAC())
	}
	g.device2(&d)
	return key, d
}

// master2 is a bond or a bridge.
func (g *generator) master2(kind string, members []NIC) object {
	d, p := object{}, object{}
	set(&d, "interfaces", names(members))
	if g.chance(20) {
		set(&d, "macaddress", g.ownMAC())
	}
	if kind == "bonds" {
		set(&p, "mode", one(g, "active-backup", "802.3ad", "balance-rr", "balance-tlb"))
		if g.chance(60) {
			set(&p, "mii-monitor-interval", 100)
		}
		if g.chance(30) {
			set(&p, "transmit-hash-policy", "layer3+4")
		}
		if g.chance(30) {
			set(&p, "lacp-rate", "slow")
		}
		if !g.CloudInit && g.chance(30) {
			set(&p, "arp-ip-targets", []any{"10.10.10.10", "10.10.10.11"})
		}
	} else {
		set(&p, "stp", g.chance(50))
		if g.chance(50) {
			set(&p, "priority", 22)
		}
		if !g.CloudInit && g.chance(50) {
			set(&p, "forward-delay", 4)
			set(&p, "path-cost", object{{Key: members[0].Name, Value: 50}})
		}
	}
	set(&d, "parameters", p)
	g.device2(&d)
	return d
}

// device2 adds what all kinds of devices have: addresses above all.
func (g *generator) device2(d *object) {
	g.v4, g.v6 = false, false
	if g.chance(20) {
		set(d, "mtu", g.mtu())
	}
	if g.chance(10) {
		set(d, "accept-ra", g.chance(50))
	}
	if g.chance(10) {
		set(d, "optional", true)
	}
	addressed := false
	for _, dhcp := range []string{"dhcp4", "dhcp6"} {
		if !g.chance(30) {
			continue
		}
		addressed = true
		set(d, dhcp, true)
		if g.chance(20) {
			overrides := object{{Key: "route-metric", Value: 100 + g.IntN(900)}}
			if !g.CloudInit && g.chance(50) {
				set(&overrides, "use-dns", false)
				set(&overrides, "use-domains", one[any](g, "route", true))
				set(&overrides, "hostname", "guest")
			}
			set(d, dhcp+"-overrides", overrides)
		}
	}
	var addresses, routes []any
	for range g.IntN(4) {
		n := g.network(g.chance(40))
		addresses = append(addresses, n.cidr(2+g.IntN(200)))
		if g.newDefault(n.v6, 40) {
			if g.chance(30) {
				set(d, map[bool]string{false: "gateway4", true: "gateway6"}[n.v6], n.gateway())
			} else {
				routes = append(routes, object{{Key: "to", Value: "default"}, {Key: "via", Value: n.gateway()}})
			}
		}
		if g.chance(30) {
			routes = append(routes, g.route2(n))
		}
	}
	if len(addresses) > 0 {
		addressed = true
		set(d, "addresses", addresses)
	}
	if addressed && g.chance(30) {
		servers := object{{Key: "addresses", Value: g.servers(g.chance(20))}}
		if g.chance(50) {
			set(&servers, "search", g.domains())
		}
		set(d, "nameservers", servers)
	}
	if !g.CloudInit && g.chance(10) {
		routes = append(routes, object{{Key: "to", Value: g.network(false).cidr(0)}})
	}
	if len(routes) > 0 {
		set(d, "routes", routes)
	}
	if !g.CloudInit {
		g.settings2(d)
	}
}

func (g *generator) route2(via network) object {
	o := object{{Key: "to", Value: g.network(via.v6).cidr(0)}, {Key: "via", Value: via.gateway()}}
	if g.chance(40) {
		set(&o, "metric", 1+g.IntN(900))
	}
	if !g.CloudInit && g.chance(30) {
		set(&o, "table", 100+g.IntN(50))
		set(&o, "on-link", true)
	}
	return o
}
