package random

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// V2 makes a configuration of version 2.
func V2(r *rand.Rand) []byte {
	g := gen{r}
	names := g.shuffled()
	ethernets := object{}
	take := func(plain bool) string {
		name := names[0]
		names = names[1:]
		if plain {
			ethernets[name] = object{}
			return name
		}
		key, d := g.ethernet2(name)
		ethernets[key] = d
		return key
	}
	top := []string{}
	for range 1 + g.IntN(2) {
		top = append(top, take(false))
	}
	config := object{"version": 2, "ethernets": ethernets}
	if g.one(6) {
		config["renderer"] = pick(g, "NetworkManager", "networkd")
	}
	if g.one(4) {
		members := []string{take(true), take(true)}
		config["bonds"] = object{"bond0": g.device2(object{"interfaces": members, "parameters": g.bondOptions2(members[0])})}
		top = append(top, "bond0")
	}
	if g.one(4) && len(names) > 0 {
		config["bridges"] = object{"br0": g.device2(object{"interfaces": []string{take(true)}, "parameters": g.bridgeOptions2()})}
		top = append(top, "br0")
	}
	if g.one(4) {
		link, id := pick(g, top...), 1+g.IntN(4094)
		config["vlans"] = object{fmt.Sprintf("vlan%d", id): g.device2(object{"id": id, "link": link})}
	}
	if g.one(3) {
		return text(object{"network": config})
	}
	return text(config)
}

// ethernet2 is an interface of the machine: by its name, or by its address, under a key
// of its own or its name, with a new name or none.
func (g gen) ethernet2(name string) (key string, d object) {
	key, d = name, object{}
	if g.one(2) {
		match := object{"macaddress": g.mac(name)}
		d["match"] = match
		if g.one(2) {
			d["set-name"] = pick(g, name, "lan"+name)
		}
		if g.one(6) {
			match["driver"] = "virtio_net"
		}
		key = pick(g, name, "id-"+name)
	}
	if g.one(8) {
		d["wakeonlan"] = g.one(2)
	}
	return key, g.device2(d)
}

func (g gen) device2(d object) object {
	for _, dhcp := range []string{"dhcp4", "dhcp6"} {
		if g.one(3) {
			d[dhcp] = !g.one(4)
			if d[dhcp] == true && g.one(4) {
				d[dhcp+"-overrides"] = object{"route-metric": 1 + g.IntN(1000)}
			}
		}
	}
	if g.one(2) {
		d["addresses"] = distinct(g, 3, func() string {
			six := g.one(3)
			return fmt.Sprintf("%s/%d", g.address(six), g.length(six))
		})
		if g.one(5) {
			d["gateway4"] = g.ipv4()
		}
		if g.one(6) {
			d["gateway6"] = g.ipv6()
		}
	}
	if g.one(5) {
		d["mtu"] = g.mtu()
	}
	if g.one(10) {
		d["optional"] = g.one(2)
	}
	if g.one(10) && d["interfaces"] == nil && d["link"] == nil || g.one(100) {
		d["accept-ra"] = g.one(2)
	}
	if _, ok := d["interfaces"]; ok && g.one(4) {
		d["macaddress"] = g.otherMAC()
	}
	if g.one(3) {
		servers := object{"addresses": distinct(g, 3, func() string { return g.address(g.one(3)) })}
		if g.one(2) {
			servers["search"] = distinct(g, 3, g.domain)
		}
		d["nameservers"] = servers
	}
	if g.one(4) {
		var routes []any
		for range 1 + g.IntN(3) {
			routes = append(routes, g.route2(g.routedFamily(d)))
		}
		d["routes"] = routes
	}
	return d
}

// routedFamily is one that the device has addresses of, and now and then the other.
func (g gen) routedFamily(d object) (six bool) {
	addresses, _ := d["addresses"].([]string)
	has := map[bool]bool{false: d["dhcp4"] == true, true: d["dhcp6"] == true}
	for _, address := range addresses {
		has[strings.Contains(address, ":")] = true
	}
	if has[true] == has[false] || g.one(16) {
		return g.one(3)
	}
	return has[true]
}

func (g gen) route2(six bool) object {
	to, length := g.network(six)
	r := object{"to": fmt.Sprintf("%s/%d", to, length), "via": g.address(six)}
	if g.one(4) {
		r["to"] = pick(g, "default", map[bool]string{false: "0.0.0.0/0", true: "::/0"}[six])
	}
	if g.one(3) {
		r["metric"] = g.IntN(1000)
	}
	if g.one(8) {
		r["mtu"] = g.mtu()
	}
	if g.one(16) {
		r["table"] = 100 + g.IntN(100)
	}
	if g.one(16) {
		r["on-link"] = true
	}
	return r
}

func (g gen) bondOptions2(primary string) object {
	mode := pick(g, "active-backup", "802.3ad", "balance-rr", "balance-xor")
	options := object{"mode": mode}
	if g.one(2) {
		options["mii-monitor-interval"] = 100
	}
	switch {
	case mode == "active-backup" && g.one(2):
		options["primary"] = primary
	case mode == "802.3ad":
		if g.one(2) {
			options["lacp-rate"] = pick(g, "fast", "slow")
		}
		if g.one(2) {
			options["transmit-hash-policy"] = pick(g, "layer2", "layer3+4")
		}
	}
	for _, name := range []string{"up-delay", "down-delay", "min-links", "gratuitous-arp", "packets-per-slave", "learn-packet-interval"} {
		if g.one(6) {
			options[name] = g.IntN(5)
		}
	}
	return options
}

func (g gen) bridgeOptions2() object {
	options := object{}
	if g.one(2) {
		options["stp"] = g.one(2)
	}
	if g.one(3) {
		options["priority"] = g.IntN(65536)
	}
	for _, name := range []string{"ageing-time", "forward-delay", "hello-time", "max-age"} {
		if g.one(4) {
			options[name] = 1 + g.IntN(40)
		}
	}
	return options
}
