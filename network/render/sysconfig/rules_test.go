package sysconfig_test

import (
	"net/netip"
	"path"
	"strings"
	"testing"

	"cloudseed/network"
	"cloudseed/network/render/sysconfig"
)

// While there is a file rule-NAME or rule6-NAME, NetworkManager's reader of ifcfg files
// takes none of the device's routes, of either family.
func TestRulesDoNotCostADeviceItsRoutes(t *testing.T) {
	t.Parallel()
	prefix := netip.MustParsePrefix
	c := &network.Config{Devices: []*network.Device{{
		Key: "eth0", Name: "eth0", Type: network.Physical,
		Subnets: []network.Subnet{{
			Family: network.IPv4, Method: network.Static, Address: prefix("192.0.2.7/24"),
			Routes: []network.Route{{To: prefix("10.0.0.0/8"), Gateway: netip.MustParseAddr("192.0.2.1"), Table: 100}},
		}},
		Rules: []network.Rule{{Family: network.IPv4, From: prefix("192.0.2.7/32"), Table: 100}, {Family: network.IPv6, From: prefix("2001:db8::/64"), Table: 100}},
	}}}
	files, problems := sysconfig.Render(c, func(string) []byte { return nil })
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	contents := map[string]string{}
	for _, f := range files {
		name := path.Base(f.Path)
		contents[name] = string(f.Content)
		if strings.HasPrefix(name, "rule-") || strings.HasPrefix(name, "rule6-") {
			t.Errorf("%s is written: NetworkManager leaves the routes of eth0 out", f.Path)
		}
	}
	for file, want := range map[string]string{
		"route-eth0": "10.0.0.0/8 via 192.0.2.1  dev eth0 table 100\n",
		"ifcfg-eth0": "ROUTING_RULE6_1=\"priority 32765 from 2001:db8::/64 table 100\"\nROUTING_RULE_1=\"priority 32765 from 192.0.2.7/32 table 100\"\n",
	} {
		if !strings.Contains(contents[file], want) {
			t.Errorf("%s has not %q:\n%s", file, want, contents[file])
		}
	}
}
