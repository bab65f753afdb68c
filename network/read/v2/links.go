package network

import (
	"math"
	"net/netip"
	"strconv"

	"cloudseed/config"
	"cloudseed/secret"
)

// bridgeNames2 are version 2's words for what bridgeOptions reads.
var bridgeNames2 = map[string]string{
	"stp": "stp", "priority": "priority", "ageing-time": "ageing", "aging-time": "ageing", "forward-delay": "forward", "hello-time": "hello",
	"max-age": "age", "path-cost": "cost", "port-priority": "port",
}

// vrf reads the table without which there is no VRF.
func (r *reader) vrf(v *config.Value, key string) *VRF {
	table, ok := r.integer(v.Get("table"), key+".table", 1, math.MaxUint32)
	if !ok {
		r.error(v, key, "a VRF without a table; it was skipped")
		return nil
	}
	return &VRF{Table: table, Members: r.members2(v, key)}
}

// tunnelModes are netplan's.
var tunnelModes = []string{
	"gre", "gretap", "ipip", "sit", "vti", "isatap", "ip6gre", "ip6gretap", "ipip6", "ip6ip6", "vti6", "vxlan", "wireguard",
}

func (r *reader) tunnel(v *config.Value, key string) *Tunnel {
	t := &Tunnel{Mode: r.oneOf(v.Get("mode"), key+".mode", tunnelModes...)}
	if t.Mode == "" {
		r.error(v, key, "a tunnel without a mode; it was skipped")
		return nil
	}
	t.Local = r.address(v.Get("local"), key+".local")
	t.Remote = r.address(v.Get("remote"), key+".remote")
	t.TTL, _ = r.integer(v.Get("ttl"), key+".ttl", 1, math.MaxUint8)
	switch t.Mode {
	case "wireguard":
		t.WireGuard = r.wireGuard(v, key)
	case "vxlan":
		if t.VXLAN = r.vxlan(v, key); t.VXLAN == nil {
			return nil
		}
	default:
		both := r.tunnelKey(v.Get("key"), key+".key")
		keys := v.Get("keys")
		if keys.Kind() != config.Map {
			both = both + r.tunnelKey(keys, key+".keys")
		}
		t.InputKey, t.OutputKey = both, both
		if in := r.tunnelKey(keys.Get("input"), key+".keys.input"); in != "" {
			t.InputKey = in
		}
		if out := r.tunnelKey(keys.Get("output"), key+".keys.output"); out != "" {
			t.OutputKey = out
		}
	}
	return t
}

// tunnelKey is a number, which may be written as an IPv4 address.
func (r *reader) tunnelKey(v *config.Value, key string) string {
	text := r.text(v, key)
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		return addr.String()
	}
	if n, ok := r.integer(v, key, 0, math.MaxUint32); ok {
		return strconv.Itoa(n)
	}
	return ""
}

func (r *reader) vxlan(v *config.Value, key string) *VXLAN {
	id, ok := r.integer(v.Get("id"), key+".id", 1, 1<<24-1)
	if !ok {
		r.error(v, key, "a VXLAN without an id; it was skipped")
		return nil
	}
	x := &VXLAN{ID: id}
	if names := r.names(v.Get("link"), key+".link"); len(names) > 0 {
		x.Link = names[0]
	}
	x.Port, _ = r.integer(v.Get("port"), key+".port", 1, math.MaxUint16)
	if items := r.list(v.Get("port-range"), key+".port-range"); len(items) == 2 {
		for i := range x.PortRange {
			x.PortRange[i], _ = r.integer(items[i], key+".port-range", 1, math.MaxUint16)
		}
		if x.PortRange[0] == 0 || x.PortRange[1] == 0 {
			x.PortRange = [2]int{}
		}
	}
	for name, into := range map[string]*int{"ageing": &x.Ageing, "aging": &x.Ageing, "limit": &x.Limit, "type-of-service": &x.TypeOfService, "flow-label": &x.FlowLabel} {
		if n, ok := r.integer(v.Get(name), key+"."+name, 0, math.MaxUint32); ok {
			*into = n
		}
	}
	for name, into := range map[string]**bool{"mac-learning": &x.Learning, "arp-proxy": &x.Proxy, "short-circuit": &x.ShortCircuit, "do-not-fragment": &x.DoNotFragment, "neigh-suppress": &x.Suppress} {
		*into = r.boolean(v.Get(name), key+"."+name)
	}
	x.Notifications = r.words(v.Get("notifications"), key+".notifications")
	x.Checksums = r.words(v.Get("checksums"), key+".checksums")
	x.Extensions = r.words(v.Get("extensions"), key+".extensions")
	return x
}

func (r *reader) words(v *config.Value, key string) []string {
	var words []string
	for _, item := range r.list(v, key) {
		if text := r.line(item, key); text != "" {
			words = append(words, text)
		}
	}
	return words
}

func (r *reader) wireGuard(v *config.Value, key string) *WireGuard {
	w := &WireGuard{}
	private, at := v.Get("keys").Get("private"), key+".keys.private"
	if absent(private) {
		private, at = v.Get("key"), key+".key"
	}
	w.PrivateKey = secret.New(r.line(private, at))
	w.Port, _ = r.integer(v.Get("port"), key+".port", 1, math.MaxUint16)
	w.Mark, _ = r.integer(v.Get("mark"), key+".mark", 1, math.MaxUint32)
	peers, keys := r.maps(v.Get("peers"), key+".peers")
	for i, peer := range peers {
		if p, ok := r.peer(peer, keys[i]); ok {
			w.Peers = append(w.Peers, p)
		}
	}
	return w
}

