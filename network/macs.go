package network

// MACs are a machine's interfaces by their hardware addresses: the real one where a
// bridge or a vlan has the same. A link's six-byte address also finds the InfiniBand port
// whose twenty bytes hold it, as cloud-init matches them.
type MACs map[string]NIC

// MACsOf returns them. It is called once for all devices, each of which looks into it.
func MACsOf(nics []NIC) MACs {
	m := MACs{}
	add := func(mac string, nic NIC) {
		if _, ok := m[mac]; mac != "" && !ok && nic.hasMAC(mac) {
			m[mac] = nic
		}
	}
	for _, nic := range nics {
		add(nic.MAC, nic)
		add(ethernetForm(nic.MAC), nic)
	}
	return m
}

// Find returns the interface with a hardware address.
func (m MACs) Find(mac string) (NIC, bool) {
	nic, ok := m[mac]
	return nic, ok
}
