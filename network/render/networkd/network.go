package networkd

import (
	"fmt"
	"net/netip"
	"strings"

	"cloudseed/network"
)

// network returns a device's .network file: how it is found, what it belongs to and its
// addresses (systemd.network(5)).
func (r *renderer) network(d *network.Device) *unit {
	u := newUnit()
	match(u, d)
	r.linkSection(u, d)
	r.relations(u, d)
	r.addresses(u, d)
	r.dns(u, d)
	r.routes(u, d)
	rules(u, d.Rules)
	r.settings(u, d)
	return u
}

// match finds the device: by its name, and an interface of the machine by what else is
// known of it. One that the machine does not have yet is found by the pattern.
//
// Difference from cloud-init: it takes the key of a device with a pattern for its name,
// and writes a list of drivers as Python does.
func match(u *unit, d *network.Device) {
	found := byPattern(d)
	drivers := d.Driver
	if drivers == "" {
		drivers = strings.Join(d.Match.Drivers, " ")
	}
	switch {
	case found && d.Match.Name != "":
		u.add("Match", "Name", d.Match.Name)
	case !found || drivers == "":
		u.add("Match", "Name", d.Name)
	}
	if drivers != "" {
		u.add("Match", "Driver", drivers)
	}
	if d.Type == network.Physical && d.MAC != "" {
		u.add("Match", "MACAddress", d.MAC)
	}
}

// byPattern reports whether a device is all interfaces that match.
func byPattern(d *network.Device) bool { return !d.Match.IsZero() && d.MAC == "" && !d.Rename }

// linkSection says how the interface itself is to be. The MTU of a subnet is the
// device's when that has none.
//
// Difference from cloud-init: it drops the MTUs of subnets and the MAC address that an
// interface of the machine is to get.
func (r *renderer) linkSection(u *unit, d *network.Device) {
	mtu, mtu6 := d.MTU, d.Link.MTU6
	for _, s := range d.Subnets {
		switch {
		case s.MTU > 0 && s.Family == network.IPv4 && mtu == 0:
			mtu = s.MTU
		case s.MTU > 0 && s.Family == network.IPv6 && mtu6 == 0:
			mtu6 = s.MTU
		}
	}
	if mtu > 0 {
		u.add("Link", "MTUBytes", fmt.Sprint(mtu))
	}
	if mtu6 > 0 {
		u.add("Network", "IPv6MTUBytes", fmt.Sprint(mtu6))
	}
	switch {
	case d.Type != network.Physical && d.MAC != "":
		u.add("Link", "MACAddress", d.MAC)
	case strings.Contains(d.ClonedMAC, ":"):
		u.add("Link", "MACAddress", d.ClonedMAC)
	case d.ClonedMAC != "":
		d.At(&r.found).Warnf("systemd-networkd knows no MAC address %q; it was ignored", d.ClonedMAC)
	}
	if d.Optional {
		u.add("Link", "RequiredForOnline", "no")
	}
	switch d.Link.Activation {
	case "":
	case "off":
		u.add("Link", "ActivationPolicy", "always-down")
	default:
		u.add("Link", "ActivationPolicy", d.Link.Activation)
	}
}

// relations says what the device belongs to and what is on it.
func (r *renderer) relations(u *unit, d *network.Device) {
	for _, child := range r.below[d.Name] {
		key := "VLAN"
		if child.Tunnel != nil {
			key = "VXLAN"
		}
		u.add("Network", key, child.Name)
	}
	if bond := r.bonds[d.Name]; bond != nil {
		u.add("Network", "Bond", bond.Name)
		memberOptions(u, bond.Bond, d.Name)
	}
	if bridge := r.bridges[d.Name]; bridge != nil {
		u.add("Network", "Bridge", bridge.Name)
		portNumber(u, "Cost", bridge.Bridge.PathCost, d.Name)
		portNumber(u, "Priority", bridge.Bridge.PortPriority, d.Name)
	}
	if vrf := r.vrfs[d.Name]; vrf != nil {
		u.add("Network", "VRF", vrf.Name)
	}
}

// memberOptions are those options of a bond that networkd wants said of its members.
//
// Difference from cloud-init: it drops them.
func memberOptions(u *unit, bond *network.Bond, name string) {
	for _, o := range bond.Options {
		if o.Value != name {
			continue
		}
		switch o.Name {
		case "primary":
			u.add("Network", "PrimarySlave", "yes")
		case "active_slave":
			u.add("Network", "ActiveSlave", "yes")
		}
	}
}

// portNumber writes a port's cost or priority; nought is the kernel's own, as with
// cloud-init.
func portNumber(u *unit, key string, numbers []network.PortNumber, port string) {
	for _, n := range numbers {
		if n.Port == port && n.Number != 0 {
			u.add("Bridge", key, fmt.Sprint(n.Number))
			return
		}
	}
}

