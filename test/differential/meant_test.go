package differential

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/network/convert"
	"cloudseed/network/render"
)

// meaning is a difference that is meant, and how the inputs that show it are known.
type meaning struct {
	reason string // words of docs/differences.md
	output string // "": all
	in     func(configuration) bool
}

// meanings are what random configurations may differ in. Each looks at the input alone,
// never at what came of it.
var meanings = []meaning{
	{"`allow-hotplug` is brought up", render.Sysconfig, func(c configuration) bool {
		return strings.Contains(c.eni, "allow-hotplug ")
	}},
	{"A VLAN gets its address and number", render.Sysconfig, configuration.hasVLANWithAddressOrName},
	{"a VLAN's and bridge's MTU", render.NetworkManager, configuration.hasUpperMTU},
	{"References of version 2 are keys", render.Sysconfig, configuration.hasReferenceToRenamed},
	{"on-link routes, tables", "", func(c configuration) bool {
		return c.hasRoute2(func(r map[string]any) bool { return r["table"] != nil || r["on-link"] == true })
	}},
	{"A route of a family that the device has no addresses of", render.NetworkManager, configuration.hasRouteOfOtherFamily},
	{"`accept-ra` of a bond, a bridge or a VLAN", render.Sysconfig, func(c configuration) bool {
		return c.hasDevice2(func(kind string, d map[string]any) bool { return kind != "ethernets" && d["accept-ra"] != nil })
	}},
	{"Options of bonds", render.Sysconfig, func(c configuration) bool {
		return c.hasBondOption(func(name string) bool { return !slices.Contains(ifcfgBondOptions, name) })
	}},
	{"Options of bonds", render.NetworkManager, func(c configuration) bool {
		return c.hasBondOption(func(name string) bool { return !keyfileBondOption.MatchString(name) })
	}},
}

// meantFor gives the reasons for which the outcomes of a random input differ.
func meantFor(t testing.TB, in input, output string) []string {
	t.Helper()
	c := parse(t, in)
	var reasons []string
	for _, m := range meanings {
		if (m.output == "" || m.output == output) && m.in(c) {
			reasons = append(reasons, m.reason)
		}
	}
	return reasons
}

// TestEveryReasonIsInTheDocumentation holds this list to the one that users read.
func TestEveryReasonIsInTheDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(data)), " ")
	var reasons []string
	for _, m := range meanings {
		reasons = append(reasons, m.reason)
	}
	for _, d := range differences {
		reasons = append(reasons, d.reason)
	}
	for _, reason := range reasons {
		if reason == "" || !strings.Contains(text, reason) {
			t.Errorf("docs/differences.md does not say %q", reason)
		}
	}
}

// configuration is a random input, taken apart just so far as the meanings want.
type configuration struct {
	eni     string
	entries []map[string]any          // of version 1; the links of network_data.json
	kinds   map[string]map[string]any // of version 2: "bonds", "vlans", …
	links   bool                      // it is network_data.json
}

func parse(t testing.TB, in input) configuration {
	t.Helper()
	if kindOf(t, in.name) == convert.ENI {
		return configuration{eni: in.text}
	}
	var top map[string]any
	if err := json.Unmarshal([]byte(in.text), &top); err != nil {
		t.Fatalf("%s is not in JSON, as random configurations are: %v", in.name, err)
	}
	if inner, ok := top["network"].(map[string]any); ok {
		top = inner
	}
	c := configuration{kinds: map[string]map[string]any{}}
	list, _ := top["config"].([]any)
	if links, ok := top["links"].([]any); ok {
		list, c.links = links, true
	}
	for _, entry := range list {
		c.entries = append(c.entries, entry.(map[string]any))
	}
	for kind, devices := range top {
		if m, ok := devices.(map[string]any); ok {
			c.kinds[kind] = m
		}
	}
	return c
}

// hasVLANWithAddressOrName tells of a VLAN with a MAC address, or with a name that does
// not tell its number.
func (c configuration) hasVLANWithAddressOrName() bool {
	for name, v := range c.kinds["vlans"] {
		vlan := v.(map[string]any)
		if vlan["macaddress"] != nil || !strings.HasPrefix(name, "vlan") {
			return true
		}
	}
	return slices.ContainsFunc(c.entries, func(e map[string]any) bool {
		return e["type"] == "vlan" && (e["mac_address"] != nil || e["vlan_mac_address"] != nil)
	})
}

// hasUpperMTU tells of an MTU of a VLAN or a bridge, or of an IPv4 subnet of one.
func (c configuration) hasUpperMTU() bool {
	has := func(e map[string]any) bool {
		subnets, _ := e["subnets"].([]any)
		return e["mtu"] != nil || slices.ContainsFunc(subnets, func(s any) bool { return s.(map[string]any)["mtu"] != nil })
	}
	if c.hasDevice2(func(kind string, d map[string]any) bool { return (kind == "vlans" || kind == "bridges") && has(d) }) {
		return true
	}
	return slices.ContainsFunc(c.entries, func(e map[string]any) bool { return (e["type"] == "vlan" || e["type"] == "bridge") && has(e) })
}

