package random

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// V1 makes a configuration of version 1.
func V1(r *rand.Rand) []byte {
	g := gen{r}
	names := g.shuffled()
	var entries []any
	take := func() string {
		name := names[0]
		names = names[1:]
		entries = append(entries, g.physical1(name))
		return name
	}
	if g.one(8) {
		entries = append(entries, object{"type": "loopback", "name": "lo", "subnets": []any{object{"type": "loopback"}}})
	}
	top := []string{take()}
	if g.one(2) {
		top = append(top, take())
	}
	if g.one(4) {
		members := []string{take(), take()}
		for _, m := range entries[len(entries)-2:] {
			delete(m.(object), "subnets")
		}
		entries = append(entries, g.device1(object{
			"type": "bond", "name": "bond0", "bond_interfaces": members, "params": g.bondOptions1(members[0]),
		}))
		top = append(top, "bond0")
	}
	if g.one(4) && len(names) > 0 {
		port := take()
		delete(entries[len(entries)-1].(object), "subnets")
		entries = append(entries, g.device1(object{
			"type": "bridge", "name": "br0", "bridge_interfaces": []string{port}, "params": g.bridgeOptions1(),
		}))
		top = append(top, "br0")
	}
	if g.one(4) {
		link, id := pick(g, top...), 1+g.IntN(4094)
		entries = append(entries, g.device1(object{"type": "vlan", "name": fmt.Sprintf("%s.%d", link, id), "vlan_id": id, "vlan_link": link}))
	}
	if g.one(3) {
		entry := object{"type": "nameserver", "address": distinct(g, 3, func() string { return g.address(g.one(3)) })}
		if g.one(2) {
			entry["search"] = distinct(g, 3, g.domain)
		}
		if g.one(3) {
			entry["interface"] = pick(g, top...)
		}
		if g.one(4) {
			entry["address"] = g.ipv4()
		}
		entries = append(entries, entry)
	}
	config := object{"version": 1, "config": entries}
	if g.one(3) {
		return text(object{"network": config})
	}
	return text(config)
}

// physical1 is an interface of the machine, found by its address half of the time.
func (g gen) physical1(name string) object {
	d := object{"type": "physical", "name": name}
	if g.one(2) {
		d["mac_address"] = g.mac(name)
	}
	if g.one(8) {
		d["wakeonlan"] = g.one(2)
	}
	return g.device1(d)
}

func (g gen) device1(d object) object {
	if g.one(5) {
		d["mtu"] = g.mtu()
	}
	if g.one(10) {
		d["accept-ra"] = g.one(2)
	}
	if d["type"] != "physical" && d["type"] != "vlan" && g.one(4) {
		d["mac_address"] = g.otherMAC()
	}
	var subnets []any
	if !g.one(8) {
		for range 1 + g.IntN(3) {
			subnets = append(subnets, g.subnet1())
		}
		d["subnets"] = subnets
	}
	return d
}

func (g gen) subnet1() object {
	s := object{}
	switch kind := g.IntN(12); kind {
	case 0, 1:
		s["type"] = pick(g, "dhcp", "dhcp4")
	case 2:
		s["type"] = "dhcp6"
	case 3:
		s["type"] = pick(g, "ipv6_slaac", "ipv6_dhcpv6-stateless", "ipv6_dhcpv6-stateful")
	case 4:
		s["type"] = "manual"
	default:
		g.static1(s, kind%3 == 0)
	}
	if g.one(6) {
		s["metric"] = 1 + g.IntN(1000)
	}
	if g.one(8) {
		s["control"] = pick(g, "auto", "manual")
	}
	return s
}

// static1 is an address in one of the ways in which the length of its network is told.
func (g gen) static1(s object, six bool) {
	address, length := g.address(six), g.length(six)
	s["type"] = "static"
	if six {
		s["type"] = pick(g, "static", "static6")
	}
	switch {
	case g.one(3):
		s["address"] = fmt.Sprintf("%s/%d", address, length)
	case g.one(3):
		s["address"], s["prefix"] = address, length
	case six:
		s["address"], s["netmask"] = address, length
	case g.one(4):
		s["address"] = address // the length is guessed
	default:
		s["address"], s["netmask"] = address, net.IP(net.CIDRMask(length, 32)).String()
	}
	if g.one(3) {
		s["gateway"] = g.address(six)
	}
	if g.one(3) {
		s["dns_nameservers"] = distinct(g, 3, func() string { return g.address(g.one(3)) })
		if g.one(3) {
			s["dns_nameservers"] = g.ipv4() + " " + g.ipv6()
		}
	}
	if g.one(4) {
		s["dns_search"] = distinct(g, 3, g.domain)
	}
	if g.one(10) {
		s["mtu"] = g.mtu()
	}
	if g.one(4) {
		var routes []any
		for range 1 + g.IntN(3) {
			routes = append(routes, g.route1(six))
		}
		s["routes"] = routes
	}
}

func (g gen) route1(six bool) object {
	to, length := g.network(six)
	r := object{"gateway": g.address(six)}
	key := pick(g, "network", "destination")
	switch {
	case g.one(8):
		to, length = map[bool]string{false: "0.0.0.0", true: "::"}[six], 0
		r[key] = to + "/0"
	case g.one(2):
		r[key] = fmt.Sprintf("%s/%d", to, length)
	case six || g.one(3):
		r[key], r["prefix"] = to, length
	default:
		r[key], r["netmask"] = to, net.IP(net.CIDRMask(length, 32)).String()
	}
	if g.one(3) {
		r["metric"] = g.IntN(1000)
	}
	return r
}

func (g gen) bondOptions1(primary string) object {
	mode := pick(g, "active-backup", "802.3ad", "balance-rr", "balance-xor")
	options := object{"bond-mode": mode}
	if g.one(2) {
		options[pick(g, "bond-miimon", "bond_miimon")] = 100
	} else if g.one(3) {
		options["bond-arp_interval"], options["bond-arp_ip_target"] = 200, g.ipv4()
	}
	switch {
	case mode == "active-backup" && g.one(2):
		options["bond-primary"] = primary
	case mode == "802.3ad":
		if g.one(2) {
			options[pick(g, "bond-lacp-rate", "bond_lacp_rate", "bond-lacp_rate")] = pick(g, "fast", "slow")
		}
		if g.one(2) {
			options[pick(g, "bond-xmit-hash-policy", "bond-xmit_hash_policy")] = pick(g, "layer2", "layer3+4")
		}
	}
	for _, name := range []string{"updelay", "downdelay", "min_links", "num_grat_arp"} {
		if g.one(6) {
			options["bond-"+name] = g.IntN(5)
		}
	}
	return options
}

func (g gen) bridgeOptions1() object {
	options := object{}
	if g.one(2) {
		options["bridge_stp"] = pick[any](g, true, false, "on", "off", 0, 1)
	}
	if g.one(3) {
		options["bridge_bridgeprio"] = g.IntN(65536)
	}
	for _, name := range []string{"ageing", "fd", "hello", "maxage"} {
		if g.one(4) {
			options["bridge_"+name] = 1 + g.IntN(40)
		}
	}
	return options
}
