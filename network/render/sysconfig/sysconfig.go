// Package sysconfig writes a network configuration as the ifcfg files of the RHEL
// family, which initscripts and older NetworkManagers read.
//
// In comes the one model of package network, out come files with their contents, those
// of cloud-init's newest version, and problems with what ifcfg files cannot say. It
// never knows where the configuration came from; it writes nothing itself.
package sysconfig

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// header is what cloud-init puts at the head of its files, less the comment's sign.
const header = "%[1]s Created by cloud-init automatically, do not edit.\n%[1]s\n"

// mode lets everyone read: there are no secrets in these files.
const mode = 0o644

// The files that others have a part in.
const (
	resolvPath  = "/etc/resolv.conf"
	networkPath = "/etc/sysconfig/network"
)

// renderer holds the files while devices refer to one another.
type renderer struct {
	config       *network.Config
	ifcfgs       map[string]ifcfg // by the names of devices
	defaultRoute bool             // some device has one of its own
	found        config.Findings
}

// Render returns the files of all devices but loopback, and those that go with them.
// existing gives what is in a file now, nil when there is none: resolv.conf and
// sysconfig/network keep what others wrote.
func Render(c *network.Config, existing func(path string) []byte) ([]network.File, []config.Problem) {
	if c == nil || c.Disabled {
		return nil, nil
	}
	r := &renderer{config: c, ifcfgs: map[string]ifcfg{}, defaultRoute: hasDefaultRoute(c)}
	var devices []*network.Device
	for _, d := range c.Devices {
		switch d.Type {
		case network.Loopback:
			continue
		case network.VRFType, network.DummyType, network.TunnelType, network.WiFiType:
			d.At(&r.found).Errorf("a %s cannot be told to ifcfg files; it was skipped", d.Type)
			continue
		}
		if r.ifcfgs[d.Name] != nil {
			d.At(&r.found).Errorf("there are two devices of this name; the second was skipped")
			continue
		}
		r.ifcfgs[d.Name] = ifcfg{}
		devices = append(devices, d)
	}
	var files []network.File
	for _, d := range devices {
		files = append(files, r.device(d)...)
	}
	for _, d := range devices {
		r.members(d)
	}
	for _, d := range devices {
		f := text("/etc/sysconfig/network-scripts/ifcfg-"+d.Name, r.ifcfgs[d.Name].String())
		f.Device = d.Name
		files = append(files, f)
	}
	slices.SortStableFunc(files, func(a, b network.File) int { return strings.Compare(a.Path, b.Path) })
	return append(files, r.shared(existing)...), r.found.List()
}

func text(path, content string) network.File {
	return network.File{Path: path, Mode: mode, Content: []byte(content)}
}

// shared returns a file that others have a part in.
func shared(path, content string) network.File {
	f := text(path, content)
	f.Shared = true
	return f
}

func hasDefaultRoute(c *network.Config) bool {
	for _, d := range c.Devices {
		for _, s := range d.Subnets {
			if slices.ContainsFunc(s.Routes, isDefault) {
				return true
			}
		}
	}
	return false
}

// isDefault reports whether a route is where all else goes: one in the main table that leads
// somewhere.
func isDefault(route network.Route) bool {
	return route.To.Bits() == 0 && route.To.Addr().IsUnspecified() && route.Table == 0 && !leadsNowhere(route)
}

// typeNames are the words of ifcfg files for kinds of devices. A VLAN has none, as in
// cloud-init: initscripts know it by VLAN=yes.
var typeNames = map[network.Type]string{
	network.Physical:   "Ethernet",
	network.BondType:   "Bond",
	network.BridgeType: "Bridge",
	network.Infiniband: "InfiniBand",
}

