package networkmanager

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"

	"cloudseed/network"
)

// tunnelModes are NetworkManager's numbers (NMIPTunnelMode) for the kernel's words.
var tunnelModes = map[string]string{
	"ipip": "1", "gre": "2", "sit": "3", "isatap": "4", "vti": "5", "ip6ip6": "6", "ipip6": "7", "ip6gre": "8", "vti6": "9",
	"gretap": "10", "ip6gretap": "11",
}

// keyedTunnels are those whose packets may have a key.
var keyedTunnels = map[string]bool{"gre": true, "gretap": true, "ip6gre": true, "ip6gretap": true, "vti": true, "vti6": true}

// kind returns NetworkManager's word for what a device is, "" when it has none.
func kind(d *network.Device) string {
	switch {
	case d.Tunnel == nil:
		return typeNames[d.Type]
	case d.Tunnel.VXLAN != nil:
		return "vxlan"
	case d.Tunnel.WireGuard != nil:
		return "wireguard"
	}
	return "ip-tunnel"
}

// unsayable returns why a device cannot be told to NetworkManager at all, "" when it can.
func unsayable(d *network.Device) string {
	switch {
	case kind(d) == "":
		return "a " + string(d.Type) + " cannot be told to NetworkManager"
	case kind(d) == "wireguard" && !isKey(d.Tunnel.WireGuard.PrivateKey.Reveal()):
		return "NetworkManager takes a private key of 32 bytes in base64 alone, and no file"
	case kind(d) == "ip-tunnel" && !d.Tunnel.Remote.IsValid():
		return "NetworkManager makes no tunnel without the address of its other end"
	case kind(d) == "wifi" && len(d.WiFi.AccessPoints) == 0:
		return "it has no access point that it may use"
	}
	return ""
}

// isKey reports whether a text is a key of WireGuard's.
func isKey(text string) bool {
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && len(key) == 32 && len(text) == 44
}

// tunnel writes a tunnel (nm-settings: ip-tunnel, vxlan, wireguard).
func (r *renderer) tunnel(k *keyfile, own *section, d *network.Device) {
	t := d.Tunnel
	switch {
	case t.WireGuard != nil:
		r.wireGuard(k, own, d)
		return
	case t.VXLAN != nil:
		r.vxlan(own, d)
	default:
		own.set("mode", tunnelModes[t.Mode])
	}
	for _, end := range []struct {
		key  string
		addr netip.Addr
	}{{"local", t.Local}, {"remote", t.Remote}} {
		if end.addr.IsValid() {
			own.set(end.key, end.addr.String())
		}
	}
	number(own, "ttl", t.TTL)
	for _, key := range []struct{ name, value string }{{"input-key", t.InputKey}, {"output-key", t.OutputKey}} {
		switch {
		case key.value == "":
		case !keyedTunnels[t.Mode]:
			d.At(&r.found).Warnf("a tunnel of mode %s has no keys; its %s was skipped", t.Mode, key.name)
		default:
			own.set(key.name, keyNumber(key.value))
		}
	}
}

// keyNumber returns the number of a key that is written as an IPv4 address, the only way
// in which NetworkManager does not take it.
func keyNumber(key string) string {
	addr, err := netip.ParseAddr(key)
	if err != nil || !addr.Is4() {
		return key
	}
	four := addr.As4()
	return decimal(int(binary.BigEndian.Uint32(four[:])))
}

