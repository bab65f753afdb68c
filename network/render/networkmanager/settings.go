package networkmanager

import (
	"net/netip"
	"slices"
	"strings"

	"cloudseed/network"
)

// settings writes netplan's settings of an interface, after its addresses are known.
// Those of a family are written only where the device has that family.
//
// Difference from cloud-init: it drops them.
func (r *renderer) settings(k *keyfile, d *network.Device) {
	own := d.Link
	linkLocal(k, d)
	for i := range d.Subnets {
		s := &d.Subnets[i]
		if s.Label != "" {
			d.At(&r.found).Warnf("NetworkManager has no labels of addresses; %s was ignored", s.Label)
		}
		if s.Lifetime == "0" {
			d.At(&r.found).Warnf("NetworkManager gives no lifetime to an address that is written down; that of %s was ignored", s.Address)
		}
		r.overrides(k, d, s)
	}
	if own.Activation != "" {
		k.section("connection").set("autoconnect", "false")
	}
	if v4 := k.find("ipv4"); own.DHCPIdentifier != "" && usesDHCP(d, network.IPv4) && v4 != nil {
		v4.set("dhcp-client-id", own.DHCPIdentifier)
	}
	r.ipv6(k, d)
	for _, no := range []struct {
		given bool
		what  string
	}{
		{own.IgnoreCarrier, "a link without carrier is to be configured"},
		{own.Critical, "a device is critical"},
		{d.AcceptRA != nil && *d.AcceptRA != listens(d), "accept-ra is other than its addresses have it"},
	} {
		if no.given {
			d.At(&r.found).Warnf("NetworkManager cannot be told that %s; it was ignored", no.what)
		}
	}
}

// ipv6 writes how IPv6 addresses are formed. NetworkManager takes a token only with
// EUI-64 (nm-settings, ipv6.token).
func (r *renderer) ipv6(k *keyfile, d *network.Device) {
	v6, own := k.find("ipv6"), d.Link
	if !enabled(v6) {
		if own.MTU6 > 0 || own.Privacy != nil || own.AddressGeneration != "" || own.Token != "" {
			d.At(&r.found).Warnf("its settings of IPv6 were skipped: the device has no IPv6")
		}
		return
	}
	if own.MTU6 > 0 {
		v6.set("mtu", decimal(own.MTU6))
	}
	if own.Privacy != nil {
		v6.set("ip6-privacy", map[bool]string{true: "2", false: "0"}[*own.Privacy])
	}
	generation := own.AddressGeneration
	if own.Token != "" {
		if generation != "" && generation != "eui64" {
			d.At(&r.found).Warnf("NetworkManager takes a token with EUI-64 alone; %s gives way to it", generation)
		}
		generation = "eui64"
		v6.set("token", own.Token)
	}
	if generation != "" {
		v6.set("addr-gen-mode", generation)
	}
}

// linkLocal writes which families have link-local addresses, and nothing else where
// nothing else is said of them. What NetworkManager makes itself would look for a DHCP
// server on it otherwise.
func linkLocal(k *keyfile, d *network.Device) {
	local := d.Link.LinkLocal
	if local == nil {
		switch d.Type {
		default:
			return
		case network.VRFType:
			local = &network.LinkLocal{}
		case network.DummyType, network.TunnelType:
			local = &network.LinkLocal{IPv6: d.Tunnel == nil || d.Tunnel.WireGuard == nil}
		}
	}
	for _, family := range []struct {
		name  string
		local bool
	}{{"ipv4", local.IPv4}, {"ipv6", local.IPv6}} {
		own := k.find(family.name)
		switch {
		case own != nil && family.name == "ipv4" && family.local && enabled(own):
			own.set("link-local", "3") // NM_SETTING_IP4_LL_ENABLED, beside its other addresses
		case own != nil:
		case family.local:
			k.section(family.name).set("method", "link-local")
		default:
			k.section(family.name).set("method", "disabled")
		}
	}
}

// overrides writes what is taken from a DHCP server and told to it.
func (r *renderer) overrides(k *keyfile, d *network.Device, s *network.Subnet) {
	if s.Method != network.Dynamic {
		return
	}
	own, no := k.section(string(s.Family)), func(b *bool) bool { return b != nil && !*b }
	if !enabled(own) {
		return
	}
	if no(s.DHCP.UseDNS) {
		own.set("ignore-auto-dns", "true")
	}
	if no(s.DHCP.UseRoutes) {
		own.set("ignore-auto-routes", "true")
		if !hasDefault(d, s.Family) {
			own.set("never-default", "true") // the server's gateway is no route to NetworkManager
		}
	}
	if no(s.DHCP.SendHostname) {
		own.set("dhcp-send-hostname", "false")
	} else if s.DHCP.Hostname != "" {
		own.set("dhcp-hostname", escape(s.DHCP.Hostname))
	}
	var unknown []string
	for name, given := range map[string]bool{
		"use-ntp": no(s.DHCP.UseNTP), "use-hostname": no(s.DHCP.UseHostname), "use-mtu": no(s.DHCP.UseMTU),
		"use-domains": s.DHCP.UseDomains == "route" || s.DHCP.UseDomains == "false" && !no(s.DHCP.UseDNS),
	} {
		if given {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		d.At(&r.found).Warnf("NetworkManager cannot be told %s of DHCP; it was ignored", strings.Join(unknown, ", "))
	}
}

// hasDefault reports whether a family has a default route that is given.
func hasDefault(d *network.Device, family network.Family) bool {
	is := func(a netip.Addr) bool { return a.IsValid() && network.FamilyOf(a) == family }
	return slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool {
		return is(s.Gateway) || slices.ContainsFunc(s.Routes, func(to network.Route) bool { return to.To.Bits() == 0 && is(to.To.Addr()) })
	})
}

func usesDHCP(d *network.Device, family network.Family) bool {
	return slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool { return s.Family == family && s.Method == network.Dynamic })
}

// listens reports whether NetworkManager heeds router advertisements on the device.
func listens(d *network.Device) bool {
	return slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool {
		return s.Family == network.IPv6 && s.Method != network.Static && s.Method != network.None
	})
}

// clonedMAC gives an interface of the machine another address.
func (r *renderer) clonedMAC(own *section, d *network.Device) {
	switch {
	case d.ClonedMAC == "":
	case d.Type == network.Physical || d.Type == network.WiFiType:
		own.set("cloned-mac-address", strings.ToUpper(d.ClonedMAC))
		if !strings.Contains(d.ClonedMAC, ":") {
			own.set("cloned-mac-address", d.ClonedMAC)
		}
	default:
		d.At(&r.found).Warnf("NetworkManager cannot give a %s another MAC address; it was ignored", d.Type)
	}
}

// pattern tells NetworkManager to find interfaces that the machine does not have yet:
// all that match.
//
// Difference from cloud-init: it takes the key for the name.
func pattern(k *keyfile, d *network.Device) bool {
	if d.Match.IsZero() || d.MAC != "" || d.Rename {
		return false
	}
	k.section("connection").set("multi-connect", "3") // NM_CONNECTION_MULTI_CONNECT_MULTIPLE
	match := k.section("match")
	if d.Match.Name != "" {
		match.set("interface-name", list(d.Match.Name))
	}
	if len(d.Match.Drivers) > 0 {
		match.set("driver", list(d.Match.Drivers...))
	}
	return true
}
