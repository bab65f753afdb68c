package network

// Missing returns the devices of a configuration that are hardware and that the machine does
// not have: by MAC address, else by name.
func Missing(c *Config, nics []NIC) []*Device {
	if c == nil || c.Disabled {
		return nil
	}
	names := map[string]bool{}
	for _, nic := range nics {
		names[nic.Name] = true
	}
	known := MACsOf(nics)
	var missing []*Device
	for _, d := range c.Devices {
		if d.Type != Physical && d.Type != Infiniband {
			continue
		}
		there := names[d.Name]
		if d.MAC != "" {
			_, there = known.Find(d.MAC)
		}
		if !there {
			missing = append(missing, d)
		}
	}
	return missing
}
