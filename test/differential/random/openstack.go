package random

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// OpenStack makes a network_data.json, as nova writes it.
func OpenStack(r *rand.Rand) []byte {
	g := gen{r}
	names := g.shuffled()
	var links, networks []any
	take := func() string {
		name := names[0]
		names = names[1:]
		id := fmt.Sprintf("tap%x", r.Uint32())
		links = append(links, object{"id": id, "type": pick(g, "phy", "ovs", "bridge", "vif", "tap"), "ethernet_mac_address": g.mac(name), "vif_id": id})
		if g.one(2) {
			links[len(links)-1].(object)["mtu"] = g.mtu()
		}
		return id
	}
	top := []string{take()}
	if g.one(2) {
		top = append(top, take())
	}
	if g.one(3) {
		members := []string{take(), take()}
		bond := object{"id": "bond-a", "type": "bond", "bond_links": members, "ethernet_mac_address": g.otherMAC(), "bond_mode": pick(g, "802.3ad", "active-backup")}
		if g.one(2) {
			bond["bond_miimon"] = 100
		}
		if g.one(2) {
			bond["bond_xmit_hash_policy"] = "layer3+4"
		}
		links = append(links, bond)
		top = append(top, "bond-a")
	}
	if g.one(3) {
		links = append(links, object{"id": "vlan-a", "type": "vlan", "vlan_link": pick(g, top...), "vlan_id": 1 + g.IntN(4094), "vlan_mac_address": g.otherMAC()})
		top = append(top, "vlan-a")
	}
	for i, link := range top {
		for j := range g.IntN(3) {
			networks = append(networks, g.network9(fmt.Sprintf("network%d.%d", i, j), link, j == 1))
		}
	}
	config := object{"links": links, "networks": networks, "services": []any{}}
	if networks == nil {
		config["networks"] = []any{}
	}
	if g.one(2) {
		var services []any
		for _, server := range distinct(g, 3, func() string { return g.address(g.one(3)) }) {
			services = append(services, object{"type": "dns", "address": server})
		}
		config["services"] = services
	}
	return text(config)
}

// network9 is one of a link's networks.
func (g gen) network9(id, link string, six bool) object {
	n := object{"id": id, "link": link, "network_id": id}
	if g.one(3) {
		n["type"] = "ipv4_dhcp"
		if six {
			n["type"] = pick(g, "ipv6_dhcp", "ipv6_slaac", "ipv6_dhcpv6-stateless", "ipv6_dhcpv6-stateful")
		}
		return n
	}
	length := g.length(six)
	n["type"], n["ip_address"], n["netmask"] = "ipv4", g.ipv4(), net.IP(net.CIDRMask(length, 32)).String()
	if six {
		n["type"], n["ip_address"], n["netmask"] = "ipv6", g.ipv6(), net.IP(net.CIDRMask(length, 128)).String()
		if g.one(2) {
			n["ip_address"] = fmt.Sprintf("%s/%d", n["ip_address"], length)
			delete(n, "netmask")
		}
	}
	routes := []any{}
	if g.one(2) {
		routes = append(routes, object{
			"network": map[bool]string{false: "0.0.0.0", true: "::"}[six], "netmask": map[bool]string{false: "0.0.0.0", true: "::"}[six], "gateway": g.address(six),
		})
	}
	for range g.IntN(3) {
		to, bits := g.network(six)
		size := map[bool]int{false: 32, true: 128}[six]
		routes = append(routes, object{"network": to, "netmask": net.IP(net.CIDRMask(bits, size)).String(), "gateway": g.address(six)})
	}
	n["routes"] = routes
	if g.one(3) {
		var services []any
		for _, server := range distinct(g, 2, func() string { return g.address(six) }) {
			services = append(services, object{"type": "dns", "address": server})
		}
		n["services"] = services
	}
	return n
}
