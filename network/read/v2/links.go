package v2

import (
	"math"
	"net/netip"
	"strconv"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
	"cloudseed/secret"
)

// bridgeNames are version 2's words for a bridge's options.
var bridgeNames = map[string]string{
	"stp": "stp", "priority": "priority", "ageing-time": "ageing", "aging-time": "ageing", "forward-delay": "forward", "hello-time": "hello",
	"max-age": "age", "path-cost": "cost", "port-priority": "port",
}

// vrf reads the table without which there is no VRF.
func vrf(c config.Cursor) *network.VRF {
	table, ok := values.Integer(c.Get("table"), 1, math.MaxUint32)
	if !ok {
		c.Errorf("a VRF without a table; it was skipped")
		return nil
	}
	return &network.VRF{Table: table, Members: members(c)}
}

// tunnelModes are netplan's.
var tunnelModes = []string{
	"gre", "gretap", "ipip", "sit", "vti", "isatap", "ip6gre", "ip6gretap", "ipip6", "ip6ip6", "vti6", "vxlan", "wireguard",
}

func tunnel(c config.Cursor) *network.Tunnel {
	t := &network.Tunnel{Mode: values.OneOf(c.Get("mode"), tunnelModes...)}
	if t.Mode == "" {
		c.Errorf("a tunnel without a mode; it was skipped")
		return nil
	}
	t.Local = values.Address(c.Get("local"))
	t.Remote = values.Address(c.Get("remote"))
	t.TTL, _ = values.Integer(c.Get("ttl"), 1, math.MaxUint8)
	switch t.Mode {
	case "wireguard":
		t.WireGuard = wireGuard(c)
	case "vxlan":
		if t.VXLAN = vxlan(c); t.VXLAN == nil {
			return nil
		}
	default:
		both := tunnelKey(c.Get("key"))
		keys := c.Get("keys")
		if keys.Kind() != config.Map {
			both = both + tunnelKey(keys)
		}
		t.InputKey, t.OutputKey = both, both
		if in := tunnelKey(keys.Get("input")); in != "" {
			t.InputKey = in
		}
		if out := tunnelKey(keys.Get("output")); out != "" {
			t.OutputKey = out
		}
	}
	return t
}

// tunnelKey returns a number, which may be written as an IPv4 address.
func tunnelKey(c config.Cursor) string {
	text := values.Text(c)
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		return addr.String()
	}
	if n, ok := values.Integer(c, 0, math.MaxUint32); ok {
		return strconv.Itoa(n)
	}
	return ""
}

func vxlan(c config.Cursor) *network.VXLAN {
	id, ok := values.Integer(c.Get("id"), 1, 1<<24-1)
	if !ok {
		c.Errorf("a VXLAN without an id; it was skipped")
		return nil
	}
	x := &network.VXLAN{ID: id}
	if names := values.Names(c.Get("link")); len(names) > 0 {
		x.Link = names[0]
	}
	x.Port, _ = values.Integer(c.Get("port"), 1, math.MaxUint16)
	if items := values.List(c.Get("port-range")); len(items) == 2 {
		for i := range x.PortRange {
			x.PortRange[i], _ = values.Integer(items[i], 1, math.MaxUint16)
		}
		if x.PortRange[0] == 0 || x.PortRange[1] == 0 {
			x.PortRange = [2]int{}
		}
	}
	for name, into := range map[string]*int{"ageing": &x.Ageing, "aging": &x.Ageing, "limit": &x.Limit, "type-of-service": &x.TypeOfService, "flow-label": &x.FlowLabel} {
		if n, ok := values.Integer(c.Get(name), 0, math.MaxUint32); ok {
			*into = n
		}
	}
	for name, into := range map[string]**bool{"mac-learning": &x.Learning, "arp-proxy": &x.Proxy, "short-circuit": &x.ShortCircuit, "do-not-fragment": &x.DoNotFragment, "neigh-suppress": &x.Suppress} {
		*into = values.Bool(c.Get(name))
	}
	x.Notifications = values.Lines(c.Get("notifications"))
	x.Checksums = values.Lines(c.Get("checksums"))
	x.Extensions = values.Lines(c.Get("extensions"))
	return x
}

func wireGuard(c config.Cursor) *network.WireGuard {
	w := &network.WireGuard{}
	private := c.Path("keys.private")
	if values.Absent(private) {
		private = c.Get("key")
	}
	w.PrivateKey = secret.New(values.Line(private))
	w.Port, _ = values.Integer(c.Get("port"), 1, math.MaxUint16)
	w.Mark, _ = values.Integer(c.Get("mark"), 1, math.MaxUint32)
	for _, item := range values.Maps(c.Get("peers")) {
		if p, ok := peer(item); ok {
			w.Peers = append(w.Peers, p)
		}
	}
	return w
}

