package networkmanager

import (
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// typeOf is NetworkManager's word for a device's kind, "" when it has none: it leaves
// loopback alone.
//
// Difference from cloud-init: it knows the first five.
func typeOf(d *network.Device) string {
	switch d.Type {
	case network.Physical:
		return "ethernet"
	case network.VLANType:
		return "vlan"
	case network.BondType:
		return "bond"
	case network.BridgeType:
		return "bridge"
	case network.Infiniband:
		return "infiniband"
	case network.VRFType:
		return "vrf"
	case network.DummyType:
		return "dummy"
	case network.WiFiType:
		return "wifi"
	case network.TunnelType:
		switch {
		case d.Tunnel.VXLAN != nil:
			return "vxlan"
		case d.Tunnel.WireGuard != nil:
			return "wireguard"
		case tunnelModes[d.Tunnel.Mode] != 0:
			return "ip-tunnel"
		}
	}
	return ""
}

// tunnelModes are NetworkManager's numbers of kinds of tunnels (nm-settings, ip-tunnel).
var tunnelModes = map[string]int{
	"ipip": 1, "gre": 2, "sit": 3, "isatap": 4, "vti": 5, "ip6ip6": 6, "ipip6": 7, "ip6gre": 8, "vti6": 9, "gretap": 10, "ip6gretap": 11,
}

// kind writes what only devices of one kind have.
func (r *renderer) kind(k *keyfile, own *section, d *network.Device) {
	switch {
	case d.Bond != nil:
		r.bond(own, d)
	case d.Bridge != nil:
		r.bridge(own, d)
	case d.VLAN != nil:
		own.set("id", fmt.Sprint(d.VLAN.ID))
		own.set("parent", r.reference(d.VLAN.Link))
	case d.VRF != nil:
		own.set("table", fmt.Sprint(d.VRF.Table))
	case d.WiFi != nil:
		r.wifi(k, d, d.WiFi.AccessPoints[0])
	case d.Tunnel == nil:
	case d.Tunnel.VXLAN != nil:
		r.vxlan(own, d.Tunnel)
	case d.Tunnel.WireGuard != nil:
		r.wireGuard(k, own, d)
	default:
		r.tunnel(own, d)
	}
}

func (r *renderer) tunnel(own *section, d *network.Device) {
	t := d.Tunnel
	own.set("mode", fmt.Sprint(tunnelModes[t.Mode]))
	ends(own, t)
	if t.TTL > 0 {
		own.set("ttl", fmt.Sprint(t.TTL))
	}
	for _, key := range []struct{ name, value string }{{"input-key", t.InputKey}, {"output-key", t.OutputKey}} {
		switch {
		case key.value == "":
		case !strings.Contains(t.Mode, "gre"):
			r.problem(config.Warning, d, "NetworkManager gives keys to gre tunnels only; the %s was ignored", key.name)
		default:
			own.set(key.name, key.value)
		}
	}
}

func ends(own *section, t *network.Tunnel) {
	if t.Local.IsValid() {
		own.set("local", t.Local.String())
	}
	if t.Remote.IsValid() {
		own.set("remote", t.Remote.String())
	}
}

func (r *renderer) vxlan(own *section, t *network.Tunnel) {
	v := t.VXLAN
	own.set("id", fmt.Sprint(v.ID))
	if v.Link != "" {
		own.set("parent", r.reference(v.Link))
	}
	ends(own, t)
	for _, number := range []struct {
		key   string
		value int
	}{
		{"destination-port", v.Port},
		{"source-port-min", v.PortRange[0]},
		{"source-port-max", v.PortRange[1]},
		{"ttl", t.TTL},
		{"tos", v.TypeOfService},
		{"ageing", v.Ageing},
		{"limit", v.Limit},
	} {
		if number.value != 0 {
			own.set(number.key, fmt.Sprint(number.value))
		}
	}
	for _, flag := range []struct {
		key   string
		value *bool
	}{{"learning", v.Learning}, {"proxy", v.Proxy}, {"rsc", v.ShortCircuit}} {
		if flag.value != nil {
			own.set(flag.key, fmt.Sprint(*flag.value))
		}
	}
	for _, miss := range v.Notifications {
		own.set(miss, "true") // l2-miss and l3-miss
	}
}

// wireGuard writes the private key and the peers, each in a section named by its key.
func (r *renderer) wireGuard(k *keyfile, own *section, d *network.Device) {
	w := d.Tunnel.WireGuard
	if strings.HasPrefix(w.PrivateKey.Reveal(), "/") {
		r.problem(config.Error, d, "NetworkManager takes the private key itself, not the name of a file with it; the tunnel has none")
	} else {
		own.set("private-key", w.PrivateKey.Reveal())
	}
	if w.Port > 0 {
		own.set("listen-port", fmt.Sprint(w.Port))
	}
	if w.Mark > 0 {
		own.set("fwmark", fmt.Sprint(w.Mark))
	}
	for _, p := range w.Peers {
		peer := k.section("wireguard-peer." + p.PublicKey)
		if p.Endpoint != "" {
			peer.set("endpoint", p.Endpoint)
		}
		if key := p.PresharedKey.Reveal(); key != "" {
			peer.set("preshared-key", key)
			peer.set("preshared-key-flags", "0")
		}
		if p.Keepalive > 0 {
			peer.set("persistent-keepalive", fmt.Sprint(p.Keepalive))
		}
		var allowed strings.Builder
		for _, prefix := range p.AllowedIPs {
			allowed.WriteString(prefix.String() + ";")
		}
		if allowed.Len() > 0 {
			peer.set("allowed-ips", allowed.String())
		}
	}
}

// vrfsOf tells of each device the VRF that it belongs to.
func vrfsOf(c *network.Config) map[string]string {
	vrfs := map[string]string{}
	for _, d := range c.Devices {
		if d.VRF != nil {
			for _, member := range d.VRF.Members {
				vrfs[member] = d.Name
			}
		}
	}
	return vrfs
}
