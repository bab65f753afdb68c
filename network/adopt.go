package network

import "cloudseed/config"

// AdoptByOrder gives the devices that are named only, by names that no interface has,
// the machine's other interfaces in their order. oVirt and Proxmox call them eth0,
// eth1, … whatever the machine calls them: oVirt asks for the names in a form, Proxmox
// makes them up. Each such change is a warning.
//
// Difference from cloud-init: it writes a configuration for an interface that is not
// there.
func AdoptByOrder(c *Config, nics []NIC) []config.Problem {
	if c == nil || len(nics) == 0 {
		return nil // nothing is known of the machine
	}
	var found config.Findings
	known := MACsOf(nics)
	taken := map[string]bool{}
	present := map[string]bool{}
	for _, nic := range nics {
		present[nic.Name] = true
	}
	var missing []*Device
	for _, d := range c.Devices {
		if d.Type != Physical {
			taken[d.Name] = true // its name, if an interface has that
			continue
		}
		if d.MAC != "" {
			if nic, ok := known.Find(d.MAC); ok {
				taken[nic.Name] = true
			}
			continue
		}
		if present[d.Name] {
			taken[d.Name] = true
		} else {
			missing = append(missing, d)
		}
	}
	var free []NIC
	for _, nic := range nics {
		if nic.Candidate() && !taken[nic.Name] {
			free = append(free, nic)
		}
	}
	renamed := map[string]string{}
	for i, d := range missing {
		if i >= len(free) {
			found.At(d.Pos, d.Name).Warnf("there is no such interface, and none is left to stand in for it")
			continue
		}
		found.At(d.Pos, d.Name).Warnf("there is no such interface; by the order of interfaces it is taken for %s", free[i].Name)
		renamed[d.Name] = free[i].Name
		if d.Key == d.Name {
			d.Key = free[i].Name
		}
		d.Name = free[i].Name
	}
	for _, d := range c.Devices {
		for _, reference := range d.references() {
			if now, ok := renamed[*reference]; ok {
				*reference = now
			}
		}
	}
	return found.List()
}
