package networktest

import "fmt"

// settings2 adds netplan's settings that cloud-init does not know.
func (g *generator) settings2(d *object) {
	for _, setting := range []config2{
		{"ipv6-mtu", 1280},
		{"link-local", one(g, []any{}, []any{"ipv4"}, []any{"ipv4", "ipv6"})},
		{"dhcp-identifier", one(g, "mac", "duid")},
		{"ipv6-privacy", g.chance(50)},
		{"ipv6-address-generation", one(g, "eui64", "stable-privacy")},
		{"activation-mode", one(g, "manual", "off")},
		{"critical", true},
		{"ignore-carrier", true},
		{"routing-policy", []any{object{{Key: "from", Value: "10.9.0.0/16"}, {Key: "table", Value: 70}, {Key: "priority", Value: g.IntN(100)}}}},
	} {
		if g.chance(6) {
			set(d, setting.key, setting.value)
		}
	}
}

type config2 struct {
	key   string
	value any
}

// more2 adds the kinds of devices that cloud-init does not know.
func (g *generator) more2(sections map[string]*object, links []string) {
	if g.chance(30) {
		d := object{}
		g.device2(&d)
		set(sections["dummy-devices"], "dummy0", d)
	}
	if len(links) > 0 && g.chance(30) {
		d := object{{Key: "table", Value: 1000 + g.IntN(100)}, {Key: "interfaces", Value: []any{one(g, links...)}}}
		set(sections["vrfs"], "vrf0", d)
	}
	for i, mode := range []string{"gre", "sit", "ip6gre", "gretap", "vti", "ipip"} {
		if !g.chance(10) {
			continue
		}
		v6 := mode == "ip6gre"
		d := object{{Key: "mode", Value: mode}, {Key: "local", Value: g.network(v6).host(1)}, {Key: "remote", Value: g.network(v6).host(2)}}
		if mode != "sit" && mode != "ipip" {
			set(&d, "key", 1+g.IntN(1000))
		}
		if g.chance(30) {
			set(&d, "ttl", 1+g.IntN(255))
		}
		g.device2(&d)
		set(sections["tunnels"], fmt.Sprintf("tun%d", i), d)
	}
	if g.chance(20) {
		d := object{{Key: "mode", Value: "vxlan"}, {Key: "id", Value: 1 + g.IntN(1<<24-1)}, {Key: "port", Value: 4789}, {Key: "mac-learning", Value: g.chance(50)}}
		if len(links) > 0 && g.chance(50) {
			set(&d, "link", one(g, links...))
		}
		g.device2(&d)
		set(sections["tunnels"], "vxlan0", d)
	}
	if g.chance(20) {
		set(sections["tunnels"], "wg0", g.wireGuard())
	}
	if g.chance(20) {
		d := object{{Key: "access-points", Value: object{
			{Key: "a network: with blanks", Value: object{{Key: "password", Value: "s3cret: #phrase"}, {Key: "hidden", Value: true}}},
			{Key: "12345", Value: object{{Key: "mode", Value: one(g, "ap", "adhoc", "infrastructure")}, {Key: "band", Value: "5GHz"}}},
		}}}
		g.device2(&d)
		set(sections["wifis"], "wlan0", d)
	}
}

func (g *generator) wireGuard() object {
	d := object{
		{Key: "mode", Value: "wireguard"},
		{Key: "port", Value: 51820},
		{Key: "key", Value: "4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8="},
		{Key: "peers", Value: []any{object{
			{Key: "endpoint", Value: one(g, "vpn.example.com:51820", "[2001:db8::1]:51820")},
			{Key: "allowed-ips", Value: []any{"10.0.0.0/8", "2001:db8::/32"}},
			{Key: "keepalive", Value: 23},
			{Key: "keys", Value: object{{Key: "public", Value: "M9nt4YujIOmNrRmpIRTmYSfMdrpvE7u6WkG8FY8WjG4="}, {Key: "shared", Value: "7voRZ/ojfXgfPOlswo3Lpma1RJq7qijIEEUEMShQFV8="}}},
		}}},
	}
	g.device2(&d)
	return d
}
