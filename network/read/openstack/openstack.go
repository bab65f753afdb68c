package network

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
)

// openStack reads network_data.json: links are devices, networks the addresses on
// them, services the name servers.
type openStack struct {
	*reader
	ids    map[string]*Device // by the links' ids
	wanted map[*Device]int    // how many networks a device was to have
	links  []link
	bonds  int
}

// link is a device with what it says of others, by their ids.
type link struct {
	device  *Device
	key     string
	members []string // of a bond
}

// ParseOpenStack reads OpenStack's network_data.json, also as oVirt and CloudStack
// write it. nil means that there is nothing in it. nics are the machine's interfaces,
// which links name by their MAC addresses or, in oVirt, only by their names.
func ParseOpenStack(v *config.Value, nics []NIC) (*Config, []config.Problem) {
	r := newReader(nics)
	if absent(v) {
		return nil, nil
	}
	if v.Kind() != config.Map {
		r.error(v, "", "expected a mapping")
		return nil, r.problems
	}
	if v.Get("network") != nil || v.Get("version") != nil {
		// Difference from cloud-init: KubeVirt puts into this file whatever it is given,
		// which cloud-init then reads as nothing.
		return Parse(v, nics)
	}
	links, keys := r.maps(v.Get("links"), "links")
	services, serviceKeys := r.maps(v.Get("services"), "services")
	if len(links)+len(services) == 0 {
		return nil, r.problems
	}
	o := &openStack{reader: r, ids: map[string]*Device{}, wanted: map[*Device]int{}}
	for i, service := range services {
		o.service(&r.config.DNS, service, serviceKeys[i])
	}
	if len(links) == 0 {
		r.onlyDNS()
		return r.config, r.problems
	}
	for i, v := range links {
		o.link(v, keys[i])
	}
	o.networks(v.Get("networks"))
	o.adopt()
	o.resolve()
	return r.config, r.problems
}

// link reads a link. Types that are not known are interfaces too, as in cloud-init.
func (o *openStack) link(v *config.Value, key string) {
	id := o.text(v.Get("id"), key+".id")
	d := &Device{Name: o.text(v.Get("name"), key+".name"), Type: Physical, Pos: v.Pos()}
	d.MTU = o.mtu(v.Get("mtu"), key+".mtu")
	d.MAC = o.mac(v.Get("ethernet_mac_address"), key+".ethernet_mac_address")
	l := link{device: d, key: key}
	switch kind := o.text(v.Get("type"), key+".type"); kind {
	case "bond":
		d.Type, d.Bond = BondType, &Bond{Options: o.linkOptions(v, key)}
		if d.Name == "" {
			d.Name = fmt.Sprintf("bond%d", o.bonds) // the id is nothing that a person would know
			o.bonds++
		}
		l.members = o.names(v.Get("bond_links"), key+".bond_links")
	case "vlan":
		d.Type, d.Name = VLANType, "" // it is named by its parent, as in cloud-init
		d.MAC = o.mac(v.Get("vlan_mac_address"), key+".vlan_mac_address")
		if d.VLAN = o.vlan(v, key, "vlan_id", "vlan_link"); d.VLAN == nil {
			return
		}
	default:
		if !slices.Contains(physicalLinks, kind) {
			o.warn(v.Get("type"), key+".type", "the type %q is not known; it is treated as an interface", kind)
		}
		if !o.find(v, d, key) {
			return
		}
	}
	if o.ids[id] != nil {
		o.warn(v, key+".id", "a second link has the id %q; its networks go with the first", id)
	} else {
		o.ids[id] = d
	}
	o.links = append(o.links, l)
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
func (o *openStack) find(v *config.Value, d *Device, key string) bool {
	nic, ok := o.macs.find(d.MAC)
	switch {
	case d.Name == "" && d.MAC == "":
		o.error(v, key, "a link without a name or a MAC address; it was skipped")
		return false
	case d.Name == "" && !ok:
		d.Name = o.standIn(d.MAC)
		o.warnOfMachine(v, key, "no interface has the MAC address %s; it is configured as %s for when one has", d.MAC, d.Name)
		return true
	case d.Name == "":
		d.Name = nic.Name
	}
	d.Rename = d.MAC != ""
	if ok && nic.InfiniBand {
		d.Type, d.MAC, d.Rename = Infiniband, nic.MAC, false
	}
	return true
}

// standIn is a name for an interface that is not there: of the last three bytes of its
// address, so that a VLAN's number still has room behind it, or of six if a link has that
// name.
func (o *openStack) standIn(mac string) string {
	digits := strings.ReplaceAll(mac, ":", "")
	for _, l := range o.links {
		if l.device.Name == "nic"+digits[len(digits)-6:] {
			return "nic" + digits[len(digits)-12:]
		}
	}
	return "nic" + digits[len(digits)-6:]
}

// linkOptions are a bond's options, which stand beside its other keys.
func (o *openStack) linkOptions(v *config.Value, key string) []Option {
	var options []Option
	for _, name := range v.Keys() {
		if kernel, ok := strings.CutPrefix(name, "bond_"); ok && kernel != "links" {
			options = o.option(options, v.Get(name), kernel, key+"."+name)
		}
	}
	return options
}

// adopt finds other interfaces for links whose names no interface has.
func (o *openStack) adopt() {
	c := &Config{}
	for _, l := range o.links {
		c.Devices = append(c.Devices, l.device)
	}
	o.problems = append(o.problems, AdoptByOrder(c, o.nics)...)
}

// resolve puts names in the place of ids, when all names are known, and takes the
// devices that can be used into the configuration.
func (o *openStack) resolve() {
	seen := map[*Device]bool{}
	for _, l := range o.links {
		o.nameVLAN(l.device, seen)
	}
	for _, l := range o.links {
		d := l.device
		for _, id := range l.members {
			member := o.ids[id]
			if member == nil || member.Name == "" {
				o.add(config.Error, d.Pos, l.key+".bond_links", fmt.Sprintf("there is no link %q; the bond goes without it", id))
				continue
			}
			d.Bond.Members = append(d.Bond.Members, member.Name)
		}
		if d.VLAN != nil {
			parent := o.ids[d.VLAN.Link]
			if parent == nil || parent.Name == "" || d.Name == "" {
				o.add(config.Error, d.Pos, l.key+".vlan_link", fmt.Sprintf("there is no link %q; the VLAN was skipped", d.VLAN.Link))
				continue
			}
			d.VLAN.Link = parent.Name
		}
		d.Key = d.Name
		if o.usable(d, o.wanted[d], l.key) {
			o.device(d, l.key)
		}
	}
	o.finish() // a bond's member may be skipped for its addresses
}

// nameVLAN names a VLAN by what it is part of, which may be a VLAN too. One that is
// part of itself gets no name.
//
// Difference from cloud-init: it names the VLAN of a VLAN by the other's id.
func (o *openStack) nameVLAN(d *Device, seen map[*Device]bool) {
	var chain []*Device
	for d != nil && d.VLAN != nil && !seen[d] {
		seen[d] = true
		chain = append(chain, d)
		d = o.ids[d.VLAN.Link]
	}
	for _, d := range slices.Backward(chain) {
		if parent := o.ids[d.VLAN.Link]; d.Name == "" && parent != nil && parent.Name != "" {
			d.Name = fmt.Sprintf("%s.%d", parent.Name, d.VLAN.ID)
		}
	}
}
