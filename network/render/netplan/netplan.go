package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/secret"
)

// V2 writes a configuration as version 2, netplan's form, with "[redacted]" for
// passwords and keys. Parse makes the same configuration of it, devices in the order of
// their kinds, when the machine has the same interfaces.
//
// What netplan has no words for is in words of version 1: the key subnets of a device,
// whose list is in the place of dhcp4, addresses and gateways, and nameservers for all.
func V2(c *Config) []byte { return version2Of(c, false) }

// RevealV2 is V2 with passwords and keys.
func RevealV2(c *Config) []byte { return version2Of(c, true) }

// sections2 are the kinds of devices in the order in which they are written.
var sections2 = []string{"ethernets", "wifis", "bonds", "bridges", "vlans", "vrfs", "dummy-devices", "tunnels"}

func section2(t Type) string {
	if t == Loopback || t == Infiniband {
		t = Physical
	}
	for _, name := range sections2 {
		if kinds2[name] == t {
			return name
		}
	}
	return ""
}

func version2Of(c *Config, reveal bool) []byte {
	if c == nil {
		return nil
	}
	var body object
	if c.Disabled {
		body.set("config", "disabled")
	} else {
		body.set("version", 2)
		w := &writer2{keys: map[string]string{}, reveal: reveal}
		for _, d := range c.Devices {
			w.keys[d.Name] = d.Key
		}
		for _, name := range sections2 {
			var devices object
			for _, d := range c.Devices {
				if section2(d.Type) == name {
					devices.set(d.Key, w.device(d))
				}
			}
			body.add(name, devices)
		}
		body.add("nameservers", nameservers(c.DNS))
	}
	var all object
	all.set("network", body)
	return yaml.DumpInOrder(config.FromAny("", all.value()))
}

// object is a map in the making.
type object config.Ordered[any]

// value is what package config knows.
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

// scalar is a number where a text is one: it needs no quotes.
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

// writer2 writes devices.
type writer2 struct {
	keys   map[string]string // of devices, by their names: version 2 refers to keys
	reveal bool
}

func (w *writer2) reference(name string) any {
	if key, ok := w.keys[name]; ok {
		return key
	}
	return name
}

func (w *writer2) secret(s secret.String) string {
	switch {
	case s.IsEmpty():
		return ""
	case w.reveal:
		return s.Reveal()
	}
	return secret.Redacted
}

func (w *writer2) device(d *Device) object {
	var o object
	w.found(&o, d)
	w.kind(&o, d)
	settings(&o, d)
	addresses2(&o, d)
	o.add("nameservers", nameservers(d.DNS))
	o.add("routing-policy", list(d.Rules, rule2))
	return o
}

// found says how an interface is found, and what name it gets.
func (w *writer2) found(o *object, d *Device) {
	if section2(d.Type) != "ethernets" && section2(d.Type) != "wifis" {
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
	if d.Type == Infiniband {
		o.set("infiniband-mode", map[bool]string{false: "datagram", true: "connected"}[d.Link.Connected])
	}
}

// settings writes the settings of the link.
func settings(o *object, d *Device) {
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
func (w *writer2) kind(o *object, d *Device) {
	if len(d.members()) > 0 {
		o.add("interfaces", list(d.members(), w.reference))
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

func (w *writer2) bond(b *Bond) object {
	var o object
	for _, option := range b.Options {
		word := "bond-" + strings.ReplaceAll(option.Name, "_", "-")
		for _, known := range bondNames2 {
			if known.kernel == option.Name {
				word = known.word
				break
			}
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

func (w *writer2) bridge(b *Bridge) object {
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

func (w *writer2) ports(numbers []PortNumber) object {
	var o object
	for _, n := range numbers {
		o.set(fmt.Sprint(w.reference(n.Port)), n.Number)
	}
	return o
}
