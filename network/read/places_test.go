package read_test

import (
	"strings"
	"testing"

	"cloudseed/network/read/initramfs"
)

// TestFindingsNameTheKeyThatTheyAreAbout has the findings whose key is not simply that of
// the value in which they were found.
func TestFindingsNameTheKeyThatTheyAreAbout(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ file, text, want string }{
		"a private key under its short name": {
			"network-config", "version: 2\ntunnels:\n  wg0: {mode: wireguard, key: [a]}\n",
			"network-config:3:31: tunnels.wg0.key: expected a string",
		},
		"a private key under its long name": {
			"network-config", "version: 2\ntunnels:\n  wg0: {mode: wireguard, keys: {private: [a]}}\n",
			"network-config:3:42: tunnels.wg0.keys.private: expected a string",
		},
		"a password": {
			"network-config", "version: 2\nwifis:\n  w: {access-points: {home: {password: [a]}}}\n",
			"network-config:3:40: wifis.w.access-points.home.password: expected a string",
		},
		"a password of auth": {
			"network-config", "version: 2\nwifis:\n  w: {access-points: {home: {auth: {password: [a]}}}}\n",
			"network-config:3:47: wifis.w.access-points.home.auth.password: expected a string",
		},
		"a name server among others": {
			"network-config", "network:\n  version: 2\n  ethernets:\n    eth0: {nameservers: {addresses: [10.0.0.1, x]}}\n",
			`network-config:4:48: network.ethernets.eth0.nameservers.addresses: expected an IP address, got "x"; it was skipped`,
		},
		"a domain of all devices": {
			"network-config", "version: 2\nnameservers: {search: [[a]]}\n",
			"network-config:2:24: nameservers.search: expected a string",
		},
		"an address among others": {
			"network-config", "version: 2\nethernets:\n  eth0: {addresses: [10.0.0.1/8, {x: {label: a}}]}\n",
			`network-config:3:34: ethernets.eth0.addresses.1: expected an IP address, got "x"; it was skipped`,
		},
		"an address that is no list": {
			"network-config", "version: 2\nethernets:\n  eth0: {dhcp4: true, addresses: x}\n",
			`network-config:3:34: ethernets.eth0.addresses: expected an IP address, got "x"; it was skipped`,
		},
		"a destination": {
			"network-config", "version: 1\nconfig:\n- {type: route, destination: [a], gateway: 10.0.0.1}\n",
			"network-config:3:30: config.0.destination: expected a string",
		},
		"a key without a value is its mapping's": {
			"network-config", "version: 2\nethernets:\n  eth0: {dhcp4: true, dhcp}\n",
			"network-config:3:23: ethernets.eth0: there is a key without a value here, which is not used",
		},
		"an address as oVirt calls it": {
			"network_data.json", `{"links": [{"id": "a", "name": "eth0"}], "networks": [{"link": "a", "type": "ipv4", "ip_address": "x"}]}`,
			`network_data.json:1:99: networks.0.ip_address: expected an IP address, got "x"; this subnet was skipped`,
		},
		"a network without a type has the place of the network": {
			"network_data.json", `{"links": [{"id": "a", "name": "eth0", "ethernet_mac_address": "52:54:00:00:00:01"}], "networks": [{"link": "a"}]}`,
			`network_data.json:1:100: networks.0.type: there is no type ""; the network was skipped`,
		},
		"an option of an interface": {
			"interfaces", "iface eth0 inet dhcp\n  wpa-ssid x\n",
			"interfaces:2:3: eth0.wpa-ssid: this option is not known; it was ignored",
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, problems, err := parseNamed(test.file, test.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(problems) > 0 {
				got = problems[0].Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	_, problems := initramfs.Dracut("ip=eth0:nosuch", nil)
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "kernel command line: ip=eth0:nosuch: ") {
		t.Errorf("a word of the command line: %v", problems)
	}
}

func TestOfVeryManyFindingsTheFirstAreKeptAndTheRestIsCounted(t *testing.T) {
	t.Parallel()
	_, problems, err := parseNamed("network-config", "version: 1\nconfig:\n"+strings.Repeat("- {type: x}\n", 1000), nil)
	if err != nil || len(problems) != 51 || problems[50].Error() != `network-config: and 950 more of the kind "error"` {
		t.Errorf("%d findings, the last %v, %v", len(problems), problems[len(problems)-1], err)
	}
}
