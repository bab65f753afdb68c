package sysconfig

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"cloudseed/network"
)

// maxServers is how many name servers an ifcfg file tells: as many as the resolver asks
// (resolv.conf(5), MAXNS).
const maxServers = 3

// subnets writes how a device gets its addresses.
func (r *renderer) subnets(f ifcfg, d *network.Device) {
	f.set("BOOTPROTO", "none")
	for _, s := range d.Subnets {
		r.method(f, d, s)
		if s.OnDemand {
			f.set("ONBOOT", "no")
		}
		if s.Metric != nil {
			f.set(metricKey(s.Family == network.IPv6), fmt.Sprint(*s.Metric))
		}
	}
	addresses4, addresses6 := 0, 0
	names := namesOf(d)
	for _, s := range d.Subnets {
		switch {
		case s.Method == network.Dynamic && s.Family == network.IPv4:
			if r.defaultRoute {
				f.set("DHCLIENT_SET_DEFAULT_ROUTE", "no") // its own device says yes: routes
			}
		case s.Method == network.Static && s.Family == network.IPv4:
			address4(f, s.Address, addresses4)
			addresses4++
		case s.Method == network.Static:
			address6(f, s.Address, addresses6)
			addresses6++
		}
		if s.Method == network.Static {
			gateway(f, s.Gateway)
			dns(f, names(s))
		}
	}
}

// method writes where the addresses of one family come from.
func (r *renderer) method(f ifcfg, d *network.Device, s network.Subnet) {
	switch s.Method {
	case network.Dynamic:
		if s.Family == network.IPv4 {
			f.set("BOOTPROTO", "dhcp")
			return
		}
		f.set("IPV6INIT", "yes")
		f.set("DHCPV6C", "yes")
	case network.Stateful:
		f.set("IPV6INIT", "yes")
		f.set("DHCPV6C", "yes")
		f.set("IPV6_AUTOCONF", "no")
		f.set("IPV6_FAILURE_FATAL", "yes")
	case network.Stateless:
		f.set("IPV6INIT", "yes")
		f.set("IPV6_AUTOCONF", "yes")
		f.set("DHCPV6C", "yes")
		f.set("DHCPV6C_OPTIONS", "-S") // all but the address
	case network.SLAAC:
		f.set("IPV6INIT", "yes")
		f.set("IPV6_AUTOCONF", "yes")
	case network.Static:
		r.static(f, d, s)
	case network.Manual:
		// Brought up at boot only for its MTU, as in cloud-init.
		f.set("ONBOOT", yesNo(f["MTU"] != ""))
	}
}

func (r *renderer) static(f ifcfg, d *network.Device, s network.Subnet) {
	key := "MTU"
	if s.Family == network.IPv6 {
		key = "IPV6_MTU"
		f.set("IPV6INIT", "yes")
		f.set("IPV6_FORCE_ACCEPT_RA", "no")
		f.set("IPV6_AUTOCONF", "no")
	}
	if s.MTU == 0 {
		return
	}
	if before := f[key]; before != "" && before != fmt.Sprint(s.MTU) {
		d.At(&r.found).Warnf("its MTU of %s gives way to its subnet's of %d", before, s.MTU)
	}
	f.set(key, fmt.Sprint(s.MTU))
}

// address4 writes an IPv4 address; all but the first have their number in the key.
func address4(f ifcfg, address netip.Prefix, n int) {
	number := ""
	if n > 0 {
		number = fmt.Sprint(n)
	}
	f.set("IPADDR"+number, address.Addr().String())
	f.set("NETMASK"+number, netmask(address))
}

// address6 writes an IPv6 address; all but the first are in one list.
func address6(f ifcfg, address netip.Prefix, n int) {
	const more = "IPV6ADDR_SECONDARIES"
	switch n {
	case 0:
		f.set("IPV6ADDR", address.String())
	case 1:
		f.set(more, address.String())
	default:
		f.set(more, f[more]+" "+address.String())
	}
}

func gateway(f ifcfg, gateway netip.Addr) {
	if !gateway.IsValid() {
		return
	}
	f.set("DEFROUTE", "yes")
	f.set(gatewayKey(gateway), gateway.String())
}

func gatewayKey(gateway netip.Addr) string {
	if gateway.Is6() {
		return "IPV6_DEFAULTGW"
	}
	return "GATEWAY"
}

func metricKey(ipv6 bool) string {
	if ipv6 {
		return "IPV6_ROUTE_METRIC"
	}
	return "IPV4_ROUTE_METRIC"
}

// namesOf returns the name servers and domains that go with each address in turn: its own,
// and with the first one those of the device when no subnet has any, as version 2 has it.
//
// Difference from cloud-init: it takes version 1's name servers of one interface for
// something else, and writes them into resolv.conf alone.
func namesOf(d *network.Device) func(network.Subnet) network.DNS {
	rest := d.DNS
	for _, s := range d.Subnets {
		if len(s.DNS.Servers)+len(s.DNS.Search) > 0 {
			rest = network.DNS{}
		}
	}
	return func(s network.Subnet) network.DNS {
		names := network.DNS{Servers: slices.Concat(s.DNS.Servers, rest.Servers), Search: slices.Concat(s.DNS.Search, rest.Search)}
		rest = network.DNS{}
		return names
	}
}

// dns writes the name servers and domains of a subnet, over those of the one before, as
// cloud-init does. All of them are in resolv.conf, which NetworkManager is told to leave
// alone.
func dns(f ifcfg, d network.DNS) {
	for i, server := range d.Servers {
		if i < maxServers {
			f.set(fmt.Sprintf("DNS%d", i+1), server.String())
		}
	}
	if len(d.Search) > 0 {
		f.set("DOMAIN", joined(d.Search))
	}
}

func netmask(p netip.Prefix) string {
	return net.IP(net.CIDRMask(p.Bits(), p.Addr().BitLen())).String()
}
