package vm_test

import (
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// cables are the guest's interfaces: eth0 and eth1 as the kernel names them, which the
// seeds swap; two on one cable, for a bond; one for a bridge.
var cables = []vm.NIC{
	{MAC: "52:54:00:00:00:01", Cable: 1},
	{MAC: "52:54:00:00:00:02", Cable: 2},
	{MAC: "52:54:00:00:00:03", Cable: 3},
	{MAC: "52:54:00:00:00:04", Cable: 3},
	{MAC: "52:54:00:00:00:05", Cable: 4},
}

// networkV2 swaps the first two interfaces' names and has all that netplan is used for.
const networkV2 = `version: 2
ethernets:
  lan:
    match: {macaddress: "52:54:00:00:00:01"}
    set-name: eth1
    addresses: [10.60.1.10/24, 10.60.1.11/24, "fd60:0:0:1::10/64"]
    nameservers:
      addresses: [10.60.1.1, "fd60:0:0:1::1"]
      search: [lan.example, example.org]
    routes:
    - {to: default, via: 10.60.1.1, metric: 50}
    - {to: 172.16.0.0/12, via: 10.60.1.1, metric: 200}
    - {to: 192.168.7.0/24, via: 10.60.1.2, metric: 10}
    - {to: 192.168.8.0/24, via: 192.0.2.1, on-link: true}
    - {to: 192.168.9.0/24, via: 10.60.1.1, table: 77}
    - {to: "fd99::/48", via: "fd60:0:0:1::1", metric: 300}
  dynamic:
    match: {macaddress: "52:54:00:00:00:02"}
    set-name: eth0
    dhcp4: true
    dhcp6: true
    dhcp4-overrides: {route-metric: 300}
  slave0: {match: {macaddress: "52:54:00:00:00:03"}, set-name: slave0}
  slave1: {match: {macaddress: "52:54:00:00:00:04"}, set-name: slave1}
  uplink: {match: {macaddress: "52:54:00:00:00:05"}, set-name: uplink, mtu: 1400}
bonds:
  bond0:
    interfaces: [slave0, slave1]
    parameters: {mode: active-backup, primary: slave1, mii-monitor-interval: 150}
vlans:
  bond0.103:
    id: 103
    link: bond0
    mtu: 1480
    addresses: [10.60.103.10/24, "fd60:0:0:103::10/64"]
    routes:
    - {to: 172.20.0.0/16, via: 10.60.103.1, metric: 20}
bridges:
  br0:
    interfaces: [uplink]
    macaddress: "52:54:00:00:00:b0"
    addresses: [10.60.4.10/24]
    parameters: {stp: true, priority: 4096, forward-delay: 4}
`

func TestAMachineWithManyInterfacesByNetplan(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("many", "#cloud-config\n{}\n").With("network-config", networkV2)
	bootTwice(t, files.ISO(t, "cidata"), check.Net{
		Links: []check.Link{
			{
				Name: "bond0", MTU: 1500, Up: true, Kind: "bond",
				Bond: check.Bond{Mode: "active-backup", Primary: "slave1", Active: "slave1", MIIMon: 150},
			},
			{Name: "bond0.103", MTU: 1480, Up: true, Kind: "vlan", Parent: "bond0", VLAN: 103, Addresses: []string{"10.60.103.10/24", "fd60:0:0:103::10/64"}},
			{
				Name: "br0", MAC: "52:54:00:00:00:b0", MTU: 1400, Up: true, Kind: "bridge", Addresses: []string{"10.60.4.10/24"},
				Bridge: check.Bridge{STP: 1, Priority: 4096, ForwardDelay: 400, HelloTime: 200, MaxAge: 2000, AgeingTime: 30000},
			},
			{Name: "eth0", MAC: "52:54:00:00:00:02", MTU: 1500, Up: true, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}},
			{Name: "eth1", MAC: "52:54:00:00:00:01", MTU: 1500, Up: true, Addresses: []string{"10.60.1.10/24", "10.60.1.11/24", "fd60:0:0:1::10/64"}},
			{Name: "slave0", MAC: "52:54:00:00:00:03", MTU: 1500, Up: true, Master: "bond0"},
			{Name: "slave1", MAC: "52:54:00:00:00:04", MTU: 1500, Up: true, Master: "bond0"},
			{Name: "uplink", MAC: "52:54:00:00:00:05", MTU: 1400, Up: true, Master: "br0"},
		},
		Routes: []check.Route{
			{To: "172.16.0.0/12", Via: "10.60.1.1", Device: "eth1", Metric: 200, By: "static"},
			{To: "172.20.0.0/16", Via: "10.60.103.1", Device: "bond0.103", Metric: 20, By: "static"},
			{To: "192.168.7.0/24", Via: "10.60.1.2", Device: "eth1", Metric: 10, By: "static"},
			{To: "192.168.8.0/24", Via: "192.0.2.1", Device: "eth1", Metric: 50, By: "static"},
			{To: "192.168.9.0/24", Via: "10.60.1.1", Device: "eth1", Metric: 50, By: "static", Table: "77"},
			{To: "default", Via: "10.60.1.1", Device: "eth1", Metric: 50, By: "static"},
			{To: "default", Via: "fe80::5054:ff:feee:2", Device: "eth0", Metric: 100, By: "ra"},
			{To: "default", Via: "10.60.2.1", Device: "eth0", Metric: 300, By: "dhcp"},
			{To: "fd99::/48", Via: "fd60:0:0:1::1", Device: "eth1", Metric: 300, By: "static"},
		},
		Servers: []string{"10.60.1.1", "10.60.2.1", "fd60:0:0:1::1", "fd60:0:0:2::1"},
		Search:  []string{"lan.example", "example.org", "dhcp.example"},
		Devices: []check.Device{
			{Name: "bond0", Connection: "cloud-init bond0", State: up},
			{Name: "bond0.103", Connection: "cloud-init bond0.103", State: up, Addresses: []string{"10.60.103.10/24", "fd60:0:0:103::10/64"}},
			{Name: "br0", Connection: "cloud-init br0", State: up, Addresses: []string{"10.60.4.10/24"}},
			{Name: "eth0", Connection: "cloud-init eth0", State: up, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}, DNS: []string{"10.60.2.1", "fd60:0:0:2::1"}, Search: []string{"dhcp.example"}},
			{Name: "eth1", Connection: "cloud-init eth1", State: up, Addresses: []string{"10.60.1.10/24", "10.60.1.11/24", "fd60:0:0:1::10/64"}, DNS: []string{"10.60.1.1", "fd60:0:0:1::1"}, Search: []string{"example.org", "lan.example"}},
			{Name: "slave0", Connection: "cloud-init slave0", State: up},
			{Name: "slave1", Connection: "cloud-init slave1", State: up},
			{Name: "uplink", Connection: "cloud-init uplink", State: up},
		},
	}, "10.60.1.1", "10.60.2.1", "10.60.103.1", "10.60.4.1", "fd60:0:0:1::1", "fd60:0:0:2::1", "fd60:0:0:103::1")
}

// up is NetworkManager's word for a device that is as it is to be.
const up = "100 (connected)"

// bootTwice fails the test unless the network is as wanted after each boot, and the
// far ends of the cables answer: what is on an interface is on the right one.
func bootTwice(t *testing.T, medium string, want check.Net, far ...string) {
	t.Helper()
	machine := vm.New(t, built)
	for range 2 {
		r := machine.Boot(vm.Options{Medium: medium, NICs: cables})
		check.Network(t, r, want)
		for _, address := range far {
			check.Equal(t, r, "busybox ping -c 1 -w 10 "+address+" >/dev/null; echo exit $?", "exit 0")
		}
		check.Equal(t, r, "journalctl -b -o cat -u NetworkManager -p warning", "")
		check.Done(t, r)
		r.PowerOff()
	}
}
