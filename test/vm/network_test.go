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
    parameters: {mode: active-backup, primary: slave1, mii-monitor-interval: 100}
vlans:
  bond0.103:
    id: 103
    link: bond0
    addresses: [10.60.103.10/24, "fd60:0:0:103::10/64"]
    routes:
    - {to: 172.20.0.0/16, via: 10.60.103.1, metric: 20}
bridges:
  br0:
    interfaces: [uplink]
    macaddress: "52:54:00:00:00:b0"
    addresses: [10.60.4.10/24]
    parameters: {stp: false, priority: 4096}
`

func TestAMachineWithManyInterfacesByNetplan(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("many", "#cloud-config\n{}\n").With("network-config", networkV2)
	bootTwice(t, files.ISO(t, "cidata"), check.Net{})
}

// bootTwice fails the test unless the network is as wanted after each boot.
func bootTwice(t *testing.T, medium string, want check.Net) {
	t.Helper()
	machine := vm.New(t, built)
	for range 2 {
		r := machine.Boot(vm.Options{Medium: medium, NICs: cables})
		check.Done(t, r)
		check.Network(t, r, want)
		reaches(t, r)
		t.Log(r.Shell("journalctl -b -o short-monotonic -u 'cloud-*'; journalctl -b -o cat -u NetworkManager -p notice; ip netns exec peer ip a"))
		r.PowerOff()
	}
}

// reaches fails the test unless the far end of each cable answers: that the addresses
// are on the right interfaces.
func reaches(t *testing.T, r *vm.Running) {
	t.Helper()
	for _, far := range []string{"10.60.1.1", "10.60.2.1", "10.60.103.1", "10.60.4.1", "fd60:0:0:1::1", "fd60:0:0:2::1", "fd60:0:0:103::1"} {
		check.Equal(t, r, "busybox ping -c 1 -w 10 "+far+" >/dev/null; echo exit $?", "exit 0")
	}
}
