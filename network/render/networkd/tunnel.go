package networkd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloudseed/network"
	"cloudseed/secret"
)

// tunnelKinds are networkd's words for modes of tunnels that it calls otherwise than
// netplan and the kernel do. isatap is a way of using sit.
var tunnelKinds = map[string]string{"ipip6": "ip6tnl", "ip6ip6": "ip6tnl", "isatap": "sit"}

// tunnel writes a tunnel. It is on no interface, unless a VXLAN names one.
func (r *renderer) tunnel(u *unit, d *network.Device) {
	t := d.Tunnel
	kind := tunnelKinds[t.Mode]
	if kind == "" {
		kind = t.Mode
	}
	u.add("NetDev", "Kind", kind)
	switch {
	case t.WireGuard != nil:
		wireGuard(u, t.WireGuard)
		return
	case t.VXLAN != nil:
		endpoints(u, "VXLAN", t)
		vxlan(u, t.VXLAN)
		return
	}
	u.add("Tunnel", "Independent", "yes")
	endpoints(u, "Tunnel", t)
	switch {
	case t.InputKey != "" && t.InputKey == t.OutputKey:
		u.add("Tunnel", "Key", t.InputKey)
	default:
		add(u, "Tunnel", "InputKey", t.InputKey)
		add(u, "Tunnel", "OutputKey", t.OutputKey)
	}
	switch {
	case kind == "ip6tnl":
		u.add("Tunnel", "Mode", t.Mode)
	case t.Mode == "isatap":
		u.add("Tunnel", "ISATAP", "yes")
	}
}

func endpoints(u *unit, name string, t *network.Tunnel) {
	for _, end := range []struct {
		key  string
		addr netip.Addr
	}{{"Local", t.Local}, {"Remote", t.Remote}} {
		if end.addr.IsValid() {
			u.add(name, end.key, end.addr.String())
		}
	}
	number(u, name, "TTL", t.TTL)
}

// add writes what is given.
func add(u *unit, name, key, value string) {
	if value != "" {
		u.add(name, key, value)
	}
}

func number(u *unit, name, key string, value int) {
	if value > 0 {
		u.add(name, key, fmt.Sprint(value))
	}
}

func truth(u *unit, key string, value *bool) {
	if value != nil {
		u.add("VXLAN", key, yesNo(*value))
	}
}

// vxlanWords are networkd's words for what netplan lists.
var vxlanWords = []struct {
	list       func(*network.VXLAN) []string
	word, name string
}{
	{notifications, "l2-miss", "L2MissNotification"},
	{notifications, "l3-miss", "L3MissNotification"},
	{checksums, "udp", "UDPChecksum"},
	{checksums, "zero-udp6-tx", "UDP6ZeroChecksumTx"},
	{checksums, "zero-udp6-rx", "UDP6ZeroChecksumRx"},
	{checksums, "remote-tx", "RemoteChecksumTx"},
	{checksums, "remote-rx", "RemoteChecksumRx"},
	{extensions, "group-policy", "GroupPolicyExtension"},
	{extensions, "generic-protocol", "GenericProtocolExtension"},
}

func notifications(v *network.VXLAN) []string { return v.Notifications }
func checksums(v *network.VXLAN) []string     { return v.Checksums }
func extensions(v *network.VXLAN) []string    { return v.Extensions }

func vxlan(u *unit, v *network.VXLAN) {
	const own = "VXLAN"
	u.add(own, "VNI", fmt.Sprint(v.ID))
	if v.Link == "" {
		u.add(own, "Independent", "yes")
	}
	number(u, own, "DestinationPort", v.Port)
	if v.PortRange != [2]int{} {
		u.add(own, "PortRange", fmt.Sprintf("%d-%d", v.PortRange[0], v.PortRange[1]))
	}
	number(u, own, "FDBAgeingSec", v.Ageing)
	number(u, own, "MaximumFDBEntries", v.Limit)
	number(u, own, "TOS", v.TypeOfService)
	number(u, own, "FlowLabel", v.FlowLabel)
	truth(u, "MacLearning", v.Learning)
	truth(u, "ReduceARPProxy", v.Proxy)
	truth(u, "RouteShortCircuit", v.ShortCircuit)
	truth(u, "IPDoNotFragment", v.DoNotFragment)
	for _, w := range vxlanWords {
		if slices.Contains(w.list(v), w.word) {
			u.add(own, w.name, "yes")
		}
	}
}

// wireGuard writes an encrypted tunnel and its peers.
func wireGuard(u *unit, w *network.WireGuard) {
	const own = "WireGuard"
	key(u.section(own, ""), "PrivateKey", w.PrivateKey)
	number(u, own, "ListenPort", w.Port)
	number(u, own, "FirewallMark", w.Mark)
	for i, peer := range w.Peers {
		s := u.section("WireGuardPeer", fmt.Sprintf("%06d", i))
		s.add("PublicKey", peer.PublicKey)
		key(s, "PresharedKey", peer.PresharedKey)
		if peer.Endpoint != "" {
			s.add("Endpoint", peer.Endpoint)
		}
		if len(peer.AllowedIPs) > 0 {
			var networks []string
			for _, network := range peer.AllowedIPs {
				networks = append(networks, network.String())
			}
			s.add("AllowedIPs", strings.Join(networks, ","))
		}
		if peer.Keepalive > 0 {
			s.add("PersistentKeepalive", fmt.Sprint(peer.Keepalive))
		}
	}
}

// key writes a key, or the file that it is in. A key, in base64, may start like a path.
func key(s *section, name string, k secret.String) {
	const length = 44
	switch text := k.Reveal(); {
	case text == "":
	case strings.HasPrefix(text, "/") && (len(text) != length || !strings.HasSuffix(text, "=")):
		s.add(name+"File", text)
	default:
		s.add(name, text)
	}
}
