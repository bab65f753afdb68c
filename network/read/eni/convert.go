package eni

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// reader makes devices of a document.
type reader struct {
	*config.Findings
	document
	parts map[string]*parts // by the names of devices
}

// convert makes devices of the stanzas, ordered by their names as cloud-init has them.
// All stanzas of one interface, and of its aliases (eth0:1), make one device.
//
// Difference from cloud-init: it refuses the file when an interface has a stanza for
// IPv4 and one for IPv6, as Proxmox writes it.
func (r *reader) convert() *network.Config {
	c := &network.Config{}
	for _, o := range r.head {
		// Difference from cloud-init: oVirt 3.3 writes the name servers before the
		// first interface, where cloud-init fails.
		if !r.dns(&c.DNS, o) {
			r.At(o.pos, o.name).Warnf("an option before the first iface line; it was ignored")
		}
	}
	devices := map[string]*network.Device{}
	broken := map[string]bool{}
	for _, s := range r.stanzas {
		name, _, _ := strings.Cut(s.name, ":")
		if err := checkName(name); err != nil {
			r.At(s.pos, "iface").Errorf("%v; it was skipped", err)
			continue
		}
		d := devices[name]
		if d == nil {
			d = &network.Device{Key: name, Name: name, Type: network.Physical, Pos: s.pos}
			if name == "lo" {
				d.Type = network.Loopback
			}
			devices[name] = d
			c.Devices = append(c.Devices, d)
		}
		if !r.stanza(d, s) {
			broken[name] = true
		}
	}
	// Without any address an interface would be set up by DHCP, which nobody asked for.
	c.Devices = slices.DeleteFunc(c.Devices, func(d *network.Device) bool {
		if !broken[d.Name] || len(d.Subnets) > 0 {
			return false
		}
		delete(devices, d.Name)
		delete(r.parts, d.Name)
		return true
	})
	r.kinds(c, devices)
	slices.SortFunc(c.Devices, func(a, b *network.Device) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range c.Devices {
		if d.Type == network.Loopback {
			// Difference from cloud-init: Proxmox writes the machine's name servers under
			// lo, where cloud-init loses them.
			for _, s := range d.Subnets {
				c.DNS.Join(s.DNS)
			}
		}
	}
	return c
}

// stanza adds what a stanza says to its device, and reports whether it could be used.
func (r *reader) stanza(d *network.Device, s *stanza) bool {
	subnet := network.Subnet{Family: network.IPv4, OnDemand: !r.auto[s.name] && !r.auto[d.Name]}
	switch s.family {
	case "inet":
	case "inet6":
		subnet.Family = network.IPv6
	default:
		r.At(s.pos, s.name).Errorf("expected inet or inet6, got %q; this part was skipped", s.family)
		return false
	}
	subnet.Method = r.method(s, subnet.Family)
	given := map[string]option{}
	for _, o := range s.options {
		if !r.dns(&subnet.DNS, o) {
			r.option(d, s, &subnet, o, given)
		}
	}
	if !r.addresses(&subnet, s, given) {
		return false
	}
	d.Subnets = append(d.Subnets, subnet)
	if s.method == "none" {
		// No protocol is none of either family; what is not mentioned runs by itself.
		d.Subnets = append(d.Subnets, network.Subnet{Family: network.IPv6, Method: network.None, OnDemand: subnet.OnDemand})
	}
	return true
}

// method reads a stanza's method. `static_ip` is oVirt 3.4.0's, `none` is oVirt's for
// an interface without a protocol.
//
// Difference from cloud-init: it takes `inet6 dhcp` and `inet6 auto` for IPv4, and
// `none` for DHCP.
func (r *reader) method(s *stanza, family network.Family) network.Method {
	switch s.method {
	case "loopback", "none":
		return network.None
	case "static", "static_ip":
		return network.Static
	case "dhcp", "bootp":
		return network.Dynamic
	case "manual":
		return network.Manual
	case "auto":
		if family == network.IPv6 {
			return network.SLAAC
		}
	}
	r.At(s.pos, s.name).Warnf("the method %q is not known; it is treated as manual", s.method)
	return network.Manual
}

// dns reads an option of name servers or domains, in Debian's spelling or Proxmox's,
// and reports whether it was one. Without a value it says nothing.
func (r *reader) dns(into *network.DNS, o option) bool {
	switch strings.ReplaceAll(o.name, "_", "-") {
	case "dns-nameservers", "dns-nameserver":
		for _, text := range o.values {
			for _, server := range values.SplitList(text) {
				r.server(into, o, server)
			}
		}
	case "dns-search", "dns-domain":
		for _, text := range o.values {
			for _, domain := range values.SplitList(text) {
				if domain != "null" && network.OneLine(domain) {
					into.Search = append(into.Search, domain)
				}
			}
		}
	default:
		return false
	}
	return true
}

func (r *reader) server(into *network.DNS, o option, text string) {
	if text == "null" {
		return
	}
	addr, err := values.ParseIP(text)
	if err != nil {
		r.At(o.pos, o.name).Errorf("%v; it was skipped", err)
		return
	}
	into.Servers = append(into.Servers, addr)
}

// option reads any other option: of the device, or for addresses, by its name. oVirt
// up to 3.4 writes `null` for what is not there.
func (r *reader) option(d *network.Device, s *stanza, subnet *network.Subnet, o option, given map[string]option) {
	value := strings.Join(o.values, " ")
	if value == "" || value == "null" {
		return
	}
	switch o.name {
	case "address", "netmask", "gateway":
		given[o.name] = o
	case "hwaddress":
		mac, err := values.ParseMAC(strings.TrimSpace(strings.TrimPrefix(value, "ether ")))
		if err != nil {
			r.At(o.pos, o.name).Errorf("%v; it was ignored", err)
			return
		}
		d.MAC = mac
	case "mtu":
		// Difference from cloud-init: it drops the MTU.
		n, err := strconv.Atoi(value)
		if err != nil || n < values.MinMTU || n > values.MaxMTU {
			r.At(o.pos, o.name).Errorf("expected an MTU of %d to %d, got %q; it was ignored", values.MinMTU, values.MaxMTU, value)
			return
		}
		d.MTU = n
	case "metric":
		// Difference from cloud-init: it drops the metric.
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > math.MaxUint32 {
			r.At(o.pos, o.name).Errorf("expected a metric, got %q; it was ignored", value)
			return
		}
		subnet.Metric = &n
	case "broadcast", "network", "scope", "accept_ra", "autoconf", "privext", "dad-attempts", "hostname", "pointopoint":
		// They follow from the rest, or are the system's business.
	case "pre-up", "up", "post-up", "down", "pre-down", "post-down":
		r.command(d, o)
	default:
		if !r.part(d, o) {
			r.At(o.pos, s.name).Get(o.name).Warnf("this option is not known; it was ignored")
		}
	}
}

// addresses fills in a static subnet.
func (r *reader) addresses(subnet *network.Subnet, s *stanza, given map[string]option) bool {
	gateway := given["gateway"]
	if len(gateway.values) > 0 {
		addr, err := values.ParseIP(gateway.values[0])
		if err != nil {
			r.At(gateway.pos, s.name).Get("gateway").Errorf("%v; it was skipped", err)
		}
		subnet.Gateway = addr
	}
	if subnet.Method != network.Static {
		return true
	}
	address, netmask := given["address"], given["netmask"]
	if len(address.values) == 0 {
		r.At(s.pos, s.name).Errorf("a static interface without an address; it was skipped")
		return false
	}
	var length string
	if len(netmask.values) > 0 {
		length = netmask.values[0]
	}
	prefix, err := values.ParsePrefix(address.values[0], length)
	if err == nil && network.FamilyOf(prefix.Addr()) != subnet.Family {
		err = fmt.Errorf("%s is no address of %s", prefix.Addr(), s.family)
	}
	if err != nil {
		r.At(address.pos, s.name).Get("address").Errorf("%v; this part was skipped", err)
		return false
	}
	subnet.Address = prefix
	return true
}
