package network

import (
	"maps"
	"slices"
	"strings"

	"cloudseed/config"
)

// kinds2 are version 2's words for devices.
var kinds2 = map[string]Type{
	"ethernets": Physical, "wifis": WiFiType, "bonds": BondType, "bridges": BridgeType,
	"vlans": VLANType, "vrfs": VRFType, "dummy-devices": DummyType, "tunnels": TunnelType,
}

// version2 reads version 2, netplan's form: devices by kinds, in maps.
//
// Difference from cloud-init: a kind that it does not know fails the whole
// configuration there; it knows no VRFs, dummies and tunnels, and leaves wireless ones
// out.
func (r *reader) version2(v *config.Value, at string) {
	r.claimed = map[string]bool{}
	for _, kind := range []string{"ethernets", "wifis"} {
		r.claim(v.Get(kind))
	}
	for _, kind := range v.Keys() {
		section, key := v.Get(kind), at+kind
		switch {
		case kind == "version" || kind == "renderer":
			continue
		case kind == "nameservers":
			// Difference from cloud-init: version 2 has no name servers for all devices; V2
			// writes them so.
			r.described = true // it is nobody's who filled in nothing else
			r.unknownKeys(section, key, "addresses", "search")
			r.dns(&r.config.DNS, section.Get("addresses"), section.Get("search"), key)
			continue
		case kinds2[kind] == "":
			r.warn(section, key, "%s are not supported%s; they were skipped", kind, config.DidYouMean(kind, slices.Sorted(maps.Keys(kinds2))))
			continue
		}
		if !absent(section) && section.Kind() != config.Map {
			r.error(section, key, "expected a mapping, got %s; it was skipped", config.KindInWords(section))
			continue
		}
		for _, name := range section.Keys() {
			device := section.Get(name)
			if device.Kind() != config.Map && !absent(device) {
				r.error(device, key+"."+name, "expected a mapping, got %s; the device was skipped", config.KindInWords(device))
				continue
			}
			r.device2(kinds2[kind], name, device, section.KeyPos(name), key+"."+name)
		}
	}
}

// ownKeys2 are the keys of one kind of devices only.
var ownKeys2 = map[Type][]string{
	Physical:   {"match", "set-name", "infiniband-mode"},
	WiFiType:   {"match", "set-name", "access-points"},
	BondType:   {"interfaces", "parameters"},
	BridgeType: {"interfaces", "parameters"},
	VLANType:   {"id", "link"},
	VRFType:    {"interfaces", "table"},
	TunnelType: {
		"mode", "local", "remote", "ttl", "key", "keys", "mark", "port", "peers", "id", "link", "port-range", "ageing", "aging", "limit",
		"type-of-service", "flow-label", "do-not-fragment", "short-circuit", "notifications", "checksums", "extensions", "neigh-suppress",
		"mac-learning", "arp-proxy",
	},
}

// keys2 are the keys of all kinds of devices. A renderer that goes with a device is
// not ours to choose. subnets is V2's.
var keys2 = []string{
	"addresses", "dhcp4", "dhcp6", "dhcp4-overrides", "dhcp6-overrides", "gateway4", "gateway6", "nameservers", "routes", "routing-policy",
	"mtu", "ipv6-mtu", "accept-ra", "optional", "optional-addresses", "renderer", "critical", "dhcp-identifier", "ignore-carrier",
	"link-local", "ipv6-privacy", "ipv6-address-generation", "ipv6-address-token", "activation-mode", "macaddress", "wakeonlan", "subnets",
}

func (r *reader) unknownKeys(v *config.Value, key string, known ...string) {
	for _, name := range v.Keys() {
		switch {
		case slices.Contains(known, name):
		case v.Get(name).IsNull(): // in {password: a,b} the key b is half of a password
			r.add(config.Warning, v.KeyPos(name), key, "there is a key without a value here, which is not used")
		default:
			r.add(config.Warning, v.KeyPos(name), strings.TrimPrefix(key+"."+name, "."), "unknown key"+config.DidYouMean(name, known)+"; it was ignored")
		}
	}
}

