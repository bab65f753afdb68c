package eni

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// parts is what an interface's options say of other interfaces. They are names, so
// that it shows only at the end of the file what kind an interface is.
type parts struct {
	pos    config.Pos
	slaves []string // the bond's
	master string   // the bond that it belongs to
	bond   []network.Option
	bridge *network.Bridge
	raw    string // what a VLAN is part of
	id     string // of the VLAN
	routes []network.Route
}

// part reads an option that makes a bond, a bridge or a VLAN, or a member of one, and
// reports whether it was one (ifenslave(8), bridge-utils-interfaces(5),
// vlan-interfaces(5)). Dashes and underscores are the same.
//
// Difference from cloud-init: it drops them all and takes the interface for a real one.
func (r *reader) part(d *network.Device, o option) bool {
	p := r.parts[d.Name]
	if p == nil {
		p = &parts{pos: o.pos}
		r.parts[d.Name] = p
	}
	name, value := strings.ReplaceAll(o.name, "_", "-"), strings.Join(o.values, " ")
	switch {
	case name == "bond-slaves" || name == "slaves":
		p.slaves = append(p.slaves, r.members(o)...)
		p.bond = slices.Grow(p.bond, 1) // a bond, be it without options
	case name == "bond-master":
		if members := r.members(o); len(members) > 0 {
			p.master = members[0]
		}
	case strings.HasPrefix(name, "bond-"):
		r.bondOption(p, o, name)
	case strings.HasPrefix(name, "bridge-"):
		if p.bridge == nil {
			p.bridge = &network.Bridge{}
		}
		r.bridgeOption(d, p.bridge, o, name)
	case name == "vlan-raw-device":
		p.raw = value
	case name == "vlan-id":
		p.id = value
	default:
		return false
	}
	return true
}

