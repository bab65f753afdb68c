package network

import (
	"net/netip"
	"slices"
)

// Family is IPv4 or IPv6.
type Family string

// The two families of addresses.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// FamilyOf returns the family of an address.
func FamilyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return IPv4
	}
	return IPv6
}

// Method is how a family gets its addresses.
type Method string

// The methods.
const (
	Static    Method = "static"
	Dynamic   Method = "dynamic"   // DHCP, and for IPv6 what the router advertises
	SLAAC     Method = "slaac"     // IPv6 from the router's advertisements
	Stateless Method = "stateless" // SLAAC, other things by DHCP
	Stateful  Method = "stateful"  // DHCPv6 only
	Manual    Method = "manual"    // cloud-init's word for "up, the rest is nobody's business"
	None      Method = "none"      // no addresses at all
)

// Subnet is one way in which a device gets addresses. The words are version 1's.
type Subnet struct {
	Family   Family
	Method   Method
	Address  netip.Prefix // of Static: the address with the length of its network
	Label    string       // of an IPv4 address: "eth0:web"
	Lifetime string       // of the address: "0" (not used for new connections) or "forever"
	DHCP     DHCP         // of Dynamic
	Gateway  netip.Addr
	Routes   []Route
	DNS      DNS
	MTU      int  // 0: not given
	Metric   *int // of the routes that come with the address

	// OnDemand is `control: manual`, or no `auto` line: not brought up at boot. Of
	// cloud-init's renderers only the one for ifcfg files heeds it.
	OnDemand bool
}

// DHCP is what is taken from a DHCP server and told to it. nil and "": as the network
// service does it.
type DHCP struct {
	UseDNS, UseNTP, UseHostname, UseMTU, UseRoutes *bool
	UseDomains                                     string // "true", "false" or "route"
	SendHostname                                   *bool
	Hostname                                       string // what is sent
}

// Route is a way to a network.
type Route struct {
	To      netip.Prefix
	Gateway netip.Addr // invalid: on the link itself
	Metric  *int
	MTU     int
	Table   int    // of routes; 0: the main one
	OnLink  bool   // the gateway is on the link, though no address is of its network
	Type    string // unicast, blackhole, prohibit, throw, unreachable, local, …; "": unicast
	Scope   string // global, link or host; "": as the kernel has it
	Source  netip.Addr

	CongestionWindow, ReceiveWindow, SegmentSize int // in segments, bytes, bytes; 0: not given
}

// DefaultRoute returns where the default route of a gateway's family leads; of IPv4 when
// there is no gateway.
func DefaultRoute(gateway netip.Addr) netip.Prefix {
	if gateway.Is6() {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// Rule says which packets go by which table of routes (ip-rule(8)).
type Rule struct {
	Family   Family       // of From or To, or of the rule when it has neither
	From, To netip.Prefix // invalid: any
	Table    int          // 0: not given
	Priority *int         // lower ones are asked first
	Mark     int          // of the packet; 0: any
	TOS      int          // 0: any
}

// DNS is name servers and the domains to look in.
type DNS struct {
	Servers []netip.Addr
	Search  []string
}

// Join adds the servers and domains that are not there yet.
func (d *DNS) Join(more DNS) {
	for _, server := range more.Servers {
		if !slices.Contains(d.Servers, server) {
			d.Servers = append(d.Servers, server)
		}
	}
	for _, domain := range more.Search {
		if !slices.Contains(d.Search, domain) {
			d.Search = append(d.Search, domain)
		}
	}
}