// device fills in the ifcfg file of one device, and gives its files of routes.
func (r *renderer) device(d *network.Device) []network.File {
	f := r.ifcfgs[d.Name]
	f.set("DEVICE", d.Name)
	f.set("ONBOOT", "yes")
	f.set("USERCTL", "no")
	if len(d.Routes) > 0 {
		d.At(&r.found).Warnf("the device has no addresses; its routes were skipped")
	}
	if name := typeNames[d.Type]; name != "" {
		f.set("TYPE", name)
	}
	if d.MTU > 0 {
		f.set("MTU", fmt.Sprint(d.MTU))
	}
	if d.AcceptRA != nil {
		f.set("IPV6_FORCE_ACCEPT_RA", yesNo(*d.AcceptRA))
	}
	if d.WakeOnLAN && d.Type == network.Physical {
		f.set("ETHTOOL_OPTS", "wol g")
	}
	switch {
	case d.MAC == "":
	case d.Type == network.Physical || d.Type == network.Infiniband:
		f.set("HWADDR", d.MAC) // finds the interface
	default:
		// Difference from cloud-init: it drops the address of a VLAN, which a port of
		// OpenStack's that is a trunk's must have.
		f.set("MACADDR", d.MAC) // gives it
	}
	switch {
	case d.Bond != nil:
		f.set("BONDING_MASTER", "yes")
		if options := bondOptions(d.Bond); options != "" {
			f.set("BONDING_OPTS", options)
		}
	case d.Bridge != nil:
		r.bridge(f, d)
	case d.VLAN != nil:
		f.set("VLAN", "yes")
		f.set("PHYSDEV", d.VLAN.Link)
		r.vlanName(f, d)
	}
	r.subnets(f, d)
	r.settings(f, d)
	rules(f, d)
	return r.routes(f, d)
}

// vlanName says the number of a VLAN whose name does not end with it.
//
// Difference from cloud-init: it says no number, and a name that has none is a VLAN
// that NetworkManager cannot make.
func (r *renderer) vlanName(f ifcfg, d *network.Device) {
	id := d.VLAN.ID
	for _, form := range []string{"%s%04d", "%s%d", "%s.%04d", "%s.%d"} {
		if d.Name == fmt.Sprintf(form, d.VLAN.Link, id) {
			return
		}
	}
	if d.Name != fmt.Sprintf("vlan%d", id) {
		f.set("VLAN_ID", fmt.Sprint(id))
	}
}

// members tells the members of a bond and the ports of a bridge whose they are.
func (r *renderer) members(d *network.Device) {
	switch {
	case d.Bond != nil:
		names := slices.Clone(d.Bond.Members)
		slices.Sort(names)
		n := 0
		for _, name := range slices.Compact(names) {
			member := r.ifcfgs[name]
			if member == nil {
				d.At(&r.found).Warnf("the member %s is not configured; it was skipped of the bond", name)
				continue
			}
			r.ifcfgs[d.Name].set(fmt.Sprintf("BONDING_SLAVE%d", n), name)
			n++
			member.set("MASTER", d.Name)
			member.set("SLAVE", "yes")
		}
	case d.Bridge != nil:
		r.ports(d)
	}
}

// bondOrder is the order in which cloud-init writes a bond's options.
var bondOrder = []string{
	"mode", "xmit_hash_policy", "miimon", "min_links", "arp_interval", "arp_ip_target", "arp_validate", "ad_select",
	"num_grat_arp", "downdelay", "updelay", "lacp_rate", "fail_over_mac", "primary", "primary_reselect",
}

// bondOptions returns a bond's options on one line.
//
// Difference from cloud-init: it drops those that are not in its order.
func bondOptions(b *network.Bond) string {
	options := slices.Clone(b.Options)
	slices.SortStableFunc(options, func(a, b network.Option) int { return rank(a.Name) - rank(b.Name) })
	words := make([]string, len(options))
	for i, o := range options {
		words[i] = o.Name + "=" + o.Value
	}
	return strings.Join(words, " ")
}

func rank(option string) int {
	if i := slices.Index(bondOrder, option); i >= 0 {
		return i
	}
	return len(bondOrder)
}
