// Package network reads every form of network configuration that seeds carry into one
// model: cloud-init's version 1 and 2, Debian's interfaces file, OpenStack's
// network_data.json, and what to do when there is none.
//
// In come values or text and the machine's interfaces, out come a Config and problems
// with their places. It changes nothing, and never knows who writes the result for
// which network service, nor where a configuration was found.
package network

import (
	"io/fs"
	"net/netip"

	"cloudseed/config"
)

// Config is a machine's network configuration, whatever it was written in.
type Config struct {
	Disabled bool      // `config: disabled`: leave networking alone
	Devices  []*Device // in the order in which they were written
	DNS      DNS       // for every device that names no servers or domains of its own
}

// Device is one interface.
type Device struct {
	Key       string // its name in the configuration; files are named by it
	Name      string // its name in the machine
	Type      Type
	MAC       string // lower case, with colons; "" when it is found by name
	Rename    bool   // the interface that has MAC gets the name Name
	Driver    string // a rename wants this driver too
	DeviceID  string // and this device: "0x1000"
	MTU       int    // 0: not given
	WakeOnLAN bool
	AcceptRA  *bool // router advertisements; nil: as the system has it
	Optional  bool  // the boot need not wait for it
	Subnets   []Subnet
	DNS       DNS
	Bond      *Bond
	Bridge    *Bridge
	VLAN      *VLAN
	Pos       config.Pos
}

// Type is what kind of interface a device is.
type Type string

// The kinds of interfaces.
const (
	Physical   Type = "physical"
	Loopback   Type = "loopback"
	BondType   Type = "bond"
	BridgeType Type = "bridge"
	VLANType   Type = "vlan"
	Infiniband Type = "infiniband"
)

// Bond joins interfaces into one.
type Bond struct {
	Members []string // names of devices
	Options []Option // by the kernel's names: mode, miimon, xmit_hash_policy
}

// Bridge is a switch in the machine.
type Bridge struct {
	Ports    []string // names of devices
	STP      *bool    // nil: not given
	Priority string
	Ageing   string // seconds for which an address is remembered
}

// VLAN is a tagged part of another interface.
type VLAN struct {
	ID   int
	Link string // name of a device
}

// Option is a setting as it was written.
type Option struct{ Name, Value string }

// Family is IPv4 or IPv6.
type Family string

// The two families of addresses.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

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
	Family  Family
	Method  Method
	Address netip.Prefix // of Static: the address with the length of its network
	Gateway netip.Addr
	Routes  []Route
	DNS     DNS
	MTU     int  // 0: not given
	Metric  *int // of the routes that come with the address

	// OnDemand is `control: manual`, or no `auto` line: not brought up at boot. Of
	// cloud-init's renderers only the one for ifcfg files heeds it.
	OnDemand bool
}

// Route is a way to a network.
type Route struct {
	To      netip.Prefix
	Gateway netip.Addr // invalid: on the link itself
	Metric  *int
	MTU     int
	Table   int  // of routes; 0: the main one
	OnLink  bool // the gateway is on the link, though no address is of its network
}

// DNS is name servers and the domains to look in.
type DNS struct {
	Servers []netip.Addr
	Search  []string
}

// File is a file that a renderer wants written.
type File struct {
	Path    string
	Mode    fs.FileMode
	Content []byte
	Device  string // the name of the interface that it brings up; "" when it is not one's own
	Shared  bool   // others have their part in it: it stays when it is not written any more
}

// problems collects what went wrong while reading.
type problems []config.Problem

func (p *problems) add(s config.Severity, pos config.Pos, key, message string) {
	*p = append(*p, config.Problem{Severity: s, Pos: pos, Key: key, Message: message})
}
