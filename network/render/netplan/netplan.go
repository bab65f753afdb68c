// Package netplan writes a configuration as version 2, netplan's form.
//
// It takes a Config and returns YAML that read.YAML makes the same Config of, devices in the
// order of their kinds, when the machine has the same interfaces. What netplan has no words
// for is in words of version 1: the key subnets of a device, whose list replaces dhcp4,
// addresses and gateways, and nameservers for all devices. It knows no reader.
package netplan

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/secret"
)

// Write returns a configuration as version 2, with "[redacted]" for passwords and keys.
func Write(c *network.Config) []byte { return write(c, false) }

// Reveal is Write with passwords and keys.
func Reveal(c *network.Config) []byte { return write(c, true) }

// sections are the kinds of devices in the order in which they are written.
var sections = []struct {
	word  string
	types []network.Type
}{
	{"ethernets", []network.Type{network.Physical, network.Loopback, network.Infiniband}},
	{"wifis", []network.Type{network.WiFiType}},
	{"bonds", []network.Type{network.BondType}},
	{"bridges", []network.Type{network.BridgeType}},
	{"vlans", []network.Type{network.VLANType}},
	{"vrfs", []network.Type{network.VRFType}},
	{"dummy-devices", []network.Type{network.DummyType}},
	{"tunnels", []network.Type{network.TunnelType}},
}

func write(c *network.Config, reveal bool) []byte {
	if c == nil {
		return nil
	}
	var body object
	if c.Disabled {
		body.set("config", "disabled")
	} else {
		body.set("version", 2)
		w := &writer{keys: map[string]string{}, reveal: reveal}
		for _, d := range c.Devices {
			w.keys[d.Name] = d.Key
		}
		for _, section := range sections {
			var devices object
			for _, d := range c.Devices {
				if slices.Contains(section.types, d.Type) {
					devices.set(d.Key, w.device(d))
				}
			}
			body.add(section.word, devices)
		}
		body.add("nameservers", nameservers(c.DNS))
	}
	var all object
	all.set("network", body)
	return yaml.DumpInOrder(config.FromAny("", all.value()))
}

// object is a map in the making.
type object config.Ordered[any]

// value returns what package config knows.
func (o object) value() any { return config.Ordered[any](o) }

func (o *object) set(key string, value any) {
	if inner, ok := value.(object); ok {
		value = inner.value()
	}
	*o = append(*o, config.Entry[any]{Key: key, Value: value})
}

// add is set for a value that says something; zero values say nothing.
func (o *object) add(key string, value any) {
	switch v := value.(type) {
	case string:
		if v != "" {
			o.set(key, scalar(v))
		}
	case int:
		if v != 0 {
			o.set(key, v)
		}
	case bool:
		if v {
			o.set(key, v)
		}
	case *bool:
		if v != nil {
			o.set(key, *v)
		}
	case *int:
		if v != nil {
			o.set(key, *v)
		}
	case netip.Addr:
		if v.IsValid() {
			o.set(key, v.String())
		}
	case netip.Prefix:
		if v.IsValid() {
			o.set(key, v.String())
		}
	case []any:
		if len(v) > 0 {
			o.set(key, v)
		}
	case object:
		if len(v) > 0 {
			o.set(key, v)
		}
	}
}

// scalar returns a number where a text is one: it needs no quotes.
func scalar(text string) any {
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
		return n
	}
	return text
}

func list[T any](items []T, text func(T) any) []any {
	var all []any
	for _, item := range items {
		all = append(all, text(item))
	}
	return all
}

func asText[T fmt.Stringer](item T) any { return item.String() }
func asIs(item string) any              { return item }

// writer writes devices.
type writer struct {
	keys   map[string]string // of devices, by their names: version 2 refers to keys
	reveal bool
}

func (w *writer) reference(name string) any {
	if key, ok := w.keys[name]; ok {
		return key
	}
	return name
}

func (w *writer) secret(s secret.String) string {
	switch {
	case s.IsEmpty():
		return ""
	case w.reveal:
		return s.Reveal()
	}
	return secret.Redacted
}

func (w *writer) device(d *network.Device) object {
	var o object
	w.found(&o, d)
	w.kind(&o, d)
	settings(&o, d)
	addresses(&o, d)
	o.add("nameservers", nameservers(d.DNS))
	o.add("routing-policy", list(d.Rules, rule))
	return o
}