// addresses writes what gives the device addresses. What the router says of IPv6
// networkd does by itself, so there are no words for it (cloud-init has none either).
//
// Difference from cloud-init: it drops the name servers of subnets without an address,
// such as those beside DHCP.
func (r *renderer) addresses(u *unit, d *network.Device) {
	dhcp := map[network.Family]bool{}
	for i := range d.Subnets {
		s := &d.Subnets[i]
		if s.Method == network.Dynamic {
			dhcp[s.Family] = true
			dhcpSection(u, s)
		}
		if s.Address.IsValid() {
			address(u, s)
		}
		for _, list := range [][2]string{{"DNS", joined(s.DNS.Servers)}, {"Domains", strings.Join(s.DNS.Search, " ")}} {
			if list[1] != "" {
				u.add("Network", list[0], list[1])
			}
		}
	}
	if own := d.Link.LinkLocal; dhcp[network.IPv6] && own != nil && !own.IPv6 {
		d.At(&r.found).Warnf("DHCP for IPv6 needs a link-local address, which is not to be; it was skipped")
		dhcp[network.IPv6] = false
	}
	word := "no"
	switch {
	case dhcp[network.IPv4] && dhcp[network.IPv6]:
		word = "yes"
	case dhcp[network.IPv4]:
		word = "ipv4"
	case dhcp[network.IPv6]:
		word = "ipv6"
	}
	u.add("Network", "DHCP", word)
	if d.AcceptRA != nil {
		u.add("Network", "IPv6AcceptRA", yesNo(*d.AcceptRA))
	}
}

// address writes an address. Each has its own section.
func address(u *unit, s *network.Subnet) {
	own := u.section("Address", s.Address.String())
	own.add("Address", s.Address.String())
	if s.Label != "" {
		own.add("Label", s.Label)
	}
	switch s.Lifetime {
	case "":
	case "forever":
		own.add("PreferredLifetime", "forever")
	default:
		own.add("PreferredLifetime", s.Lifetime)
	}
}

// dhcpSection says what is taken from a DHCP server and told to it. Truth is spelt as
// cloud-init writes it.
//
// Difference from cloud-init: it does so for real interfaces only, and drops the metric
// of IPv6 and of version 1.
func dhcpSection(u *unit, s *network.Subnet) {
	name := "DHCPv4"
	own := s.DHCP
	if s.Family == network.IPv6 {
		name = "DHCPv6"
		own.UseMTU, own.UseRoutes, own.SendHostname, own.Hostname = nil, nil, nil, ""
	}
	for _, truth := range []struct {
		key   string
		value *bool
	}{
		{"UseDNS", own.UseDNS},
		{"UseNTP", own.UseNTP},
		{"UseHostname", own.UseHostname},
		{"UseMTU", own.UseMTU},
		{"UseRoutes", own.UseRoutes},
		{"SendHostname", own.SendHostname},
	} {
		if truth.value != nil {
			u.add(name, truth.key, pythonTruth(*truth.value))
		}
	}
	switch own.UseDomains {
	case "":
	case "true", "false":
		u.add(name, "UseDomains", pythonTruth(own.UseDomains == "true"))
	default:
		u.add(name, "UseDomains", own.UseDomains)
	}
	if own.Hostname != "" {
		u.add(name, "Hostname", own.Hostname)
	}
	if s.Metric == nil {
		return
	}
	if s.Family == network.IPv6 {
		name = "IPv6AcceptRA" // DHCPv6 gives no routes: the router does
	}
	u.add(name, "RouteMetric", fmt.Sprint(*s.Metric))
}

func pythonTruth(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// dns writes the device's name servers and domains, or everyone's when it has none.
func (r *renderer) dns(u *unit, d *network.Device) {
	dns := d.DNS
	if len(dns.Servers)+len(dns.Search) == 0 {
		dns = r.config.DNS
	}
	if len(dns.Search) > 0 {
		u.add("Network", "Domains", strings.Join(dns.Search, " "))
	}
	if len(dns.Servers) > 0 {
		u.add("Network", "DNS", joined(dns.Servers))
	}
}

func joined(addrs []netip.Addr) string {
	words := make([]string, len(addrs))
	for i, addr := range addrs {
		words[i] = addr.String()
	}
	return strings.Join(words, " ")
}

// settings writes netplan's settings of interfaces.
//
// Difference from cloud-init: it drops them.
func (r *renderer) settings(u *unit, d *network.Device) {
	own := d.Link
	if d.WakeOnLAN {
		d.At(&r.found).Warnf("systemd-networkd knows nothing of wake-on-LAN; it was ignored")
	}
	if own.LinkLocal != nil {
		u.add("Network", "LinkLocalAddressing", linkLocal(*own.LinkLocal))
	}
	if own.DHCPIdentifier != "" {
		u.add("DHCPv4", "ClientIdentifier", own.DHCPIdentifier)
	}
	if own.Privacy != nil {
		u.add("Network", "IPv6PrivacyExtensions", yesNo(*own.Privacy))
	}
	if own.AddressGeneration != "" {
		u.add("Network", "IPv6LinkLocalAddressGenerationMode", own.AddressGeneration)
	}
	if own.Token != "" {
		u.add("IPv6AcceptRA", "Token", "static:"+own.Token)
	}
	if own.IgnoreCarrier {
		u.add("Network", "ConfigureWithoutCarrier", "yes")
	}
	if own.Critical {
		u.add("Network", "KeepConfiguration", "yes")
	}
	if own.Connected && d.Type == network.Infiniband {
		u.add("IPoIB", "Mode", "connected")
	}
	if d.Tunnel != nil && d.Tunnel.VXLAN != nil && d.Tunnel.VXLAN.Suppress != nil {
		u.add("Bridge", "NeighborSuppression", yesNo(*d.Tunnel.VXLAN.Suppress))
	}
}

func linkLocal(l network.LinkLocal) string {
	if l.IPv4 == l.IPv6 {
		return yesNo(l.IPv4)
	}
	if l.IPv4 {
		return "ipv4"
	}
	return "ipv6"
}
