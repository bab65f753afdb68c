package network

import (
	"net/netip"
	"slices"
)

// networks tell which subnet a route goes with that names no device. They are made once
// for all routes.
type networks struct {
	first   map[netip.Prefix]numbered // of each network
	lengths []int                     // of the networks that there are
	dynamic map[Family][]*Subnet      // who get their addresses elsewhere
	only    *Device                   // the one device, if there is one only
}

type numbered struct {
	number int // in the order of the configuration
	subnet *Subnet
}

func networksOf(devices []*Device) *networks {
	n := &networks{first: map[netip.Prefix]numbered{}, dynamic: map[Family][]*Subnet{}}
	number := 0
	real := slices.DeleteFunc(slices.Clone(devices), func(d *Device) bool { return d.Type == Loopback })
	if len(real) == 1 {
		n.only = real[0]
	}
	for _, d := range devices {
		for i := range d.Subnets {
			s := &d.Subnets[i]
			number++
			if own := s.Address.Masked(); own.IsValid() {
				if _, ok := n.first[own]; !ok {
					n.first[own] = numbered{number, s}
				}
				if !slices.Contains(n.lengths, own.Bits()) {
					n.lengths = append(n.lengths, own.Bits())
				}
			}
			if s.Method != Static && s.Method != None && s.Method != Manual {
				n.dynamic[s.Family] = append(n.dynamic[s.Family], s)
			}
		}
	}
	return n
}

// give gives a route to the first subnet with the route's gateway in its network, to the
// only one that gets its addresses of that family elsewhere, or to the only device; false
// when there is none of these.
func (n *networks) give(route Route) bool {
	if s := n.of(route); s != nil {
		s.Routes = append(s.Routes, route)
		return true
	}
	if n.only == nil {
		return false
	}
	giveRoutes(n.only, []Route{route})
	return true
}

func (n *networks) of(route Route) *Subnet {
	var found numbered
	if route.Gateway.IsValid() && route.Gateway.Zone() == "" {
		for _, length := range n.lengths {
			network, err := route.Gateway.Prefix(length)
			if err != nil {
				continue // longer than the addresses of its family are
			}
			if one, ok := n.first[network]; ok && (found.subnet == nil || one.number < found.number) {
				found = one
			}
		}
	}
	if dynamic := n.dynamic[familyOf(route.To.Addr())]; found.subnet == nil && len(dynamic) == 1 {
		return dynamic[0]
	}
	return found.subnet
}