// found says how an interface is found, and what name it gets.
func (w *writer) found(o *object, d *network.Device) {
	if d.Type != network.WiFiType && !slices.Contains(sections[0].types, d.Type) {
		o.add("macaddress", d.MAC)
		return
	}
	var match object
	drivers := list(d.Match.Drivers, asIs)
	if len(drivers) == 0 && d.Driver != "" {
		drivers = []any{d.Driver}
	}
	switch {
	case d.MAC != "":
		match.set("macaddress", d.MAC)
	case !d.Match.IsZero():
		if d.Match.Name != "" {
			match.set("name", d.Match.Name)
		}
	case d.Name != d.Key || len(drivers) > 0:
		match.set("name", d.Name)
	}
	if len(drivers) == 1 {
		match.set("driver", drivers[0]) // cloud-init knows one
	} else {
		match.add("driver", drivers)
	}
	if d.DeviceID != "" {
		match.set("device_id", d.DeviceID)
	}
	o.add("match", match)
	if d.Rename {
		o.set("set-name", d.Name)
	}
	o.add("macaddress", d.ClonedMAC)
	if d.Type == network.Infiniband {
		o.set("infiniband-mode", map[bool]string{false: "datagram", true: "connected"}[d.Link.Connected])
	}
}

// settings writes the settings of the link.
func settings(o *object, d *network.Device) {
	l := d.Link
	o.add("mtu", d.MTU)
	o.add("ipv6-mtu", l.MTU6)
	o.add("wakeonlan", d.WakeOnLAN)
	o.add("optional", d.Optional)
	o.add("optional-addresses", list(l.OptionalAddresses, asIs))
	o.add("critical", l.Critical)
	o.add("ignore-carrier", l.IgnoreCarrier)
	o.add("activation-mode", l.Activation)
	o.add("accept-ra", d.AcceptRA)
	if l.LinkLocal != nil {
		families := []any{}
		if l.LinkLocal.IPv4 {
			families = append(families, "ipv4")
		}
		if l.LinkLocal.IPv6 {
			families = append(families, "ipv6")
		}
		o.set("link-local", families)
	}
	o.add("dhcp-identifier", l.DHCPIdentifier)
	o.add("ipv6-privacy", l.Privacy)
	o.add("ipv6-address-generation", l.AddressGeneration)
	o.add("ipv6-address-token", l.Token)
}

// kind writes what a kind of devices has of its own.
func (w *writer) kind(o *object, d *network.Device) {
	if len(d.Members()) > 0 {
		o.add("interfaces", list(d.Members(), w.reference))
	}
	switch {
	case d.Bond != nil:
		o.add("parameters", w.bond(d.Bond))
	case d.Bridge != nil:
		o.add("parameters", w.bridge(d.Bridge))
	case d.VLAN != nil:
		o.set("id", d.VLAN.ID)
		o.set("link", w.reference(d.VLAN.Link))
	case d.VRF != nil:
		o.set("table", d.VRF.Table)
	case d.Tunnel != nil:
		w.tunnel(o, d.Tunnel)
	case d.WiFi != nil:
		o.add("access-points", w.accessPoints(d.WiFi))
	}
}

// bondWords are netplan's words for the kernel's options of bonds. What it has no word for
// is written as version 1 has it.
var bondWords = map[string]string{
	"mode":              "mode",
	"miimon":            "mii-monitor-interval",
	"min_links":         "min-links",
	"xmit_hash_policy":  "transmit-hash-policy",
	"ad_select":         "ad-select",
	"all_slaves_active": "all-slaves-active",
	"arp_interval":      "arp-interval",
	"arp_ip_target":     "arp-ip-targets",
	"arp_validate":      "arp-validate",
	"arp_all_targets":   "arp-all-targets",
	"updelay":           "up-delay",
	"downdelay":         "down-delay",
	"fail_over_mac":     "fail-over-mac-policy",
	"num_grat_arp":      "gratuitous-arp",
	"packets_per_slave": "packets-per-slave",
	"primary":           "primary",
	"primary_reselect":  "primary-reselect-policy",
	"lp_interval":       "learn-packet-interval",
	"resend_igmp":       "resend-igmp",
	"lacp_rate":         "lacp-rate",
}

func (w *writer) bond(b *network.Bond) object {
	var o object
	for _, option := range b.Options {
		word, known := bondWords[option.Name]
		if !known {
			word = "bond-" + strings.ReplaceAll(option.Name, "_", "-")
		}
		switch {
		case option.Name == "primary":
			o.set(word, w.reference(option.Value))
		case strings.Contains(option.Value, ","):
			o.set(word, list(strings.Split(option.Value, ","), asIs))
		default:
			o.set(word, scalar(option.Value))
		}
	}
	return o
}

func (w *writer) bridge(b *network.Bridge) object {
	var o object
	o.add("stp", b.STP)
	o.add("priority", b.Priority)
	o.add("ageing-time", b.Ageing)
	o.add("forward-delay", b.ForwardDelay)
	o.add("hello-time", b.HelloTime)
	o.add("max-age", b.MaxAge)
	o.add("path-cost", w.ports(b.PathCost))
	o.add("port-priority", w.ports(b.PortPriority))
	return o
}

func (w *writer) ports(numbers []network.PortNumber) object {
	var o object
	for _, n := range numbers {
		o.set(fmt.Sprint(w.reference(n.Port)), n.Number)
	}
	return o
}
