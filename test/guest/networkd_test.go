package guest_test

import (
	"os"
	"path/filepath"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

// TestAGuestOfSystemdNetworkdGetsItsNetwork: NetworkManager is masked and networkd
// enabled, so that networkd is told, and does what the seed says.
func TestAGuestOfSystemdNetworkdGetsItsNetwork(t *testing.T) {
	t.Parallel()
	machine := guest.New(t, built)
	const units = "/usr/lib/systemd/system/"
	for link, to := range map[string]string{
		"NetworkManager.service":                                           "/dev/null",
		"NetworkManager-wait-online.service":                               "/dev/null",
		"multi-user.target.wants/systemd-networkd.service":                 units + "systemd-networkd.service",
		"network-online.target.wants/systemd-networkd-wait-online.service": units + "systemd-networkd-wait-online.service",
	} {
		at := machine.Path("/etc/systemd/system/" + link)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	files := seed.NoCloud("networkd-1", "#cloud-config\nhostname: nimbus\n").With("network-config", `version: 2
ethernets:
  id0:
    match: {macaddress: "52:54:00:12:34:56"}
    set-name: eth0
    mtu: 1400
    accept-ra: false
    addresses: [10.50.200.60/24, "2001:db8::60/64"]
    nameservers: {addresses: [10.50.200.53], search: [a.example]}
    routes:
    - {to: default, via: 10.50.200.1, metric: 50}
    - {to: 198.51.100.0/24, via: 203.0.113.1, on-link: true, table: 101}
    - {to: 192.0.2.0/24, type: blackhole}
    routing-policy:
    - {from: 10.50.200.60, table: 101, priority: 90}
`)
	r := machine.Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Done(t, r)
	check.Equal(t, r, "grep -o 'renderer=[a-z-]*' /var/log/cloud-init.log", "renderer=networkd")
	check.Equal(t, r, "systemctl show -p ActiveState --value systemd-networkd-wait-online.service", "active")
	check.Equal(t, r, "stat -c '%U %G %a' /etc/systemd/network/10-cloud-init-eth0.network", "systemd-network systemd-network 644")
	check.Equal(t, r, "ls /etc/NetworkManager/system-connections", "")
	check.Equal(t, r, "systemctl is-active systemd-networkd; networkctl --json=short status eth0 | jq -r '.NetworkFile, .AdministrativeState'",
		"active\n/etc/systemd/network/10-cloud-init-eth0.network\nconfigured")
	check.Equal(t, r, "ip -j address show dev eth0 scope global | jq -r '.[] | .mtu, (.addr_info[] | select(.local) | \"\\(.local)/\\(.prefixlen)\")'",
		"1400\n10.50.200.60/24\n2001:db8::60/64")
	check.Equal(t, r, "ip -j route show default | jq -r '.[] | \"\\(.gateway) \\(.dev) \\(.metric)\"'", "10.50.200.1 eth0 50")
	check.Equal(t, r, "ip -j route show table 101 | jq -r '.[] | \"\\(.dst) \\(.gateway) \\(.dev) \\(.flags[0])\"'", "198.51.100.0/24 203.0.113.1 eth0 onlink")
	check.Equal(t, r, "ip -j route show type blackhole | jq -r '.[].dst'", "192.0.2.0/24")
	check.Equal(t, r, "ip -j rule list priority 90 | jq -r '.[] | \"\\(.src) \\(.table)\"'", "10.50.200.60 101")
	check.Equal(t, r, "networkctl --json=short status eth0 | jq -r '.SearchDomains[0].Domain'", "a.example")
	r.PowerOff()
}
