package read_test

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/render/networkmanager"
)

var fuzzNICs = []network.NIC{
	{Name: "lo", MAC: "00:00:00:00:00:00", Virtual: true},
	{Name: "ens3", MAC: "52:54:00:00:00:01", Driver: "virtio_net", Carrier: true},
	{Name: "ens4", MAC: "52:54:00:00:00:02", Driver: "virtio_net"},
}

var keyfileLine = regexp.MustCompile(`^($|#|\[[a-z0-9-]+\]$|\[wireguard-peer\.[A-Za-z0-9+/=]+\]$|[a-zA-Z0-9._-]+=[^\x00-\x1f]*$)`)

// checkConfig holds a configuration, and what is written of it, to what a hostile seed
// must not bring about: files elsewhere, lines of its own, the same file twice.
func checkConfig(t *testing.T, c *network.Config) {
	t.Helper()
	if c == nil {
		return
	}
	roundTrip(t, "fuzz", c, fuzzNICs)
	network.Renames(c, fuzzNICs)
	files, _ := networkmanager.Render(c)
	seen := map[string]bool{}
	for _, f := range files {
		if f.Path != path.Clean(f.Path) || seen[f.Path] || f.Mode != 0o600 {
			t.Errorf("a file %q of mode %04o", f.Path, f.Mode)
		}
		seen[f.Path] = true
		dir := path.Dir(f.Path)
		if f.Path == networkmanager.AddrGenModePath {
			continue
		}
		if dir != "/etc/NetworkManager/system-connections" {
			t.Errorf("a file in %q", dir)
		}
		for line := range strings.SplitSeq(string(f.Content), "\n") {
			if !keyfileLine.MatchString(line) {
				t.Errorf("%s: a line %q", f.Path, line)
			}
		}
	}
}

// addGolden starts with the golden cases of a language.
func addGolden(f *testing.F, language string) {
	f.Helper()
	cases, err := filepath.Glob("../render/*/testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if archive.Files[0].Name == language {
			f.Add(string(archive.Files[0].Data))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("network: {config: disabled}")
	f.Add("version: 1\nconfig:\n- {type: physical, name: eth0, mac_address: 52:54:00:00:00:01, subnets: [{type: static, address: 10.0.0.1/8, gateway: 10.0.0.2, routes: [{network: 10.1.0.0, netmask: 255.255.0.0, gateway: 10.0.0.3}]}]}\n- {type: bond, name: b0, bond_interfaces: [eth0], params: {bond-mode: 1}}\n- {type: vlan, name: v0, vlan_id: 5, vlan_link: b0}\n- {type: bridge, name: br0, bridge_interfaces: [eth1], params: {bridge_stp: on}}\n- {type: nameserver, address: [1.1.1.1], search: [a]}")
	f.Add("version: 2\nethernets:\n  id0: {match: {macaddress: '52:54:00:00:00:01'}, set-name: a, dhcp4: true, addresses: [10.0.0.1/8], gateway4: 10.0.0.2, routes: [{to: default, via: 10.0.0.2, metric: 1, table: 5}]}\nbonds: {b: {interfaces: [id0], parameters: {mode: 1, primary: id0}}}\nvlans: {v: {id: 1, link: b}}\nbridges: {br: {interfaces: [v], parameters: {stp: true}}}")
	addGolden(f, "network-config")
	f.Fuzz(func(t *testing.T, text string) {
		v, _, err := yaml.Parse("network-config", []byte(text))
		if err != nil {
			return
		}
		c, _ := read.YAML(v, fuzzNICs)
		checkConfig(t, c)
	})
}

func FuzzParseENI(f *testing.F) {
	f.Add("auto eth0\niface eth0 inet static\n  address 10.50.200.242\n  netmask 255.255.255.0\n  gateway 10.50.200.1\n")
	f.Add("dns-nameservers 1.1.1.1\niface lo inet loopback\n dns_search a b\nsource x\niface eth0:1 inet6 static\n address fe80::1\n netmask 64\n hwaddress ether 52:54:00:00:00:01\n mtu 1400\n")
	addGolden(f, "interfaces")
	f.Fuzz(func(t *testing.T, text string) {
		c, _ := read.ENI("/etc/network/interfaces", text, sources{"source/etc/network/x": text})
		network.AdoptByOrder(c, fuzzNICs)
		checkConfig(t, c)
	})
}

func FuzzParseOpenStack(f *testing.F) {
	f.Add(`{"links": [{"id": "a", "type": "ovs", "mtu": null, "ethernet_mac_address": "52:54:00:00:00:01"}, {"id": "b", "type": "bond", "bond_links": ["a"], "bond_mode": "1"}, {"id": "v", "type": "vlan", "vlan_link": "b", "vlan_id": 5, "vlan_mac_address": "52:54:00:00:00:01"}], "networks": [{"link": "v", "type": "ipv4", "ip_address": "10.0.0.1", "netmask": "255.0.0.0", "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.2"}], "services": [{"type": "dns", "address": "1.1.1.1"}]}]}`)
	f.Add(`{"links": [{"id": "eth0", "name": "eth0", "type": "vif"}], "networks": [{"link": "eth0", "type": "dhcp6"}], "services": [{"type": "dns-search", "address": "a"}]}`)
	f.Add(`{"services": [{"type": "dns", "address": "1.1.1.1"}]}`)
	addGolden(f, "network_data.json")
	f.Fuzz(func(t *testing.T, text string) {
		v, _, err := yaml.Parse("network_data.json", []byte(text))
		if err != nil {
			return
		}
		c, _ := read.OpenStack(v, fuzzNICs)
		checkConfig(t, c)
	})
}
