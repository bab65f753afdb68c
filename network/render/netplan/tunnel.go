package netplan

import "cloudseed/network"

// tunnel writes a tunnel's ends and what its mode has of its own.
func (w *writer) tunnel(o *object, t *network.Tunnel) {
	o.set("mode", t.Mode)
	o.add("local", t.Local)
	o.add("remote", t.Remote)
	o.add("ttl", t.TTL)
	if t.InputKey == t.OutputKey {
		o.add("key", t.InputKey)
	} else {
		var keys object
		keys.add("input", t.InputKey)
		keys.add("output", t.OutputKey)
		o.add("keys", keys)
	}
	switch {
	case t.WireGuard != nil:
		w.wireGuard(o, t.WireGuard)
	case t.VXLAN != nil:
		w.vxlan(o, t.VXLAN)
	}
}

func (w *writer) vxlan(o *object, x *network.VXLAN) {
	o.set("id", x.ID)
	if x.Link != "" {
		o.set("link", w.reference(x.Link))
	}
	o.add("port", x.Port)
	if x.PortRange != [2]int{} {
		o.set("port-range", []any{x.PortRange[0], x.PortRange[1]})
	}
	o.add("ageing", x.Ageing)
	o.add("limit", x.Limit)
	o.add("type-of-service", x.TypeOfService)
	o.add("flow-label", x.FlowLabel)
	o.add("mac-learning", x.Learning)
	o.add("arp-proxy", x.Proxy)
	o.add("short-circuit", x.ShortCircuit)
	o.add("do-not-fragment", x.DoNotFragment)
	o.add("neigh-suppress", x.Suppress)
	o.add("notifications", list(x.Notifications, asIs))
	o.add("checksums", list(x.Checksums, asIs))
	o.add("extensions", list(x.Extensions, asIs))
}

func (w *writer) wireGuard(o *object, g *network.WireGuard) {
	var keys object
	keys.add("private", w.secret(g.PrivateKey))
	o.add("keys", keys)
	o.add("port", g.Port)
	o.add("mark", g.Mark)
	o.add("peers", list(g.Peers, w.peer))
}

func (w *writer) peer(p network.Peer) any {
	var o, keys object
	keys.add("public", p.PublicKey)
	keys.add("shared", w.secret(p.PresharedKey))
	o.set("keys", keys)
	o.add("endpoint", p.Endpoint)
	o.add("allowed-ips", list(p.AllowedIPs, asText))
	o.add("keepalive", p.Keepalive)
	return o.value()
}

func (w *writer) accessPoints(f *network.WiFi) object {
	var all object
	for _, p := range f.AccessPoints {
		var o, auth object
		o.add("password", w.secret(p.Password))
		auth.add("key-management", p.KeyManagement)
		o.add("auth", auth)
		o.add("mode", p.Mode)
		o.add("band", p.Band)
		o.add("channel", p.Channel)
		o.add("bssid", p.BSSID)
		o.add("hidden", p.Hidden)
		all.set(p.SSID, o)
	}
	return all
}
