package networkmanager

import (
	"fmt"
	"net/netip"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// settings writes netplan's settings of a link and of DHCP that cloud-init drops.
func (r *renderer) settings(k *keyfile, d *network.Device) {
	s := d.Link
	if s.Activation != "" {
		k.section("connection").set("autoconnect", "false")
	}
	if d.ClonedMAC != "" {
		k.section(typeOf(d)).set("cloned-mac-address", clonedMAC(d.ClonedMAC))
	}
	if s.LinkLocal != nil && !s.LinkLocal.IPv6 && k.find("ipv6") == nil {
		k.section("ipv6").set("method", "disabled")
	}
	if s.LinkLocal != nil && s.LinkLocal.IPv4 {
		r.problem(config.Warning, d, "a link-local address beside others is not written for NetworkManager; link-local: [ipv4] was ignored")
	}
	if s.IgnoreCarrier || s.Critical {
		r.problem(config.Warning, d, "NetworkManager has no such setting of a connection: ignore-carrier and critical were ignored")
	}
	if own := k.find("ipv4"); enabled(own) && s.DHCPIdentifier != "" {
		own.set("dhcp-client-id", s.DHCPIdentifier) // "mac" and "duid" are its words too
	}
	r.settings6(k, d)
	for i := range d.Subnets {
		r.dhcp(k, d, &d.Subnets[i])
	}
	r.rules(k, d)
}

// clonedMAC is an address in upper case, or one of NetworkManager's words.
func clonedMAC(address string) string {
	if strings.Contains(address, ":") {
		return strings.ToUpper(address)
	}
	return address
}

func (r *renderer) settings6(k *keyfile, d *network.Device) {
	s := d.Link
	if s.MTU6 == 0 && s.Privacy == nil && s.AddressGeneration == "" && s.Token == "" {
		return
	}
	own := k.find("ipv6")
	if !enabled(own) {
		r.problem(config.Warning, d, "the device has no IPv6; its settings were ignored")
		return
	}
	if s.MTU6 > 0 {
		own.set("mtu", fmt.Sprint(s.MTU6))
	}
	if s.Privacy != nil {
		own.set("ip6-privacy", map[bool]string{true: "2", false: "0"}[*s.Privacy]) // NM_SETTING_IP6_CONFIG_PRIVACY_PREFER_TEMP_ADDR
	}
	generation := s.AddressGeneration
	if s.Token != "" && generation == "" {
		generation = "eui64" // a token stands in its place
	}
	if generation != "" {
		own.set("addr-gen-mode", generation)
	}
	if s.Token != "" {
		own.set("token", s.Token)
	}
}

// dhcp writes what is taken from a DHCP server, and told to it.
func (r *renderer) dhcp(k *keyfile, d *network.Device, s *network.Subnet) {
	own := k.find(string(s.Family))
	if s.Label != "" {
		r.problem(config.Warning, d, "NetworkManager has no labels of addresses; %s was ignored", s.Label)
	}
	if s.Lifetime == "0" {
		r.problem(config.Warning, d, "NetworkManager gives no lifetime to an address that is written down; that of %s was ignored", s.Address)
	}
	h := s.DHCP
	if own == nil || h == (network.DHCP{}) {
		return
	}
	no := func(b *bool) bool { return b != nil && !*b }
	if no(h.UseDNS) {
		own.set("ignore-auto-dns", "true")
	}
	if no(h.UseRoutes) {
		own.set("ignore-auto-routes", "true")
	}
	if no(h.SendHostname) {
		own.set("dhcp-send-hostname", "false")
	}
	if h.Hostname != "" {
		own.set("dhcp-hostname", h.Hostname)
	}
	for _, other := range []struct {
		name string
		said bool
	}{
		{"use-ntp", no(h.UseNTP)}, {"use-hostname", no(h.UseHostname)}, {"use-mtu", no(h.UseMTU)}, {"use-domains", h.UseDomains != ""},
	} {
		if other.said {
			r.problem(config.Warning, d, "NetworkManager has no such setting of a connection: %s was ignored", other.name)
		}
	}
}

// lastPriority is that of a rule which names none: before the kernel's own (32766).
const lastPriority = 32765

// rules writes which packets go by which table (nm-settings, ipv4.routing-rules).
func (r *renderer) rules(k *keyfile, d *network.Device) {
	numbers := counters{}
	for _, rule := range d.Rules {
		own := k.find(string(rule.Family))
		if !enabled(own) {
			r.problem(config.Warning, d, "a rule was left out: the device has no %s", rule.Family)
			continue
		}
		priority := lastPriority
		if rule.Priority != nil {
			priority = *rule.Priority
		}
		text := fmt.Sprintf("priority %d", priority)
		if rule.From.IsValid() {
			text += " from " + ruleAddress(rule.From)
		}
		if rule.To.IsValid() {
			text += " to " + ruleAddress(rule.To)
		}
		if !rule.From.IsValid() && !rule.To.IsValid() {
			text += " from " + map[network.Family]string{network.IPv4: "0.0.0.0/0", network.IPv6: "::/0"}[rule.Family]
		}
		if rule.TOS > 0 {
			text += fmt.Sprintf(" tos 0x%02x", rule.TOS)
		}
		if rule.Mark > 0 {
			text += fmt.Sprintf(" fwmark 0x%x", rule.Mark)
		}
		if rule.Table > 0 {
			text += fmt.Sprintf(" table %d", rule.Table)
		}
		own.add("routing-rule", numbers.next(string(rule.Family), "rule"), text)
	}
}

// ruleAddress is a network, or an address alone.
func ruleAddress(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