// members returns names of interfaces; "none" is nobody's.
func (r *reader) members(o option) []string {
	var names []string
	for _, name := range o.values {
		switch {
		case name == "none":
		case name == "regex" || name == "all":
			r.At(o.pos, o.name).Warnf("%s is not understood, only names are; the rest of the line was ignored", name)
			return names
		case checkName(name) != nil:
			r.At(o.pos, o.name).Errorf("%v; it was skipped", checkName(name))
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	return names
}

func (r *reader) bondOption(p *parts, o option, name string) {
	kernel, _ := values.BondName(name)
	given := o.values
	if kernel == "primary" {
		given = given[:1]
	}
	if kernel == "" || !network.OneLine(strings.Join(given, "")) {
		r.At(o.pos, o.name).Errorf("this is no option of bonds; it was ignored")
		return
	}
	p.bond = values.SetBondOption(p.bond, kernel, given)
}

func (r *reader) bridgeOption(d *network.Device, b *network.Bridge, o option, name string) {
	numbers := map[string]*string{
		"bridge-bridgeprio": &b.Priority, "bridge-ageing": &b.Ageing, "bridge-fd": &b.ForwardDelay, "bridge-hello": &b.HelloTime, "bridge-maxage": &b.MaxAge,
	}
	perPort := map[string]*[]network.PortNumber{"bridge-pathcost": &b.PathCost, "bridge-portprio": &b.PortPriority}
	switch {
	case name == "bridge-ports":
		b.Ports = r.members(o)
	case name == "bridge-stp":
		word := strings.ToLower(o.values[0])
		on := slices.Contains([]string{"on", "yes", "1", "true"}, word)
		if !on && !slices.Contains([]string{"off", "no", "0", "false"}, word) {
			r.At(o.pos, o.name).Errorf("expected on or off, got %q; it was ignored", o.values[0])
			return
		}
		b.STP = &on
	case numbers[name] != nil:
		if n, ok := r.number(o, o.values[0]); ok {
			*numbers[name] = strconv.Itoa(n)
		}
	case perPort[name] != nil:
		if len(o.values) != 2 || checkName(o.values[0]) != nil {
			r.At(o.pos, o.name).Errorf("expected a port and a number; it was ignored")
			return
		}
		if n, ok := r.number(o, o.values[1]); ok {
			all := slices.DeleteFunc(*perPort[name], func(p network.PortNumber) bool { return p.Port == o.values[0] })
			*perPort[name] = append(all, network.PortNumber{Port: o.values[0], Number: n})
		}
	case name == "bridge-hw":
		// "bridge_hw MAC address" is what the manual seems to say.
		if mac, err := values.ParseMAC(o.values[len(o.values)-1]); err == nil {
			d.MAC = mac
			return
		}
		r.At(o.pos, o.name).Warnf("only a MAC address is understood; it was ignored")
	case slices.Contains([]string{"bridge-maxwait", "bridge-waitport", "bridge-gcint", "bridge-gcinit"}, name):
		// They are for Debian's scripts.
	default:
		r.At(o.pos, o.name).Warnf("this option of bridges is not known; it was ignored")
	}
}

func (r *reader) number(o option, text string) (int, bool) {
	seconds, _, _ := strings.Cut(text, ".") // bridge-utils takes parts of seconds
	n, err := strconv.Atoi(seconds)
	if err != nil || n < 0 || n > values.MaxMTU {
		r.At(o.pos, o.name).Errorf("expected a number of 0 to %d, got %q; it was ignored", values.MaxMTU, text)
		return 0, false
	}
	return n, true
}

// kinds makes bonds, bridges and VLANs of the devices that are some, adds those that are
// only spoken of, and gives devices their routes.
func (r *reader) kinds(c *network.Config, devices map[string]*network.Device) {
	need := func(name string, pos config.Pos) *network.Device {
		d := devices[name]
		if d == nil {
			d = &network.Device{Key: name, Name: name, Type: network.Physical, Pos: pos}
			devices[name] = d
			c.Devices = append(c.Devices, d)
		}
		return d
	}
	for _, d := range slices.Clone(c.Devices) {
		p := r.parts[d.Name]
		if p == nil || p.master == "" {
			continue
		}
		bond := need(p.master, p.pos)
		if bond.Bond == nil && bond.Type == network.Physical {
			bond.Type, bond.Bond = network.BondType, &network.Bond{}
		}
		if bond.Bond != nil {
			bond.Bond.Members = append(bond.Bond.Members, d.Name)
		}
	}
	for _, d := range slices.Clone(c.Devices) {
		p := cmp.Or(r.parts[d.Name], &parts{})
		switch {
		case d.Type == network.Loopback:
			d.MAC = "" // it has none
		case p.bond != nil && p.master == "" || d.Bond != nil:
			bond := cmp.Or(d.Bond, &network.Bond{})
			for _, name := range p.slaves {
				if !slices.Contains(bond.Members, name) {
					bond.Members = append(bond.Members, name)
				}
			}
			bond.Options = p.bond
			for _, name := range bond.Members { // ifenslave takes them from a member too
				if member := r.parts[name]; len(bond.Options) == 0 && member != nil {
					bond.Options = slices.Clone(member.bond)
				}
			}
			d.Type, d.Bond = network.BondType, bond
		case p.bridge != nil:
			d.Type, d.Bridge = network.BridgeType, p.bridge
		default:
			r.vlan(d, p)
		}
		for _, name := range d.Members() {
			member := need(name, d.Pos)
			for _, s := range member.Subnets {
				d.DNS.Join(s.DNS) // the member has no addresses to use them from
			}
			member.Subnets = slices.DeleteFunc(member.Subnets, func(s network.Subnet) bool { return s.Method == network.Manual && s.Routes == nil })
		}
		d.Rename = d.Type == network.Physical && d.MAC != ""
		d.AddRoutes(p.routes...)
	}
}

// vlan makes a VLAN of a device that says so, or whose name does: eth0.100 is one of
// eth0, vlan100 of what it names.
func (r *reader) vlan(d *network.Device, p *parts) {
	link, number, dotted := strings.Cut(d.Name, ".")
	if !dotted {
		number, dotted = strings.CutPrefix(d.Name, "vlan")
		link = ""
	}
	link, number = cmp.Or(p.raw, link), cmp.Or(p.id, number)
	const greatest = 4094 // IEEE 802.1Q
	id, err := strconv.Atoi(number)
	switch said := p.raw != "" || p.id != ""; {
	case !said && (!dotted || link == "" || err != nil):
		return // an interface like any other
	case checkName(link) != nil || err != nil || id < 0 || id > greatest:
		r.At(d.Pos, d.Name).Errorf("expected a VLAN's number and the interface that it is part of; it is treated as an interface of its own")
		return
	}
	d.Type, d.VLAN = network.VLANType, &network.VLAN{ID: id, Link: link}
}