func (r *reader) device2(t Type, name string, v *config.Value, pos config.Pos, key string) {
	r.described = true
	d := &Device{Key: name, Name: name, Type: t, Pos: pos}
	r.settings2(d, v, key)
	var more []string
	switch t {
	case Physical, WiFiType:
		if more = r.ethernet(d, v, key); d.Name == "" {
			return // a wildcard that is left with no interface
		}
		if t == WiFiType {
			d.WiFi = r.wifi(v.Get("access-points"), key+".access-points")
		}
	case BondType:
		d.Bond = &Bond{Members: r.members2(v, key), Options: r.bondOptions2(v.Get("parameters"), key+".parameters")}
	case BridgeType:
		d.Bridge = &Bridge{Ports: r.members2(v, key)}
		r.bridgeOptions(d.Bridge, v.Get("parameters"), key+".parameters", bridgeNames2)
	case VLANType:
		d.VLAN = r.vlan(v, key, "id", "link")
	case VRFType:
		d.VRF = r.vrf(v, key)
	case TunnelType:
		d.Tunnel = r.tunnel(v, key)
	}
	if d.VLAN == nil && t == VLANType || d.VRF == nil && t == VRFType || d.Tunnel == nil && t == TunnelType {
		return // reported
	}
	r.unknownKeys(v, key, slices.Concat(keys2, ownKeys2[t])...)
	wanted := r.subnets2(d, v, key)
	if !r.usable(d, wanted, key) || !r.device(d, key) {
		return
	}
	for _, name := range more {
		other := *d
		other.Key, other.Name = d.Key+"-"+name, name
		r.device(&other, key)
	}
}

func (r *reader) members2(v *config.Value, key string) []string {
	return r.names(v.Get("interfaces"), key+".interfaces")
}

// settings2 reads what is said of the link.
func (r *reader) settings2(d *Device, v *config.Value, key string) {
	at := func(name string) (*config.Value, string) { return v.Get(name), key + "." + name }
	d.MTU = r.mtu(at("mtu"))
	d.AcceptRA = r.boolean(at("accept-ra"))
	d.WakeOnLAN = r.isTrue(at("wakeonlan"))
	d.Optional = r.isTrue(at("optional"))
	if d.Type == Physical || d.Type == WiFiType {
		d.ClonedMAC = r.clonedMAC(at("macaddress"))
	} else {
		d.MAC = r.mac(at("macaddress"))
	}
	const least6 = 1280 // RFC 8200
	l := &d.Link
	if n, ok := r.integer(v.Get("ipv6-mtu"), key+".ipv6-mtu", least6, maxMTU); ok {
		l.MTU6 = n
	}
	if item := v.Get("link-local"); item.Kind() == config.List {
		l.LinkLocal = &LinkLocal{}
		for _, family := range item.Items() {
			switch r.oneOf(family, key+".link-local", "ipv4", "ipv6") {
			case "ipv4":
				l.LinkLocal.IPv4 = true
			case "ipv6":
				l.LinkLocal.IPv6 = true
			}
		}
	} else if !absent(item) {
		r.error(item, key+".link-local", "expected a list of families; it was ignored")
	}
	l.DHCPIdentifier = r.oneOf(v.Get("dhcp-identifier"), key+".dhcp-identifier", "mac", "duid")
	l.Privacy = r.boolean(at("ipv6-privacy"))
	l.AddressGeneration = r.oneOf(v.Get("ipv6-address-generation"), key+".ipv6-address-generation", "eui64", "stable-privacy")
	if token := r.address(at("ipv6-address-token")); token.IsValid() {
		l.Token = token.String()
	}
	l.Activation = r.oneOf(v.Get("activation-mode"), key+".activation-mode", "manual", "off")
	l.IgnoreCarrier = r.isTrue(at("ignore-carrier"))
	l.Critical = r.isTrue(at("critical"))
	for _, item := range r.list(at("optional-addresses")) {
		if text := r.oneOf(item, key+".optional-addresses", "ipv4-ll", "ipv6-ra", "dhcp4", "dhcp6", "static"); text != "" {
			l.OptionalAddresses = append(l.OptionalAddresses, text)
		}
	}
}

// oneOf is a word of some, "" when there is none.
func (r *reader) oneOf(v *config.Value, key string, words ...string) string {
	text := r.text(v, key)
	if text != "" && !slices.Contains(words, text) {
		r.error(v, key, "expected %s, got %q; it was ignored", strings.Join(words, " or "), text)
		return ""
	}
	return text
}

// clonedMAC is an address, or one of NetworkManager's words for one.
func (r *reader) clonedMAC(v *config.Value, key string) string {
	if text := r.text(v, key); slices.Contains([]string{"permanent", "preserve", "random", "stable"}, text) {
		return text
	}
	return r.mac(v, key)
}
