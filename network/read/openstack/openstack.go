// Package openstack reads OpenStack's network_data.json, also as oVirt and CloudStack
// write it: links are devices, networks the addresses on them, services the name servers.
//
// It takes the mapping with its place and the machine's interfaces, and returns a Config;
// what cannot be read is reported and skipped. It knows no other language.
package openstack

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// reader is a configuration that is being read.
type reader struct {
	*network.Draft
	ids    map[string]*network.Device // by the links' ids
	wanted map[*network.Device]int    // how many networks a device was to have
	links  []link
	bonds  int
}

// link is a device with what it says of others, by their ids.
type link struct {
	device  *network.Device
	at      config.Cursor
	members []string // of a bond
}

// Read reads network_data.json. nil means that there is nothing in it. nics are the
// machine's interfaces, which links name by their MAC addresses or, in oVirt, only by
// their names.
func Read(c config.Cursor, nics []network.NIC) *network.Config {
	if values.Absent(c) {
		return nil
	}
	if c.Kind() != config.Map {
		c.Errorf("expected a mapping")
		return nil
	}
	links, services := values.Maps(c.Get("links")), values.Maps(c.Get("services"))
	if len(links)+len(services) == 0 {
		return nil
	}
	r := &reader{Draft: network.NewDraft(nics), ids: map[string]*network.Device{}, wanted: map[*network.Device]int{}}
	for _, item := range services {
		service(&r.Config.DNS, item)
	}
	if len(links) == 0 {
		r.OnlyDNS()
		return r.Config
	}
	for _, item := range links {
		r.link(item)
	}
	r.networks(c.Get("networks"))
	c.Findings().Add(r.adopt()...)
	r.resolve()
	r.Finish() // a bond's member may be skipped for its addresses
	return r.Config
}

// link reads a link. Types that are not known are interfaces too, as in cloud-init.
func (r *reader) link(c config.Cursor) {
	id := values.Text(c.Get("id"))
	d := &network.Device{Name: values.Text(c.Get("name")), Type: network.Physical, Pos: c.Pos()}
	d.MTU = values.MTU(c.Get("mtu"))
	d.MAC = values.MAC(c.Get("ethernet_mac_address"))
	l := link{device: d, at: c}
	switch kind := values.Text(c.Get("type")); kind {
	case "bond":
		d.Type, d.Bond = network.BondType, &network.Bond{Options: bondOptions(c)}
		if d.Name == "" {
			d.Name = fmt.Sprintf("bond%d", r.bonds) // the id is nothing that a person would know
			r.bonds++
		}
		l.members = values.Names(c.Get("bond_links"))
	case "vlan":
		d.Type, d.Name = network.VLANType, "" // it is named by its parent, as in cloud-init
		d.MAC = values.MAC(c.Get("vlan_mac_address"))
		if d.VLAN = values.VLAN(c, "vlan_id", "vlan_link"); d.VLAN == nil {
			return
		}
	default:
		if !slices.Contains(physicalLinks, kind) {
			c.Get("type").Warnf("the type %q is not known; it is treated as an interface", kind)
		}
		if !r.find(d, c) {
			return
		}
	}
	if r.ids[id] != nil {
		c.Under(c.Get("id")).Warnf("a second link has the id %q; its networks go with the first", id)
	} else {
		r.ids[id] = d
	}
	r.links = append(r.links, l)
}

// physicalLinks are the types of links that are interfaces of the machine (nova,
// virt/netutils.py); "" is no type at all.
var physicalLinks = []string{
	"", "bgpovs", "bridge", "cascading", "dvs", "ethernet", "hw_veb", "hyperv", "ovs", "phy", "tap", "vhostuser", "vif", "macvtap",
}

// find names an interface by its MAC address when the link has no name, and makes
// an InfiniBand port of one that is.
//
// Difference from cloud-init: an interface that is not there fails the whole
// configuration there. Here its device is kept, under a name that is no interface's,
// for the day on which it comes.
func (r *reader) find(d *network.Device, c config.Cursor) bool {
	nic, ok := r.NIC(d.MAC)
	switch {
	case d.Name == "" && d.MAC == "":
		c.Errorf("a link without a name or a MAC address; it was skipped")
		return false
	case d.Name == "" && !ok:
		d.Name = r.standIn(d.MAC)
		r.MissingNIC(c, "no interface has the MAC address %s; it is configured as %s for when one has", d.MAC, d.Name)
		return true
	case d.Name == "":
		d.Name = nic.Name
	}
	d.Rename = d.MAC != ""
	if ok && nic.InfiniBand {
		d.Type, d.MAC, d.Rename = network.Infiniband, nic.MAC, false
	}
	return true
}

// standIn returns a name for an interface that is not there: of the last three bytes of its
// address, so that a VLAN's number still has room behind it, or of six if a link has that
// name.
func (r *reader) standIn(mac string) string {
	digits := strings.ReplaceAll(mac, ":", "")
	for _, l := range r.links {
		if l.device.Name == "nic"+digits[len(digits)-6:] {
			return "nic" + digits[len(digits)-12:]
		}
	}
	return "nic" + digits[len(digits)-6:]
}

// bondOptions reads a bond's options, which are beside its other keys.
func bondOptions(c config.Cursor) []network.Option {
	var options []network.Option
	for _, entry := range c.Entries() {
		if kernel, ok := strings.CutPrefix(entry.Key, "bond_"); ok && kernel != "links" {
			options = values.BondOption(options, entry.Value, kernel)
		}
	}
	return options
}

// adopt finds other interfaces for links whose names no interface has.
func (r *reader) adopt() []config.Problem {
	c := &network.Config{}
	for _, l := range r.links {
		c.Devices = append(c.Devices, l.device)
	}
	return network.AdoptByOrder(c, r.NICs)
}

// resolve puts names in the place of ids, when all names are known, and takes the
// devices that can be used into the configuration.
func (r *reader) resolve() {
	seen := map[*network.Device]bool{}
	for _, l := range r.links {
		r.nameVLAN(l.device, seen)
	}
	for _, l := range r.links {
		d := l.device
		for _, id := range l.members {
			member := r.ids[id]
			if member == nil || member.Name == "" {
				l.at.Under(l.at.Get("bond_links")).Errorf("there is no link %q; the bond goes without it", id)
				continue
			}
			d.Bond.Members = append(d.Bond.Members, member.Name)
		}
		if d.VLAN != nil {
			parent := r.ids[d.VLAN.Link]
			if parent == nil || parent.Name == "" || d.Name == "" {
				l.at.Under(l.at.Get("vlan_link")).Errorf("there is no link %q; the VLAN was skipped", d.VLAN.Link)
				continue
			}
			d.VLAN.Link = parent.Name
		}
		d.Key = d.Name
		r.Add(d, r.wanted[d], l.at)
	}
}

// nameVLAN names a VLAN by what it is part of, which may be a VLAN too. One that is
// part of itself gets no name.
//
// Difference from cloud-init: it names the VLAN of a VLAN by the other's id.
func (r *reader) nameVLAN(d *network.Device, seen map[*network.Device]bool) {
	var chain []*network.Device
	for d != nil && d.VLAN != nil && !seen[d] {
		seen[d] = true
		chain = append(chain, d)
		d = r.ids[d.VLAN.Link]
	}
	for _, d := range slices.Backward(chain) {
		if parent := r.ids[d.VLAN.Link]; d.Name == "" && parent != nil && parent.Name != "" {
			d.Name = fmt.Sprintf("%s.%d", parent.Name, d.VLAN.ID)
		}
	}
}
