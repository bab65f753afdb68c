package network

// macs are a machine's interfaces by their hardware addresses: the real one where a
// bridge or a vlan has the same. A link's six-byte address also finds the InfiniBand port
// whose twenty bytes hold it, as cloud-init matches them.
type macs map[string]NIC

// macsOf is made once for all devices, each of which looks into it.
func macsOf(nics []NIC) macs {
	m := macs{}
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

func (m macs) find(mac string) (NIC, bool) {
	nic, ok := m[mac]
	return nic, ok
}
