package network

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
)

// convert makes devices of the stanzas, ordered by their names as cloud-init has them.
// All stanzas of one interface, and of its aliases (eth0:1), make one device.
//
// Difference from cloud-init: it refuses the file when an interface has a stanza for
// IPv4 and one for IPv6, as Proxmox writes it.
func (r *eniReader) convert() *Config {
	c := &Config{}
	for _, o := range r.head {
		// Difference from cloud-init: oVirt 3.3 writes the name servers before the
		// first interface, where cloud-init fails.
		if !r.dns(&c.DNS, o) {
			r.add(config.Warning, o.pos, o.name, "an option before the first iface line; it was ignored")
		}
	}
	devices := map[string]*Device{}
	broken := map[string]bool{}
	for _, s := range r.stanzas {
		name, _, _ := strings.Cut(s.name, ":")
		if err := checkName(name); err != nil {
			r.add(config.Error, s.pos, "iface", err.Error()+"; it was skipped")
			continue
		}
		d := devices[name]
		if d == nil {
			d = &Device{Key: name, Name: name, Type: Physical, Pos: s.pos}
			if name == "lo" {
				d.Type = Loopback
			}
			devices[name] = d
			c.Devices = append(c.Devices, d)
		}
		if !r.stanza(d, s) {
			broken[name] = true
		}
	}
	// Without any address an interface would be set up by DHCP, which nobody asked for.
	c.Devices = slices.DeleteFunc(c.Devices, func(d *Device) bool {
		if !broken[d.Name] || len(d.Subnets) > 0 {
			return false
		}
		delete(devices, d.Name)
		delete(r.parts, d.Name)
		return true
	})
	r.kinds(c, devices)
	slices.SortFunc(c.Devices, func(a, b *Device) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range c.Devices {
		if d.Type == Loopback {
			// Difference from cloud-init: Proxmox writes the machine's name servers under
			// lo, where cloud-init loses them.
			for _, s := range d.Subnets {
				c.DNS.join(s.DNS)
			}
		}
	}
	return c
}

// stanza adds what a stanza says to its device, and tells whether it could be used.
func (r *eniReader) stanza(d *Device, s *eniStanza) bool {
	subnet := Subnet{Family: IPv4, OnDemand: !r.auto[s.name] && !r.auto[d.Name]}
	switch s.family {
	case "inet":
	case "inet6":
		subnet.Family = IPv6
	default:
		r.add(config.Error, s.pos, s.name, fmt.Sprintf("expected inet or inet6, got %q; this part was skipped", s.family))
		return false
	}
	subnet.Method = r.method(s, subnet.Family)
	values := map[string]eniOption{}
	for _, o := range s.options {
		if !r.dns(&subnet.DNS, o) {
			r.option(d, s, &subnet, o, values)
		}
	}
	if !r.addresses(&subnet, s, values) {
		return false
	}
	d.Subnets = append(d.Subnets, subnet)
	if s.method == "none" {
		// No protocol is none of either family; what is not mentioned runs by itself.
		d.Subnets = append(d.Subnets, Subnet{Family: IPv6, Method: None, OnDemand: subnet.OnDemand})
	}
	return true
}

// method reads a stanza's method. `static_ip` is oVirt 3.4.0's, `none` is oVirt's for
// an interface without a protocol.
//
// Difference from cloud-init: it takes `inet6 dhcp` and `inet6 auto` for IPv4, and
// `none` for DHCP.
func (r *eniReader) method(s *eniStanza, family Family) Method {
	switch s.method {
	case "loopback", "none":
		return None
	case "static", "static_ip":
		return Static
	case "dhcp", "bootp":
		return Dynamic
	case "manual":
		return Manual
	case "auto":
		if family == IPv6 {
			return SLAAC
		}
	}
	r.add(config.Warning, s.pos, s.name, fmt.Sprintf("the method %q is not known; it is treated as manual", s.method))
	return Manual
}

// dns reads an option of name servers or domains, in Debian's spelling or Proxmox's,
// and tells whether it was one. Without a value it says nothing.
func (r *eniReader) dns(into *DNS, o eniOption) bool {
	switch strings.ReplaceAll(o.name, "_", "-") {
	case "dns-nameservers", "dns-nameserver":
		for _, text := range o.values {
			for _, server := range splitList(text) {
				r.server(into, o, server)
			}
		}
	case "dns-search", "dns-domain":
		for _, text := range o.values {
			for _, domain := range splitList(text) {
				if domain != "null" && printable(domain) {
					into.Search = append(into.Search, domain)
				}
			}
		}
	default:
		return false
	}
	return true
}

func (r *eniReader) server(into *DNS, o eniOption, text string) {
	if text == "null" {
		return
	}
	addr, err := parseIP(text)
	if err != nil {
		r.add(config.Error, o.pos, o.name, err.Error()+"; it was skipped")
		return
	}
	into.Servers = append(into.Servers, addr)
}

// option reads any other option: of the device, or for addresses, by its name. oVirt
// up to 3.4 writes `null` for what is not there.
func (r *eniReader) option(d *Device, s *eniStanza, subnet *Subnet, o eniOption, values map[string]eniOption) {
	value := strings.Join(o.values, " ")
	if value == "" || value == "null" {
		return
	}
	switch o.name {
	case "address", "netmask", "gateway":
		values[o.name] = o
	case "hwaddress":
		mac, err := parseMAC(strings.TrimSpace(strings.TrimPrefix(value, "ether ")))
		if err != nil {
			r.add(config.Error, o.pos, o.name, err.Error()+"; it was ignored")
			return
		}
		d.MAC = mac
	case "mtu":
		// Difference from cloud-init: it drops the MTU.
		n, err := strconv.Atoi(value)
		if err != nil || n < minMTU || n > maxMTU {
			r.add(config.Error, o.pos, o.name, fmt.Sprintf("expected an MTU of %d to %d, got %q; it was ignored", minMTU, maxMTU, value))
			return
		}
		d.MTU = n
	case "metric":
		// Difference from cloud-init: it drops the metric.
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > math.MaxUint32 {
			r.add(config.Error, o.pos, o.name, fmt.Sprintf("expected a metric, got %q; it was ignored", value))
			return
		}
		subnet.Metric = &n
	case "broadcast", "network", "scope", "accept_ra", "autoconf", "privext", "dad-attempts", "hostname", "pointopoint":
		// They follow from the rest, or are the system's business.
	case "pre-up", "up", "post-up", "down", "pre-down", "post-down":
		r.command(d, o)
	default:
		if !r.part(d, o) {
			r.add(config.Warning, o.pos, s.name+"."+o.name, "this option is not known; it was ignored")
		}
	}
}

// addresses fills in a static subnet.
func (r *eniReader) addresses(subnet *Subnet, s *eniStanza, values map[string]eniOption) bool {
	gateway := values["gateway"]
	if len(gateway.values) > 0 {
		addr, err := parseIP(gateway.values[0])
		if err != nil {
			r.add(config.Error, gateway.pos, s.name+".gateway", err.Error()+"; it was skipped")
		}
		subnet.Gateway = addr
	}
	if subnet.Method != Static {
		return true
	}
	address, netmask := values["address"], values["netmask"]
	if len(address.values) == 0 {
		r.add(config.Error, s.pos, s.name, "a static interface without an address; it was skipped")
		return false
	}
	var length string
	if len(netmask.values) > 0 {
		length = netmask.values[0]
	}
	prefix, err := parsePrefix(address.values[0], length)
	if err == nil && familyOf(prefix.Addr()) != subnet.Family {
		err = fmt.Errorf("%s is no address of %s", prefix.Addr(), s.family)
	}
	if err != nil {
		r.add(config.Error, address.pos, s.name+".address", err.Error()+"; this part was skipped")
		return false
	}
	subnet.Address = prefix
	return true
}
