package v1

import (
	"net/netip"
	"slices"

	"cloudseed/network"
)

// networks tell which subnet a route goes with that names no device. They are made once
// for all routes.
type networks struct {
	first   map[netip.Prefix]numbered            // of each network
	lengths []int                                // of the networks that there are
	dynamic map[network.Family][]*network.Subnet // who get their addresses elsewhere
	only    *network.Device                      // the one device, if there is one only
}

type numbered struct {
	number int // in the order of the configuration
	subnet *network.Subnet
}

func networksOf(devices []*network.Device) *networks {
	n := &networks{first: map[netip.Prefix]numbered{}, dynamic: map[network.Family][]*network.Subnet{}}
	number := 0
	real := slices.DeleteFunc(slices.Clone(devices), func(d *network.Device) bool { return d.Type == network.Loopback })
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
			if s.Method != network.Static && s.Method != network.None && s.Method != network.Manual {
				n.dynamic[s.Family] = append(n.dynamic[s.Family], s)
			}
		}
	}
	return n
}

// give gives a route to the first subnet with the route's gateway in its network, to the
// only one that gets its addresses of that family elsewhere, or to the only device; false
// when there is none of these.
func (n *networks) give(route network.Route) bool {
	if s := n.of(route); s != nil {
		s.Routes = append(s.Routes, route)
		return true
	}
	if n.only == nil {
		return false
	}
	n.only.AddRoutes(route)
	return true
}

func (n *networks) of(route network.Route) *network.Subnet {
	var found numbered
	if route.Gateway.IsValid() && route.Gateway.Zone() == "" {
		for _, length := range n.lengths {
			own, err := route.Gateway.Prefix(length)
			if err != nil {
				continue // longer than the addresses of its family are
			}
			if one, ok := n.first[own]; ok && (found.subnet == nil || one.number < found.number) {
				found = one
			}
		}
	}
	if dynamic := n.dynamic[network.FamilyOf(route.To.Addr())]; found.subnet == nil && len(dynamic) == 1 {
		return dynamic[0]
	}
	return found.subnet
}
