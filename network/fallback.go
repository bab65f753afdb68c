package network

import (
	"slices"
	"strings"
)

// Fallback returns the configuration of a machine that was given none: DHCP for both
// families on the interface that looks most like a network. nil when there is none.
func Fallback(nics []NIC) *Config {
	var connected, possible []NIC
	for _, nic := range nics {
		switch {
		case !nic.Candidate():
		case nic.Carrier:
			connected = append(connected, nic)
		case nic.Dormant || slices.Contains([]string{"dormant", "down", "lowerlayerdown", "unknown"}, nic.Operstate):
			possible = append(possible, nic)
		}
	}
	chosen := slices.Concat(first(connected), first(possible))
	if len(chosen) == 0 {
		return nil
	}
	nic := chosen[0]
	return &Config{Devices: []*Device{{
		Key: nic.Name, Name: nic.Name, Type: Physical, MAC: nic.MAC, Rename: true,
		Subnets: []Subnet{{Family: IPv4, Method: Dynamic}, {Family: IPv6, Method: Dynamic}},
	}}}
}

// Candidate reports whether an interface may be the one: a bridge, a VLAN, the member of
// something or half of a veth pair is part of a network that someone else made.
func (nic NIC) Candidate() bool {
	return nic.Name != "lo" && nic.MAC != "" && !strings.HasPrefix(nic.Name, "veth") && !nic.Bridge && !nic.Bond && !nic.VLAN && nic.Master == ""
}

// first sorts eth0 before all others, and these by their names. It gives one or none.
func first(nics []NIC) []NIC {
	slices.SortFunc(nics, func(a, b NIC) int {
		switch {
		case a.Name == b.Name:
			return 0
		case a.Name == "eth0":
			return -1
		case b.Name == "eth0":
			return 1
		}
		return naturalCompare(a.Name, b.Name)
	})
	return nics[:min(len(nics), 1)]
}
