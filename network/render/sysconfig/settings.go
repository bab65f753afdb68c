package sysconfig

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/network"
)

// settings writes netplan's settings of interfaces and of DHCP, and tells in one problem
// what ifcfg files have no word for.
//
// Difference from cloud-init: it drops them.
func (r *renderer) settings(f ifcfg, d *network.Device) {
	ignored := linkSettings(f, d)
	for i := range d.Subnets {
		if s := &d.Subnets[i]; s.Method == network.Dynamic {
			ignored = append(ignored, overrides(f, s)...)
			identify(f, d, s)
		}
	}
	if len(ignored) > 0 {
		d.At(&r.found).Warnf("ifcfg files have no word for %s; it was ignored", strings.Join(ignored, ", "))
	}
}

func linkSettings(f ifcfg, d *network.Device) (ignored []string) {
	own := &d.Link
	if d.ClonedMAC != "" {
		f.set("MACADDR", d.ClonedMAC)
	}
	if own.MTU6 > 0 {
		f.set("IPV6_MTU", fmt.Sprint(own.MTU6))
	}
	if own.Privacy != nil {
		f.set("IPV6_PRIVACY", map[bool]string{true: "rfc3041", false: "no"}[*own.Privacy])
	}
	if own.AddressGeneration != "" {
		f.set("IPV6_ADDR_GEN_MODE", own.AddressGeneration)
	}
	switch {
	case own.Token == "":
	case own.AddressGeneration == "stable-privacy":
		// NetworkManager refuses the whole connection.
		ignored = append(ignored, "ipv6-address-token beside stable-privacy")
	default:
		f.set("IPV6_TOKEN", own.Token)
	}
	if own.Activation != "" {
		f.set("ONBOOT", "no")
	}
	if own.Connected && d.Type == network.Infiniband {
		f.set("CONNECTED_MODE", "yes")
	}
	for _, word := range []struct {
		given bool
		name  string
	}{
		{own.LinkLocal != nil, "link-local"},
		{own.IgnoreCarrier, "ignore-carrier"},
		{own.Critical, "critical"},
		{!d.Match.IsZero() && !d.Rename, "a match by patterns"},
		{slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool { return s.Label != "" }), "the label of an address"},
		{slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool { return s.Lifetime == "0" }), "the lifetime of an address"},
	} {
		if word.given {
			ignored = append(ignored, word.name)
		}
	}
	return ignored
}

// overrides writes what is taken from a DHCP server and told to it.
func overrides(f ifcfg, s *network.Subnet) (ignored []string) {
	own, peer, send := &s.DHCP, "", "DHCP_"
	if s.Family == network.IPv6 {
		peer, send = "IPV6_", "DHCPV6_"
	}
	for _, truth := range []struct {
		key   string
		value *bool
	}{
		{peer + "PEERDNS", own.UseDNS},
		{peer + "PEERROUTES", own.UseRoutes},
		{send + "SEND_HOSTNAME", own.SendHostname},
	} {
		if truth.value != nil {
			f.set(truth.key, yesNo(*truth.value))
		}
	}
	if own.Hostname != "" {
		f.set(send+"HOSTNAME", own.Hostname)
	}
	for _, word := range []struct {
		given bool
		name  string
	}{
		{own.UseNTP != nil, "use-ntp"},
		{own.UseHostname != nil, "use-hostname"},
		{own.UseMTU != nil, "use-mtu"},
		{own.UseDomains != "", "use-domains"},
	} {
		if word.given {
			ignored = append(ignored, word.name+" of "+string(s.Family))
		}
	}
	return ignored
}

// identify says by what the machine is known to a DHCP server.
func identify(f ifcfg, d *network.Device, s *network.Subnet) {
	if d.Link.DHCPIdentifier != "" && s.Family == network.IPv4 {
		f.set("DHCP_CLIENT_ID", d.Link.DHCPIdentifier) // NetworkManager has netplan's words
	}
}
