package read_test

import (
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/networktest"
	"cloudseed/network/read"
	"cloudseed/network/render/netplan"
	"cloudseed/secret"
)

// order2 is the order of kinds in version 2, which groups devices by them.
var order2 = []network.Type{
	network.Physical, network.WiFiType, network.BondType, network.BridgeType, network.VLANType, network.VRFType, network.DummyType, network.TunnelType,
}

// normal is a configuration without places, its devices in version 2's order.
func normal(c *network.Config) *network.Config {
	if c == nil {
		return nil
	}
	rank := func(d *network.Device) int {
		if d.Type == network.Loopback || d.Type == network.Infiniband {
			return 0
		}
		return slices.Index(order2, d.Type)
	}
	n := *c
	n.Devices = slices.Clone(c.Devices)
	slices.SortStableFunc(n.Devices, func(a, b *network.Device) int { return rank(a) - rank(b) })
	return &n
}

var sameModel = []cmp.Option{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, secret.String{}),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(network.Device{}, "Pos"),
}

// parse2 reads what netplan.Reveal wrote; nothing in it may be wrong.
func parse2(t *testing.T, text []byte, nics []network.NIC) *network.Config {
	t.Helper()
	v, problems, err := yaml.Parse("written", text)
	if err != nil {
		t.Fatalf("what was written is no YAML: %v\n%s", err, text)
	}
	c, more := read.YAML(v, nics)
	for _, p := range append(problems, more...) {
		if p.Severity == config.Error {
			t.Fatalf("what was written is wrong: %v\n%s", p, text)
		}
	}
	return c
}

// roundTrip holds that a configuration, written and read, is the same.
func roundTrip(t *testing.T, what string, c *network.Config, nics []network.NIC) {
	t.Helper()
	if c == nil {
		if text := netplan.Write(nil); text != nil {
			t.Errorf("no configuration is written as %q", text)
		}
		return
	}
	text := netplan.Reveal(c)
	if diff := cmp.Diff(normal(c), normal(parse2(t, text, nics)), sameModel...); diff != "" {
		t.Errorf("%s: it is read otherwise than it was written (-want +got):\n%s\n%s", what, diff, text)
	}
}

func TestWhatWasParsedAndWrittenAndParsedIsTheSameForAllGoldenCases(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("../render/*/testdata/*.txtar")
	if err != nil || len(cases) < 40 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c, _, nics := parseCase(t, txtar.Parse(data))
			roundTrip(t, name, c, nics)
		})
	}
}

func parseCase(t *testing.T, archive *txtar.Archive) (*network.Config, []config.Problem, []network.NIC) {
	t.Helper()
	parts := map[string]string{}
	for _, f := range archive.Files {
		parts[f.Name] = string(f.Data)
	}
	var nics []network.NIC
	for line := range strings.Lines(parts["nics"]) {
		fields := append(strings.Fields(line), "", "")
		nics = append(nics, network.NIC{
			Name: fields[0], MAC: fields[1], Driver: fields[2], Operstate: "down",
			Carrier: strings.Contains(line, "carrier"), Bridge: strings.Contains(line, "bridge"), Virtual: strings.Contains(line, "virtual"),
			InfiniBand: strings.Contains(line, "infiniband"),
		})
	}
	first := archive.Files[0]
	switch first.Name {
	case "nics":
		return network.Fallback(nics), nil, nics
	case "interfaces":
		c, problems := read.ENI("/etc/network/interfaces", string(first.Data), sources(parts))
		return c, problems, nics
	}
	c, problems, err := parseNamed(first.Name, string(first.Data), nics)
	if err != nil {
		t.Fatal(err)
	}
	return c, problems, nics
}

// sources are the files that an interfaces file may pull in, under "source/".
type sources map[string]string

func (s sources) ReadFile(name string) ([]byte, error) {
	if data, ok := s["source"+name]; ok {
		return []byte(data), nil
	}
	return nil, fs.ErrNotExist
}

func (s sources) Glob(pattern string) ([]string, error) {
	var found []string
	for name := range s {
		if ok, err := path.Match("source"+pattern, name); err != nil {
			return nil, err
		} else if ok {
			found = append(found, strings.TrimPrefix(name, "source"))
		}
	}
	slices.Sort(found)
	return found, nil
}

// parseNamed reads a file in the language that its name stands for.
func parseNamed(name, text string, nics []network.NIC) (*network.Config, []config.Problem, error) {
	if name == "interfaces" {
		c, problems := read.ENI(name, text, nil)
		return c, problems, nil
	}
	v, problems, err := yaml.Parse(name, []byte(text))
	if err != nil {
		return nil, nil, err
	}
	parse := read.YAML
	if name == "network_data.json" {
		parse = read.OpenStack
	}
	c, more := parse(v, nics)
	return c, append(problems, more...), nil
}

func TestWhatWasParsedAndWrittenAndParsedIsTheSameForRandomConfigurations(t *testing.T) {
	t.Parallel()
	const each = 300
	n, devices := 0, 0
	for name, random := range map[string]func(*rand.Rand, networktest.Options) (string, []networktest.NIC){
		"network-config 1": networktest.V1, "network-config 2": networktest.V2, "interfaces": networktest.ENI, "network_data.json": networktest.OpenStack,
	} {
		for seed := range uint64(each) {
			text, made := random(rand.New(rand.NewPCG(seed, 7)), networktest.Options{CloudInit: seed%3 == 0})
			var nics []network.NIC
			for i, nic := range made {
				if (seed+uint64(i))%5 != 0 { // some are not there yet
					nics = append(nics, network.NIC{Name: nic.Name, MAC: nic.MAC, Driver: "virtio_net", Carrier: true})
				}
			}
			c, _, err := parseNamed(name, text, nics)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, name, c, nics)
			if t.Failed() {
				t.Fatalf("seed %d:\n%s", seed, text)
			}
			n++
			devices += len(c.Devices)
		}
	}
	t.Logf("%d configurations of %d devices", n, devices)
}
