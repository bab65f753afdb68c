package networktest

import (
	"fmt"
	"strings"
)

// Sizes are the numbers of devices by which it is measured how work grows.
func Sizes() []int { return []int{250, 500, 1000, 2000} }

// Many2 is a configuration of version 2 with n devices: half of them VLANs, a quarter
// bonds, each of one interface, and these interfaces. Each VLAN has an address, two
// routes, a name server and a domain of its own.
func Many2(n int) (string, []NIC) {
	nics := manyNICs(n / 4)
	var text strings.Builder
	text.WriteString("version: 2\nethernets:\n")
	for i, nic := range nics {
		fmt.Fprintf(&text, "  id%d: {match: {macaddress: %q}, set-name: %s}\n", i, nic.MAC, nic.Name)
	}
	text.WriteString("bonds:\n")
	for i := range nics {
		fmt.Fprintf(&text, "  bond%d: {interfaces: [id%d], parameters: {mode: 802.3ad, mii-monitor-interval: 100}}\n", i, i)
	}
	text.WriteString("vlans:\n")
	for i := range n - 2*len(nics) {
		fmt.Fprintf(&text, "  v%d:\n    {id: %d, link: bond%d, addresses: [%s/24], routes: [{to: default, via: %s, metric: %d}, {to: %s/24, via: %s}],\n     nameservers: {addresses: [%s], search: [d%d.example.com]}}\n",
			i, i+1, i%len(nics), address(10, i, 2), address(10, i, 1), i+100, address(11, i, 0), address(10, i, 1), address(12, i, 53), i)
	}
	return text.String(), nics
}

// Many1 is the same in version 1.
func Many1(n int) (string, []NIC) {
	nics := manyNICs(n / 4)
	var text strings.Builder
	text.WriteString("version: 1\nconfig:\n")
	for _, nic := range nics {
		fmt.Fprintf(&text, "- {type: physical, name: %s, mac_address: %q}\n", nic.Name, nic.MAC)
	}
	for i, nic := range nics {
		fmt.Fprintf(&text, "- {type: bond, name: bond%d, bond_interfaces: [%s], params: {bond-mode: 802.3ad, bond-miimon: 100}}\n", i, nic.Name)
	}
	for i := range n - 2*len(nics) {
		fmt.Fprintf(&text, "- type: vlan\n  name: v%d\n  vlan_id: %d\n  vlan_link: bond%d\n  subnets:\n  - {type: static, address: %s/24, gateway: %s, dns_nameservers: [%s], dns_search: [d%d.example.com],\n     routes: [{network: %s/24, gateway: %s}]}\n",
			i, i+1, i%len(nics), address(10, i, 2), address(10, i, 1), address(12, i, 53), i, address(11, i, 0), address(10, i, 1))
	}
	return text.String(), nics
}

func manyNICs(n int) []NIC {
	nics := make([]NIC, n)
	for i := range nics {
		nics[i] = NIC{Name: fmt.Sprintf("eth%d", i), MAC: fmt.Sprintf("52:54:00:00:%02x:%02x", i/256, i%256)}
	}
	return nics
}

func address(net, i, host int) string { return fmt.Sprintf("%d.%d.%d.%d", net, i/256, i%256, host) }