func (r *reader) peer(v *config.Value, key string) (Peer, bool) {
	p := Peer{
		PublicKey:    r.line(v.Get("keys").Get("public"), key+".keys.public"),
		PresharedKey: secret.New(r.line(v.Get("keys").Get("shared"), key+".keys.shared")),
		Endpoint:     r.line(v.Get("endpoint"), key+".endpoint"),
	}
	if p.PublicKey == "" {
		r.error(v, key+".keys.public", "a peer without a public key; it was skipped")
		return p, false
	}
	p.Keepalive, _ = r.integer(v.Get("keepalive"), key+".keepalive", 0, math.MaxUint16)
	for _, item := range r.list(v.Get("allowed-ips"), key+".allowed-ips") {
		text := r.text(item, key+".allowed-ips")
		prefix, err := parsePrefix(text, hostLength(text))
		if err != nil {
			r.error(item, key+".allowed-ips", "%v; it was skipped", err)
			continue
		}
		p.AllowedIPs = append(p.AllowedIPs, prefix)
	}
	r.unknownKeys(v.Get("keys"), key+".keys", "public", "shared")
	r.unknownKeys(v, key, "keys", "endpoint", "keepalive", "allowed-ips")
	return p, true
}

// wifi reads the networks that a wireless interface may join, by their names.
func (r *reader) wifi(v *config.Value, key string) *WiFi {
	w := &WiFi{}
	if !absent(v) && v.Kind() != config.Map {
		r.error(v, key, "expected a mapping; it was skipped")
	}
	for _, ssid := range v.Keys() {
		if p, ok := r.accessPoint(ssid, v.Get(ssid), v.KeyPos(ssid), key+"."+ssid); ok {
			w.AccessPoints = append(w.AccessPoints, p)
		}
	}
	return w
}

func (r *reader) accessPoint(ssid string, v *config.Value, pos config.Pos, key string) (AccessPoint, bool) {
	const longest = 32 // IEEE 802.11
	if ssid == "" || len(ssid) > longest {
		r.add(config.Error, pos, key, "expected the name of a network, of at most 32 bytes; it was skipped")
		return AccessPoint{}, false
	}
	auth, password, at := v.Get("auth"), v.Get("password"), key+".password"
	if absent(password) {
		password, at = auth.Get("password"), key+".auth.password"
	}
	p := AccessPoint{SSID: ssid, Password: secret.New(r.line(password, at))}
	p.KeyManagement = r.oneOf(auth.Get("key-management"), key+".auth.key-management", "none", "psk", "sae")
	if p.KeyManagement == "" && !absent(auth.Get("key-management")) {
		return p, false // reported: without what it needs it cannot be joined
	}
	p.Mode = r.oneOf(v.Get("mode"), key+".mode", "infrastructure", "ap", "adhoc")
	p.Band = r.oneOf(v.Get("band"), key+".band", "2.4GHz", "5GHz")
	p.Channel, _ = r.integer(v.Get("channel"), key+".channel", 1, math.MaxUint8)
	p.BSSID = r.mac(v.Get("bssid"), key+".bssid")
	p.Hidden = r.isTrue(v.Get("hidden"), key+".hidden")
	r.unknownKeys(v, key, "auth", "password", "mode", "band", "channel", "bssid", "hidden")
	r.unknownKeys(auth, key+".auth", "key-management", "password")
	return p, true
}

// bondNames2 are version 2's words for the kernel's options of bonds. Of two, the first
// is written.
var bondNames2 = []struct{ word, kernel string }{
	{"mode", "mode"},
	{"mii-monitor-interval", "miimon"},
	{"min-links", "min_links"},
	{"transmit-hash-policy", "xmit_hash_policy"},
	{"ad-select", "ad_select"},
	{"all-slaves-active", "all_slaves_active"},
	{"all-members-active", "all_slaves_active"},
	{"arp-interval", "arp_interval"},
	{"arp-ip-targets", "arp_ip_target"}, // Difference from cloud-init: netplan's own spelling fails there
	{"arp-validate", "arp_validate"},
	{"arp-all-targets", "arp_all_targets"},
	{"up-delay", "updelay"},
	{"down-delay", "downdelay"},
	{"fail-over-mac-policy", "fail_over_mac"},
	{"gratuitous-arp", "num_grat_arp"},
	{"gratuitious-arp", "num_grat_arp"}, // so misspelt by netplan once
	{"packets-per-slave", "packets_per_slave"},
	{"packets-per-member", "packets_per_slave"},
	{"primary", "primary"},
	{"primary-reselect-policy", "primary_reselect"},
	{"learn-packet-interval", "lp_interval"},
	{"resend-igmp", "resend_igmp"},
	{"lacp-rate", "lacp_rate"},
	{"arp-ip-target", "arp_ip_target"},
}

func (r *reader) bondOptions2(v *config.Value, key string) []Option {
	var options []Option
	for _, name := range v.Keys() {
		kernel, ok := bondName1(name) // V2 writes so what version 2 has no word for
		for _, known := range bondNames2 {
			if known.word == name {
				kernel, ok = known.kernel, true
			}
		}
		if !ok {
			r.warn(v.Get(name), key+"."+name, "this is no option of bonds; it was ignored")
			continue
		}
		options = r.option(options, v.Get(name), kernel, key+"."+name)
	}
	return options
}
