package networktest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// OpenStack makes a network_data.json.
func OpenStack(r *rand.Rand, o Options) (text string, nics []NIC) {
	g := newGenerator(r, o)
	links, networks, services := []any{}, []any{}, []any{} // null is not what a list may be
	var ids []string                                       // of what may have addresses
	for range 1 + g.IntN(len(g.nics)) {
		members := g.take(1 + g.IntN(2))
		if len(members) == 0 {
			break
		}
		bonded := g.chance(30)
		var of []any
		for _, nic := range members {
			id := fmt.Sprintf("tap%08x-%02x", g.Uint32(), len(links))
			links = append(links, map[string]any{
				"id": id, "vif_id": id, "mtu": one[any](g, nil, 1450, 1500, 9000), "ethernet_mac_address": g.spelling(nic.MAC),
				"type": one(g, "ovs", "bridge", "phy", "vif", "tap", "hw_veb", "vhostuser", "ethernet"),
			})
			of = append(of, id)
			if !bonded {
				ids = append(ids, id)
			}
		}
		if bonded {
			id := fmt.Sprintf("bond-link-%d", len(links))
			links = append(links, map[string]any{
				"id": id, "type": "bond", "bond_links": of, "ethernet_mac_address": members[0].MAC,
				"bond_mode": one(g, "802.3ad", "active-backup"), "bond_miimon": 100,
			})
			ids = append(ids, id)
		}
	}
	under := len(ids) // how many a VLAN may be part of
	for i := range g.IntN(3) {
		id := fmt.Sprintf("vlan-link-%d", i)
		if !o.CloudInit {
			under = len(ids)
		}
		links = append(links, map[string]any{
			"id": id, "type": "vlan", "vlan_link": one(g, ids[:under]...), "vlan_id": 1 + i*100 + g.IntN(100), "vlan_mac_address": g.ownMAC(),
		})
		ids = append(ids, id)
	}
	for _, id := range ids {
		g.v4, g.v6 = false, false
		for range g.IntN(3) {
			networks = append(networks, g.openStackNetwork(id, len(networks)))
		}
	}
	for range g.IntN(3) {
		services = append(services, map[string]any{"type": "dns", "address": g.servers(g.chance(20))[0]})
	}
	data, err := json.MarshalIndent(map[string]any{"links": links, "networks": networks, "services": services}, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and numbers alone
	}
	return string(data), g.nics
}

func (g *generator) openStackNetwork(link string, number int) map[string]any {
	kind := one(g, "ipv4", "ipv4", "ipv4", "ipv4_dhcp", "ipv6", "ipv6_dhcp", "ipv6_slaac", "ipv6_dhcpv6-stateless", "ipv6_dhcpv6-stateful")
	out := map[string]any{"id": fmt.Sprintf("network%d", number), "link": link, "type": kind, "network_id": fmt.Sprintf("%08x", g.Uint32())}
	if kind != "ipv4" && kind != "ipv6" {
		return out
	}
	n := g.network(kind == "ipv6")
	out["ip_address"], out["netmask"] = n.host(2+g.IntN(200)), n.netmask
	routes := []any{}
	if g.newDefault(n.v6, 60) {
		any4 := "0.0.0.0"
		if n.v6 {
			any4 = "::"
		}
		routes = append(routes, map[string]any{"network": any4, "netmask": any4, "gateway": n.gateway()})
	}
	if g.chance(40) {
		to := g.network(n.v6)
		route := map[string]any{"network": to.host(0), "netmask": to.netmask, "gateway": n.gateway()}
		if g.chance(40) {
			route["services"] = []any{map[string]any{"type": "dns", "address": g.servers(n.v6)[0]}}
		}
		routes = append(routes, route)
	}
	out["routes"] = routes
	if g.chance(30) {
		out["services"] = []any{map[string]any{"type": "dns", "address": g.servers(n.v6)[0]}}
	}
	return out
}