func peer(c config.Cursor) (network.Peer, bool) {
	p := network.Peer{
		PublicKey:    values.Line(c.Path("keys.public")),
		PresharedKey: secret.New(values.Line(c.Path("keys.shared"))),
		Endpoint:     values.Line(c.Get("endpoint")),
	}
	if p.PublicKey == "" {
		c.Under(c.Path("keys.public")).Errorf("a peer without a public key; it was skipped")
		return p, false
	}
	p.Keepalive, _ = values.Integer(c.Get("keepalive"), 0, math.MaxUint16)
	for _, item := range values.List(c.Get("allowed-ips")) {
		text := values.Text(item)
		prefix, err := values.ParsePrefix(text, values.HostLength(text))
		if err != nil {
			item.Errorf("%v; it was skipped", err)
			continue
		}
		p.AllowedIPs = append(p.AllowedIPs, prefix)
	}
	values.UnknownKeys(c.Get("keys"), "public", "shared")
	values.UnknownKeys(c, "keys", "endpoint", "keepalive", "allowed-ips")
	return p, true
}

// wifi reads the networks that a wireless interface may join, by their names.
func wifi(c config.Cursor) *network.WiFi {
	w := &network.WiFi{}
	if !values.Absent(c) && c.Kind() != config.Map {
		c.Errorf("expected a mapping; it was skipped")
	}
	for _, entry := range c.Entries() {
		if len(entry.Key) == 0 || len(entry.Key) > longestSSID {
			c.AtKey(entry.Key).Errorf("expected the name of a network, of at most %d bytes; it was skipped", longestSSID)
			continue
		}
		if p, ok := accessPoint(entry.Key, entry.Value); ok {
			w.AccessPoints = append(w.AccessPoints, p)
		}
	}
	return w
}

const longestSSID = 32 // bytes; IEEE 802.11

func accessPoint(ssid string, c config.Cursor) (network.AccessPoint, bool) {
	auth, password := c.Get("auth"), c.Get("password")
	if values.Absent(password) {
		password = auth.Get("password")
	}
	p := network.AccessPoint{SSID: ssid, Password: secret.New(values.Line(password))}
	p.KeyManagement = values.OneOf(auth.Get("key-management"), "none", "psk", "sae")
	if p.KeyManagement == "" && !values.Absent(auth.Get("key-management")) {
		return p, false // reported: without what it needs it cannot be joined
	}
	p.Mode = values.OneOf(c.Get("mode"), "infrastructure", "ap", "adhoc")
	p.Band = values.OneOf(c.Get("band"), "2.4GHz", "5GHz")
	p.Channel, _ = values.Integer(c.Get("channel"), 1, math.MaxUint8)
	p.BSSID = values.MAC(c.Get("bssid"))
	p.Hidden = values.IsTrue(c.Get("hidden"))
	values.UnknownKeys(c, "auth", "password", "mode", "band", "channel", "bssid", "hidden")
	values.UnknownKeys(auth, "key-management", "password")
	return p, true
}

// bondNames are version 2's words for the kernel's options of bonds.
var bondNames = map[string]string{
	"mode":                    "mode",
	"mii-monitor-interval":    "miimon",
	"min-links":               "min_links",
	"transmit-hash-policy":    "xmit_hash_policy",
	"ad-select":               "ad_select",
	"all-slaves-active":       "all_slaves_active",
	"all-members-active":      "all_slaves_active",
	"arp-interval":            "arp_interval",
	"arp-ip-target":           "arp_ip_target",
	"arp-ip-targets":          "arp_ip_target", // Difference from cloud-init: netplan's own spelling fails there
	"arp-validate":            "arp_validate",
	"arp-all-targets":         "arp_all_targets",
	"up-delay":                "updelay",
	"down-delay":              "downdelay",
	"fail-over-mac-policy":    "fail_over_mac",
	"gratuitous-arp":          "num_grat_arp",
	"gratuitious-arp":         "num_grat_arp", // so misspelt by netplan once
	"packets-per-slave":       "packets_per_slave",
	"packets-per-member":      "packets_per_slave",
	"primary":                 "primary",
	"primary-reselect-policy": "primary_reselect",
	"learn-packet-interval":   "lp_interval",
	"resend-igmp":             "resend_igmp",
	"lacp-rate":               "lacp_rate",
}

// bondName returns the kernel's word for an option. Netplan's renderer writes those that
// version 2 has no word for as version 1 has them.
func bondName(name string) (string, bool) {
	if kernel, ok := bondNames[name]; ok {
		return kernel, true
	}
	return values.BondName(name)
}
