package networkd_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/networktest"
	"cloudseed/network/read"
	"cloudseed/network/render/networkd"
	"cloudseed/secret"
)

// model is a configuration with devices of all types, and a text wherever there may be
// one.
func model(text string) *network.Config {
	yes, metric := true, 7
	address := netip.MustParsePrefix("192.0.2.7/24")
	subnets := []network.Subnet{
		{
			Family: network.IPv4, Method: network.Static, Address: address, Gateway: address.Addr(), Label: text, Lifetime: text, MTU: 1400,
			Routes: []network.Route{{To: address, Type: text, Scope: text, OnLink: true, Table: 9, MTU: 1300, Metric: &metric, Source: address.Addr()}},
			DNS:    network.DNS{Servers: []netip.Addr{address.Addr()}, Search: []string{text, text}},
		},
		{Family: network.IPv4, Method: network.Dynamic, DHCP: network.DHCP{UseDNS: &yes, UseDomains: text, Hostname: text}, Metric: &metric},
		{Family: network.IPv6, Method: network.Dynamic, DHCP: network.DHCP{UseDNS: &yes, UseDomains: text, Hostname: text}, Metric: &metric},
	}
	c := &network.Config{DNS: network.DNS{Search: []string{text}}}
	add := func(t network.Type) *network.Device {
		d := &network.Device{
			Key: text, Name: fmt.Sprintf("if%d", len(c.Devices)), Type: t, MAC: text, ClonedMAC: text, Driver: text, AcceptRA: &yes, Subnets: subnets,
			Link: network.LinkSettings{
				MTU6: 1280, LinkLocal: &network.LinkLocal{IPv4: true}, DHCPIdentifier: text, AddressGeneration: text, Token: text, Activation: text,
				Critical: true, Connected: true, IgnoreCarrier: true, Privacy: &yes,
			},
			Rules: []network.Rule{{From: address, Table: 3, Priority: &metric, Mark: 1, TOS: 2}, {Family: network.IPv6}},
		}
		c.Devices = append(c.Devices, d)
		return d
	}
	for _, t := range []network.Type{network.Physical, network.Loopback, network.Infiniband, network.DummyType, network.WiFiType, network.TunnelType, network.BondType, network.Type(text)} {
		add(t)
	}
	match := add(network.Physical)
	match.MAC, match.Match = "", network.Match{Name: text, Drivers: []string{text, text}}
	names := []string{text, "if0", "if1", match.Name}
	bond := &network.Bond{Members: names}
	for _, name := range []string{"mode", "miimon", "arp_ip_target", "primary", "active_slave", "no_such"} {
		bond.Options = append(bond.Options, network.Option{Name: name, Value: text})
	}
	add(network.BondType).Bond = bond
	ports := []network.PortNumber{{Port: "if0", Number: 3}, {Port: text, Number: -3}}
	add(network.BridgeType).Bridge = &network.Bridge{Ports: names, STP: &yes, Priority: text, Ageing: text, MaxAge: text, PathCost: ports, PortPriority: ports}
	add(network.VLANType).VLAN = &network.VLAN{ID: 5, Link: "if0"}
	add(network.VLANType).VLAN = &network.VLAN{ID: 6, Link: text}
	add(network.VRFType).VRF = &network.VRF{Table: 5, Members: names}
	add(network.TunnelType).Tunnel = &network.Tunnel{Mode: text, Local: address.Addr(), TTL: 4, InputKey: text, OutputKey: text + text}
	add(network.TunnelType).Tunnel = &network.Tunnel{Mode: "ip6ip6", InputKey: text, OutputKey: text}
	add(network.TunnelType).Tunnel = &network.Tunnel{Mode: "vxlan", VXLAN: &network.VXLAN{ID: 9, Link: "if0", Learning: &yes, Suppress: &yes, Notifications: names, Checksums: names}}
	add(network.TunnelType).Tunnel = &network.Tunnel{Mode: "wireguard", WireGuard: &network.WireGuard{
		PrivateKey: secret.New(text), Port: 5, Peers: []network.Peer{{PublicKey: text, PresharedKey: secret.New(text), Endpoint: text, AllowedIPs: []netip.Prefix{address}}},
	}}
	return c
}

var lineForm = regexp.MustCompile(`^(?:\[([A-Za-z0-9]+)\]|([A-Za-z0-9]+)=.*)$`)

// words are the names of the sections and keys of all files.
func words(t testing.TB, files []network.File) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for _, f := range files {
		for line := range strings.SplitSeq(string(f.Content), "\n") {
			parts := lineForm.FindStringSubmatch(line)
			switch {
			case line == "":
			case parts == nil:
				t.Errorf("%s has the line %q", f.Path, line)
			default:
				words[parts[1]+parts[2]] = true
			}
		}
	}
	return words
}

// FuzzRender looks for texts that break the renderer or break out of their lines.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{"", "eth0", "0", "if0", "a\nInjected=1", "x\n[Injected]", "/a/file", "\x00", "true", "é\u0085", "ff:ff", "manual", "off"} {
		f.Add(seed)
	}
	allowed := map[string]bool{}
	for _, harmless := range []string{"", "x", "/x", ":", "if0", "1"} {
		files, _ := networkd.Render(model(harmless))
		maps.Copy(allowed, words(f, files))
	}
	f.Fuzz(func(t *testing.T, text string) {
		files, _ := networkd.Render(model(text))
		for word := range words(t, files) {
			if !allowed[word] {
				t.Errorf("%q got a word of its own into a file: %s", text, word)
			}
		}
	})
}

// random makes configurations in all languages.
func random(t *testing.T, seeds uint64, each func(name string, c *network.Config)) {
	t.Helper()
	for language, generate := range map[string]func(*rand.Rand, networktest.Options) (string, []networktest.NIC){
		"version 1": networktest.V1, "version 2": networktest.V2, "openstack": networktest.OpenStack, "eni": networktest.ENI,
	} {
		for seed := range seeds {
			text, made := generate(rand.New(rand.NewPCG(seed, 1)), networktest.Options{})
			var nics []network.NIC
			for _, nic := range made {
				nics = append(nics, network.NIC{Name: nic.Name, MAC: nic.MAC})
			}
			name := fmt.Sprintf("%s, seed %d:\n%s", language, seed, text)
			if language == "eni" {
				c, _ := read.ENI("interfaces", text, nil)
				each(name, c)
				continue
			}
			v, _, err := yaml.Parse(language, []byte(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			parse := read.YAML
			if language == "openstack" {
				parse = read.OpenStack
			}
			c, _ := parse(v, nics)
			each(name, c)
		}
	}
}

func TestEveryDeviceOfRandomConfigurationsHasItsFile(t *testing.T) {
	t.Parallel()
	random(t, 300, func(name string, c *network.Config) {
		files, _ := networkd.Render(c)
		paths := map[string]bool{}
		for _, f := range files {
			if paths[f.Path] {
				t.Errorf("%s\n%s is written twice", name, f.Path)
			}
			paths[f.Path] = true
		}
		for _, d := range c.Devices {
			if d.Type != network.WiFiType && !paths[networkd.Path(d.Name, "network")] {
				t.Errorf("%s\n%s has no file", name, d.Name)
			}
		}
	})
}