// hasReferenceToRenamed tells of a VLAN whose link has another name than its key.
func (c configuration) hasReferenceToRenamed() bool {
	for _, v := range c.kinds["vlans"] {
		key := v.(map[string]any)["link"].(string)
		link, _ := c.kinds["ethernets"][key].(map[string]any)
		if name, ok := link["set-name"]; ok && name != key || strings.HasPrefix(key, "id-") {
			return true
		}
	}
	return false
}

// hasRouteOfOtherFamily tells of a route of a family that the device has nothing else of.
// In version 1 routes may be of either family too, but those of our own are not.
func (c configuration) hasRouteOfOtherFamily() bool {
	return c.hasDevice2(func(_ string, d map[string]any) bool {
		has := map[bool]bool{false: d["dhcp4"] == true, true: d["dhcp6"] == true}
		addresses, _ := d["addresses"].([]any)
		for _, address := range addresses {
			has[strings.Contains(address.(string), ":")] = true
		}
		routes, _ := d["routes"].([]any)
		return slices.ContainsFunc(routes, func(r any) bool {
			route := r.(map[string]any)
			to := route["to"].(string)
			if to == "default" {
				to = route["via"].(string)
			}
			return !has[strings.Contains(to, ":")]
		})
	})
}

// hasDevice2 tells of a device of version 2.
func (c configuration) hasDevice2(is func(kind string, d map[string]any) bool) bool {
	for kind, devices := range c.kinds {
		for _, d := range devices {
			if device, ok := d.(map[string]any); ok && is(kind, device) {
				return true
			}
		}
	}
	return false
}

// hasRoute2 tells of a route of version 2.
func (c configuration) hasRoute2(is func(map[string]any) bool) bool {
	return c.hasDevice2(func(_ string, d map[string]any) bool {
		routes, _ := d["routes"].([]any)
		return slices.ContainsFunc(routes, func(r any) bool { return is(r.(map[string]any)) })
	})
}

// ifcfgBondOptions are those that cloud-init writes into ifcfg files. Each may be
// written with underscores or dashes alone.
var ifcfgBondOptions = []string{
	"bond_mode", "bond_xmit_hash_policy", "bond_miimon", "bond_min_links", "bond_arp_interval", "bond_arp_ip_target", "bond_arp_validate",
	"bond_ad_select", "bond_num_grat_arp", "bond_downdelay", "bond_updelay", "bond_lacp_rate", "bond_fail_over_mac", "bond_primary",
	"bond_primary_reselect",
	"bond-mode", "bond-xmit-hash-policy", "bond-miimon", "bond-min-links", "bond-arp-interval", "bond-arp-ip-target", "bond-arp-validate",
	"bond-ad-select", "bond-num-grat-arp", "bond-downdelay", "bond-updelay", "bond-lacp-rate", "bond-fail-over-mac", "bond-primary",
	"bond-primary-reselect",
}

// keyfileBondOption is how cloud-init must find an option to write it into a keyfile.
var keyfileBondOption = regexp.MustCompile(`^bond-[a-z_]+$`)

// hasBondOption tells of an option of a bond, by version 1's name: version 2's are made
// that before they are rendered.
func (c configuration) hasBondOption(is func(name string) bool) bool {
	for _, e := range c.entries {
		if e["type"] != "bond" {
			continue
		}
		options, _ := e["params"].(map[string]any)
		if c.links {
			options = map[string]any{}
			for name := range e {
				if option, ok := strings.CutPrefix(name, "bond_"); ok && option != "links" {
					options["bond-"+option] = true
				}
			}
		}
		for name := range options {
			if is(name) {
				return true
			}
		}
	}
	for _, b := range c.kinds["bonds"] {
		options, _ := b.(map[string]any)["parameters"].(map[string]any)
		for name := range options {
			if is(bondNames[name]) {
				return true
			}
		}
	}
	return false
}

// bondNames are cloud-init's version 1 names for version 2's options of bonds.
var bondNames = map[string]string{
	"mode": "bond-mode", "mii-monitor-interval": "bond-miimon", "min-links": "bond-min-links", "transmit-hash-policy": "bond-xmit-hash-policy",
	"ad-select": "bond-ad-select", "all-slaves-active": "bond-all-slaves-active", "arp-interval": "bond-arp-interval",
	"arp-ip-target": "bond-arp-ip-target", "arp-validate": "bond-arp-validate", "arp-all-targets": "bond-arp-all-targets",
	"up-delay": "bond-updelay", "down-delay": "bond-downdelay", "fail-over-mac-policy": "bond-fail-over-mac",
	"gratuitous-arp": "bond-num-grat-arp", "packets-per-slave": "bond-packets-per-slave", "primary": "bond-primary",
	"primary-reselect-policy": "bond-primary-reselect", "learn-packet-interval": "bond-learn-packet-interval", "lacp-rate": "bond-lacp-rate",
}
