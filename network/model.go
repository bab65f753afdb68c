// Package network is the model of a machine's network configuration, and what can be said
// of it beside the machine's interfaces: which devices are missing or go by another name,
// what must be renamed, and what applies when there is no configuration.
//
// Readers (network/read) make a Config of what seeds carry, renderers (network/render)
// make files of it for a network service. It changes nothing, and knows none of them.
package network

import (
	"io/fs"

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
	MAC       string // lower case, with colons; of what is real: it is found by it; of what is not: it gets it
	ClonedMAC string // what is real gets this address, or NetworkManager's "permanent", "preserve", "random", "stable"
	Rename    bool   // the interface that is found by MAC, or else by Match, gets the name Name
	Match     Match  // how it is found without a MAC; zero: by Name
	Driver    string // a rename wants this driver too
	DeviceID  string // and this device: "0x1000"
	MTU       int    // 0: not given
	WakeOnLAN bool
	AcceptRA  *bool // router advertisements; nil: as the system has it
	Optional  bool  // the boot need not wait for it
	Link      LinkSettings
	Subnets   []Subnet
	Routes    []Route // of a device without subnets; else they are the first subnet's
	Rules     []Rule
	DNS       DNS
	Bond      *Bond // one of these, by the type; all others are nil
	Bridge    *Bridge
	VLAN      *VLAN
	VRF       *VRF
	Tunnel    *Tunnel
	WiFi      *WiFi
	Pos       config.Pos
}

// At returns the device's place, to report at.
func (d *Device) At(to *config.Findings) config.Cursor { return to.At(d.Pos, d.Key) }

// EffectiveScope returns the scope that the kernel takes a route with: one by a gateway cannot
// be of the link's scope, and is refused as that.
func (r Route) EffectiveScope() string {
	if r.Scope == "link" && r.Gateway.IsValid() {
		return ""
	}
	return r.Scope
}

// LinkSettings are netplan's settings of an interface that nothing but netplan has. The
// zero value says nothing.
type LinkSettings struct {
	MTU6              int        // of IPv6
	LinkLocal         *LinkLocal // nil: as the network service does it
	DHCPIdentifier    string     // "mac" or "duid"
	Privacy           *bool      // temporary IPv6 addresses (RFC 4941)
	AddressGeneration string     // of IPv6: "eui64" or "stable-privacy"
	Token             string     // the host's part of IPv6 addresses: "::2"
	Activation        string     // "manual": not at boot; "off": never
	IgnoreCarrier     bool
	Critical          bool // never taken down, whatever becomes of its lease
	Connected         bool // of InfiniBand: not datagrams
	OptionalAddresses []string
}

// LinkLocal says which families have link-local addresses.
type LinkLocal struct{ IPv4, IPv6 bool }

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
	VRFType    Type = "vrf"
	DummyType  Type = "dummy"
	TunnelType Type = "tunnel"
	WiFiType   Type = "wifi"
)

// File is a file that a renderer wants written.
type File struct {
	Path    string
	Mode    fs.FileMode
	Owner   string // user and group; "": root. Where there is no such user it is root's
	Secret  bool   // it holds a password or a private key
	Content []byte
	Device  string // the name of the interface that it brings up; "" when it is not one's own
	Shared  bool   // others have their part in it: it stays when it is not written any more
}

// HasSecret reports whether a device's files hold a password or a private key.
func (d *Device) HasSecret() bool {
	return d.WiFi != nil || d.Tunnel != nil && d.Tunnel.WireGuard != nil
}
