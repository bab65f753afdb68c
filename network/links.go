package network

import (
	"net/netip"
	"slices"

	"cloudseed/secret"
)

// Bond joins interfaces into one.
type Bond struct {
	Members []string // names of devices
	Options []Option // by the kernel's names: mode, miimon, xmit_hash_policy
}

// Option is a setting as it was written.
type Option struct{ Name, Value string }

// Bridge is a switch in the machine. Its numbers are as they were written; times are in
// seconds. "" is not given.
type Bridge struct {
	Ports        []string // names of devices
	STP          *bool    // nil: not given
	Priority     string
	Ageing       string // how long an address is remembered
	ForwardDelay string
	HelloTime    string
	MaxAge       string
	PathCost     []PortNumber
	PortPriority []PortNumber
}

// PortNumber is a number for one port of a bridge.
type PortNumber struct {
	Port   string // name of a device
	Number int
}

// VLAN is a tagged part of another interface.
type VLAN struct {
	ID   int
	Link string // name of a device
}

// VRF is a set of interfaces with a routing table of their own.
type VRF struct {
	Table   int
	Members []string // names of devices
}

// Tunnel is an interface whose packets travel inside others. Mode is netplan's and the
// kernel's word: gre, gretap, ipip, sit, vti, ip6gre, ip6gretap, ipip6, ip6ip6, vti6,
// isatap, vxlan, wireguard.
type Tunnel struct {
	Mode      string
	Local     netip.Addr // invalid: not given
	Remote    netip.Addr
	TTL       int    // 0: not given
	InputKey  string // a number, or one written as an IPv4 address
	OutputKey string
	VXLAN     *VXLAN     // of mode vxlan
	WireGuard *WireGuard // of mode wireguard
}

// VXLAN is an Ethernet in UDP packets (RFC 7348).
type VXLAN struct {
	ID            int
	Link          string // name of a device; "": any
	Port          int    // 0: not given
	PortRange     [2]int // of the source
	Ageing        int    // seconds
	Limit         int    // of learnt addresses
	TypeOfService int
	FlowLabel     int
	Learning      *bool // nil: as the kernel does it
	Proxy         *bool // answer for neighbours (netplan: arp-proxy)
	ShortCircuit  *bool
	DoNotFragment *bool
	Notifications []string // "l2-miss", "l3-miss"
	Checksums     []string // "udp", "zero-udp6-tx", …
	Extensions    []string // "group-policy", "generic-protocol"
	Suppress      *bool    // neighbour discovery (netplan: neigh-suppress)
}

// WireGuard is an encrypted tunnel to peers.
type WireGuard struct {
	PrivateKey secret.String // base64, or the absolute path of a file with it
	Port       int           // 0: not given
	Mark       int           // of the outer packets
	Peers      []Peer
}

// Peer is the other end of a WireGuard tunnel.
type Peer struct {
	PublicKey    string
	PresharedKey secret.String
	Endpoint     string // "host:port"; "": it calls
	AllowedIPs   []netip.Prefix
	Keepalive    int // seconds; 0: none
}

// WiFi is a wireless interface.
type WiFi struct {
	AccessPoints []AccessPoint
}

// AccessPoint is a wireless network.
type AccessPoint struct {
	SSID          string
	Password      secret.String
	KeyManagement string // netplan's none, psk, sae, eap, …; "": psk with a password
	Mode          string // infrastructure, ap, adhoc; "": infrastructure
	Band          string // "2.4GHz", "5GHz"; "": any
	Channel       int    // 0: any
	BSSID         string // this station only
	Hidden        bool   // it does not tell its name
}

// Members returns the names of the devices that belong to this one.
func (d *Device) Members() []string {
	switch {
	case d.Bond != nil:
		return d.Bond.Members
	case d.Bridge != nil:
		return d.Bridge.Ports
	case d.VRF != nil:
		return d.VRF.Members
	}
	return nil
}

// references returns all places where a device names another.
func (d *Device) references() []*string {
	var all []*string
	for i := range d.Members() {
		all = append(all, &d.Members()[i])
	}
	switch {
	case d.Bond != nil:
		for i := range d.Bond.Options {
			if o := &d.Bond.Options[i]; o.Name == "primary" {
				all = append(all, &o.Value)
			}
		}
	case d.Bridge != nil:
		for _, ports := range [][]PortNumber{d.Bridge.PathCost, d.Bridge.PortPriority} {
			for i := range ports {
				all = append(all, &ports[i].Port)
			}
		}
	case d.VLAN != nil:
		all = append(all, &d.VLAN.Link)
	case d.Tunnel != nil && d.Tunnel.VXLAN != nil:
		all = append(all, &d.Tunnel.VXLAN.Link)
	}
	return all
}

// AddRoutes gives routes to the first subnet of their family.
func (d *Device) AddRoutes(routes ...Route) {
	for _, route := range routes {
		i := slices.IndexFunc(d.Subnets, func(s Subnet) bool { return s.Family == FamilyOf(route.To.Addr()) && s.Method != None })
		if i < 0 && len(d.Subnets) == 0 {
			d.Routes = append(d.Routes, route)
			continue
		}
		s := &d.Subnets[max(i, 0)]
		s.Routes = append(s.Routes, route)
	}
}
