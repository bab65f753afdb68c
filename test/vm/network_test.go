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

// wantedV2 is what networkV2 asks for.
func wantedV2() check.Net {
	return check.Net{
		Links: []check.Link{
			{
				Name: "bond0", MTU: 1500, Up: true, Kind: "bond",
				Bond: check.Bond{Mode: "active-backup", Primary: "slave1", Active: "slave1", MIIMon: 150},
			},
			{Name: "bond0.103", MTU: 1480, Up: true, Kind: "vlan", Parent: "bond0", VLAN: 103, Addresses: []string{"10.60.103.10/24", "fd60:0:0:103::10/64"}},
			{
				Name: "br0", MAC: "52:54:00:00:00:b0", MTU: 1400, Up: true, Kind: "bridge", Addresses: []string{"10.60.4.10/24"},
				Bridge: check.Bridge{STP: 1, Priority: 4096, ForwardDelay: 400, HelloTime: 200, MaxAge: 2000},
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
			{To: "fd60:0:0:2::/64", Device: "eth0", Metric: 100, By: "ra"},
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
	}
}

func TestAMachineWithManyInterfacesByNetplan(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("many", "#cloud-config\nupdates: {network: {when: [boot-new-instance, hotplug]}}\n").With("network-config", networkV2)
	machine, medium := vm.New(t, built), files.ISO(t, "cidata")
	far := []string{"10.60.1.1", "10.60.2.1", "10.60.103.1", "10.60.4.1", "fd60:0:0:1::1", "fd60:0:0:2::1", "fd60:0:0:103::1"}
	r := bootInto(t, machine, medium, wantedV2(), far...)
	r.PowerOff()
	r = bootInto(t, machine, medium, wantedV2(), far...)

	// The seed comes to know of another interface, and then it is plugged in.
	const late = "ethernets:\n  late: {match: {macaddress: \"52:54:00:00:00:06\"}, set-name: late0, addresses: [10.60.3.30/24], routes: [{to: 172.30.0.0/16, via: 10.60.3.1, metric: 40}]}\n"
	r.ChangeMedium(files.Replace(t, "ethernets:\n", late).ISO(t, "cidata"))
	r.PlugNIC(vm.NIC{MAC: "52:54:00:00:00:06", Cable: 3})
	want := wantedV2()
	want.Links = append(want.Links, check.Link{Name: "late0", MAC: "52:54:00:00:00:06", MTU: 1500, Up: true, Addresses: []string{"10.60.3.30/24"}})
	want.Routes = append(want.Routes, check.Route{To: "172.30.0.0/16", Via: "10.60.3.1", Device: "late0", Metric: 40, By: "static"})
	want.Devices = append(want.Devices, check.Device{Name: "late0", Connection: "cloud-init late0", State: up, Addresses: []string{"10.60.3.30/24"}})
	check.Network(t, r, want)
	reaches(t, r, "10.60.3.1")
	check.Clean(t, r)
	r.PowerOff()
}

// networkData swaps the first two interfaces' names, too. Where nothing is said of IPv6,
// NetworkManager asks the router, as it does with the keyfiles of cloud-init.
const networkData = `{
 "links": [
  {"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01", "name": "eth1"},
  {"id": "b", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:02", "name": "eth0", "mtu": 1450},
  {"id": "c", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:03"},
  {"id": "d", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:04"},
  {"id": "e", "type": "bond", "bond_links": ["c", "d"], "bond_mode": "balance-rr", "bond_miimon": 200, "name": "team"},
  {"id": "f", "type": "vlan", "vlan_id": 103, "vlan_link": "e", "vlan_mac_address": "52:54:00:00:00:f0"}
 ],
 "networks": [
  {"id": "n1", "link": "a", "type": "ipv4", "ip_address": "10.60.1.20", "netmask": "255.255.255.0", "routes": [
   {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.60.1.1", "metric": 60},
   {"network": "172.16.0.0", "netmask": "255.240.0.0", "gateway": "10.60.1.1", "metric": 210},
   {"network": "192.168.7.0", "netmask": "255.255.255.0", "gateway": "10.60.1.2", "metric": 30}],
   "services": [{"type": "dns", "address": "10.60.1.1"}]},
  {"id": "n2", "link": "a", "type": "ipv6", "ip_address": "fd60:0:0:1::20", "netmask": "ffff:ffff:ffff:ffff::", "routes": [
   {"network": "::", "netmask": "::", "gateway": "fd60:0:0:1::1"}],
   "services": [{"type": "dns", "address": "fd60:0:0:1::1"}]},
  {"id": "n3", "link": "b", "type": "ipv4_dhcp"},
  {"id": "n4", "link": "f", "type": "ipv4", "ip_address": "10.60.103.20/24"}
 ]
}`

// interfaces is the seed of another instance, with nothing that the first had but for
// two names. The default route of its DHCP server is the only one.
const interfaces = `auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
  hwaddress ether 52:54:00:00:00:01
  address 10.60.1.30
  netmask 255.255.255.0
  dns-nameservers 10.60.1.1
  dns-search eni.example
iface eth0 inet6 static
  address fd60:0:0:1::30
  netmask 64

auto eth0:1
iface eth0:1 inet static
  address 10.60.1.31/24

auto eth1
iface eth1 inet dhcp
  hwaddress ether 52:54:00:00:00:02
`

// TestAMachineWithManyInterfacesByAConfigDrive boots with OpenStack's network_data.json
// twice, then as another instance with oVirt's interfaces file, which replaces it all.
func TestAMachineWithManyInterfacesByAConfigDrive(t *testing.T) {
	t.Parallel()
	machine, drive := vm.New(t, built), seed.OVirt().With("openstack/latest/network_data.json", networkData).ISO(t, "config-2")
	want := check.Net{
		Links: []check.Link{
			{Name: "eth0", MAC: "52:54:00:00:00:02", MTU: 1450, Up: true, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}},
			{Name: "eth1", MAC: "52:54:00:00:00:01", MTU: 1500, Up: true, Addresses: []string{"10.60.1.20/24", "fd60:0:0:1::20/64"}},
			{Name: "eth2", MAC: "52:54:00:00:00:03", MTU: 1500, Up: true, Master: "team"},
			{Name: "eth3", MAC: "52:54:00:00:00:04", MTU: 1500, Up: true, Master: "team"},
			{Name: "eth4", MAC: "52:54:00:00:00:05", MTU: 1500, Up: true},
			{Name: "team", MTU: 1500, Up: true, Kind: "bond", Bond: check.Bond{Mode: "balance-rr", MIIMon: 200}},
			{Name: "team.103", MAC: "52:54:00:00:00:f0", MTU: 1500, Up: true, Kind: "vlan", Parent: "team", VLAN: 103, Addresses: []string{"10.60.103.20/24"}},
		},
		Routes: []check.Route{
			{To: "172.16.0.0/12", Via: "10.60.1.1", Device: "eth1", Metric: 210, By: "static"},
			{To: "192.168.7.0/24", Via: "10.60.1.2", Device: "eth1", Metric: 30, By: "static"},
			{To: "default", Via: "10.60.1.1", Device: "eth1", Metric: 60, By: "static"},
			{To: "default", Via: "10.60.2.1", Device: "eth0", Metric: 100, By: "dhcp"},
			{To: "default", Via: "fd60:0:0:1::1", Device: "eth1", Metric: 101, By: "static"},
			{To: "default", Via: "fe80::5054:ff:feee:2", Device: "eth0", Metric: 100, By: "ra"},
			{To: "fd60:0:0:2::/64", Device: "eth0", Metric: 100, By: "ra"},
		},
		Servers: []string{"10.60.1.1", "10.60.2.1", "fd60:0:0:1::1", "fd60:0:0:2::1"},
		Search:  []string{"dhcp.example"},
		Devices: []check.Device{
			{Name: "eth0", Connection: "cloud-init eth0", State: up, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}, DNS: []string{"10.60.2.1", "fd60:0:0:2::1"}, Search: []string{"dhcp.example"}},
			{Name: "eth1", Connection: "cloud-init eth1", State: up, Addresses: []string{"10.60.1.20/24", "fd60:0:0:1::20/64"}, DNS: []string{"10.60.1.1", "fd60:0:0:1::1"}},
			{Name: "eth2", Connection: "cloud-init eth2", State: up},
			{Name: "eth3", Connection: "cloud-init eth3", State: up},
			{Name: "eth4", State: "30 (disconnected)"},
			{Name: "team", Connection: "cloud-init team", State: up},
			{Name: "team.103", Connection: "cloud-init team.103", State: up, Addresses: []string{"10.60.103.20/24"}},
		},
	}
	for range 2 {
		r := bootInto(t, machine, drive, want, "10.60.1.1", "10.60.2.1", "10.60.103.1", "fd60:0:0:1::1")
		r.PowerOff()
	}

	const other = "0d0e7c5e-9c53-4a0b-8a53-0c4c2a6e9d11"
	drive = seed.OVirt().Replace(t, seed.OVirtUUID, other).With("openstack/content/0000", interfaces).ISO(t, "config-2")
	want = check.Net{
		Links: []check.Link{
			{Name: "eth0", MAC: "52:54:00:00:00:01", MTU: 1500, Up: true, Addresses: []string{"10.60.1.30/24", "10.60.1.31/24", "fd60:0:0:1::30/64"}},
			{Name: "eth1", MAC: "52:54:00:00:00:02", MTU: 1500, Up: true, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}},
			{Name: "eth2", MAC: "52:54:00:00:00:03", MTU: 1500, Up: true},
			{Name: "eth3", MAC: "52:54:00:00:00:04", MTU: 1500, Up: true},
			{Name: "eth4", MAC: "52:54:00:00:00:05", MTU: 1500, Up: true},
		},
		Routes: []check.Route{
			{To: "default", Via: "10.60.2.1", Device: "eth1", Metric: 101, By: "dhcp"},
			{To: "default", Via: "fe80::5054:ff:feee:2", Device: "eth1", Metric: 101, By: "ra"},
			{To: "fd60:0:0:2::/64", Device: "eth1", Metric: 101, By: "ra"},
		},
		Servers: []string{"10.60.1.1", "10.60.2.1", "fd60:0:0:2::1"},
		Search:  []string{"dhcp.example", "eni.example"},
		Devices: []check.Device{
			{Name: "eth0", Connection: "cloud-init eth0", State: up, Addresses: []string{"10.60.1.30/24", "10.60.1.31/24", "fd60:0:0:1::30/64"}, DNS: []string{"10.60.1.1"}, Search: []string{"eni.example"}},
			{Name: "eth1", Connection: "cloud-init eth1", State: up, Addresses: []string{"10.60.2.50/24", "fd60:0:0:2::50/128"}, DNS: []string{"10.60.2.1", "fd60:0:0:2::1"}, Search: []string{"dhcp.example"}},
			{Name: "eth2", State: "30 (disconnected)"},
			{Name: "eth3", State: "30 (disconnected)"},
			{Name: "eth4", State: "30 (disconnected)"},
		},
	}
	r := bootInto(t, machine, drive, want, "10.60.1.1", "10.60.2.1", "fd60:0:0:1::1")
	r.PowerOff()
}

// up is NetworkManager's word for a device that is as it is to be.
const up = "100 (connected)"

// bootInto fails the test unless the machine boots into the network that is wanted,
// NetworkManager has nothing to say against it, and the far ends of the cables answer.
func bootInto(t *testing.T, machine *vm.Machine, medium string, want check.Net, far ...string) *vm.Running {
	t.Helper()
	r := machine.Boot(vm.Options{Medium: medium, NICs: cables})
	check.Network(t, r, want)
	reaches(t, r, far...)
	check.Equal(t, r, "journalctl -b -o cat -u NetworkManager -p warning | grep -E 'keyfile|settings'; true", "")
	check.Done(t, r)
	return r
}

// reaches fails the test unless the far ends answer: what is on an interface is on the
// right one.
func reaches(t *testing.T, r *vm.Running, far ...string) {
	t.Helper()
	for _, address := range far {
		check.Equal(t, r, "busybox ping -c 1 -w 10 "+address+" >/dev/null; echo exit $?", "exit 0")
	}
}