func (r *renderer) vxlan(own *section, d *network.Device) {
	v := d.Tunnel.VXLAN
	own.set("id", decimal(v.ID))
	if v.Link != "" {
		own.set("parent", r.reference(v.Link))
	}
	number(own, "destination-port", v.Port)
	number(own, "source-port-min", v.PortRange[0])
	number(own, "source-port-max", v.PortRange[1])
	number(own, "ageing", v.Ageing)
	number(own, "limit", v.Limit)
	number(own, "tos", v.TypeOfService)
	truth(own, "learning", v.Learning)
	truth(own, "proxy", v.Proxy)
	truth(own, "rsc", v.ShortCircuit)
	for _, what := range v.Notifications {
		own.set(what, "true") // l2-miss, l3-miss
	}
	for _, no := range []struct {
		given bool
		what  string
	}{
		{v.FlowLabel > 0, "flow-label"},
		{len(v.Checksums) > 0, "checksums"},
		{len(v.Extensions) > 0, "extensions"},
		{v.DoNotFragment != nil && *v.DoNotFragment, "do-not-fragment"},
		{v.Suppress != nil && *v.Suppress, "neigh-suppress"},
	} {
		if no.given {
			d.At(&r.found).Warnf("NetworkManager cannot be told %s of a VXLAN; it was ignored", no.what)
		}
	}
}

// wireGuard writes the keys into the file itself, which root alone reads; NetworkManager
// would ask somebody for them otherwise. Each peer has its section.
func (r *renderer) wireGuard(k *keyfile, own *section, d *network.Device) {
	w := d.Tunnel.WireGuard
	own.set("private-key", w.PrivateKey.Reveal())
	number(own, "listen-port", w.Port)
	number(own, "fwmark", w.Mark)
	for i, peer := range w.Peers {
		switch {
		case !isKey(peer.PublicKey):
			d.At(&r.found).Warnf("the public key of peer %d is not 32 bytes in base64; the peer was skipped", i+1)
			continue
		case !peer.PresharedKey.IsEmpty() && !isKey(peer.PresharedKey.Reveal()):
			d.At(&r.found).Warnf("the key shared with peer %d is not 32 bytes in base64; the peer was skipped", i+1)
			continue
		case k.find("wireguard-peer."+peer.PublicKey) != nil:
			d.At(&r.found).Warnf("two peers have the same key; peer %d was skipped", i+1)
			continue
		}
		s := k.section("wireguard-peer." + peer.PublicKey)
		if peer.Endpoint != "" {
			s.set("endpoint", escape(peer.Endpoint))
		}
		if !peer.PresharedKey.IsEmpty() {
			s.set("preshared-key", peer.PresharedKey.Reveal())
			s.set("preshared-key-flags", "0") // it is here, and nobody is to be asked for it
		}
		number(s, "persistent-keepalive", peer.Keepalive)
		var networks strings.Builder
		for _, network := range peer.AllowedIPs {
			networks.WriteString(network.String() + ";")
		}
		if networks.Len() > 0 {
			s.set("allowed-ips", networks.String())
		}
	}
}

// noDHCP leaves out what asks for addresses on WireGuard, where nobody can answer:
// NetworkManager refuses the connection for it.
func (r *renderer) noDHCP(k *keyfile, d *network.Device) {
	if kind(d) != "wireguard" {
		return
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		own := k.find(family)
		switch {
		case own == nil || own.values["method"] != "auto" && own.values["method"] != "dhcp":
			continue
		case own.has("address1"):
			own.set("method", "manual")
		default:
			own.keys, own.values = nil, map[string]string{}
			own.set("method", "disabled")
		}
		d.At(&r.found).Warnf("WireGuard has no DHCP and no router; the %s from there was skipped", family)
	}
}

// tunnelLink writes a tunnel's MTU and MAC address, which only those that carry Ethernet
// have.
func (r *renderer) tunnelLink(k *keyfile, own *section, d *network.Device, mtu int) {
	t := d.Tunnel
	if t.VXLAN != nil && mtu > 0 {
		own = k.section("ethernet")
	}
	number(own, "mtu", mtu)
	switch {
	case d.MAC == "":
	case t.VXLAN != nil || t.Mode == "gretap" || t.Mode == "ip6gretap":
		k.section("ethernet").set("cloned-mac-address", strings.ToUpper(d.MAC))
	default:
		d.At(&r.found).Warnf("a tunnel of mode %s has no MAC address; it was ignored", t.Mode)
	}
}
