package differential

import (
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/network/render"
	"cloudseed/test/differential/random"
)

// meaning is a difference that is meant, and how an input is cured of what causes it.
type meaning struct {
	reason string // words of docs/differences.md
	output string // "": all
	cure   func(*configuration) (cured bool)
}

// meanings are what random configurations may differ in. Each looks at the input alone,
// never at what came of it; and an input that is cured must give the same files.
var meanings = []meaning{
	{"`allow-hotplug` is brought up", render.Sysconfig, func(c *configuration) bool {
		return c.replaceENI(regexp.MustCompile(`(?m)^allow-hotplug `), "auto ")
	}},
	{"An alias without `auto`", render.Sysconfig, (*configuration).bringUpAliases},
	{"a VLAN gets its address and number", render.Sysconfig, func(c *configuration) bool {
		return c.each("vlan", "vlans", device.dropVLANAddress)
	}},
	{"A VLAN's and a bridge's MTU", render.NetworkManager, func(c *configuration) bool {
		vlans := c.each("vlan", "vlans", device.dropMTU)
		return c.each("bridge", "bridges", device.dropMTU) || vlans
	}},
	{"a bridge's times and the settings of its parts", render.NetworkManager, func(c *configuration) bool {
		return c.each("bridge", "bridges", device.dropBridgeTimes)
	}},
	{"a bridge's times and the settings of its parts", render.Sysconfig, func(c *configuration) bool {
		times := c.each("bridge", "bridges", device.dropBridgeTimes)
		return c.each("bridge", "bridges", device.dropBridgePriority) || times
	}},
	{"settings of the link and of DHCP are in ifcfg files", render.Sysconfig, func(c *configuration) bool {
		return c.each("", "", device.keepMetricOfDHCP)
	}},
	{"the MTU of a route", render.Sysconfig, func(c *configuration) bool {
		return c.eachRoute2(func(_ device, r map[string]any) bool { return device(r).drop("mtu") })
	}},
	{"The MAC address of a bond or a VLAN", render.NetworkManager, func(c *configuration) bool {
		vlans := c.each("vlan", "vlans", device.dropVLANAddress)
		return c.each("bond", "bonds", func(d device) bool {
			return d.drop("mac_address", "macaddress", "ethernet_mac_address")
		}) || vlans
	}},
	{"references of version 2 are keys", render.Sysconfig, (*configuration).dropReferencesToRenamed},
	{"references of version 2 are keys", render.Networkd, (*configuration).dropReferencesToRenamed},
	{"routes of a device without addresses", render.Networkd, func(c *configuration) bool {
		return c.each("", "", func(d device) bool { return len(d.families()) == 0 && d.drop("routes") })
	}},
	{"name servers that version 1 gives to one interface", render.Sysconfig, func(c *configuration) bool {
		return c.each("nameserver", "none", func(d device) bool { return d.drop("interface") })
	}},
	{"on-link routes and tables", "", func(c *configuration) bool {
		return c.eachRoute2(func(_ device, r map[string]any) bool { return device(r).drop("table", "on-link") })
	}},
	{"a default route with a metric before the first address of its family", render.NetworkManager, func(c *configuration) bool {
		return c.eachRoute2(func(d device, r map[string]any) bool {
			return isDefault(r) && d.families()[0] != isIPv6(r) && device(r).drop("metric")
		})
	}},
	{"the metric of a second default route beside a gateway", render.NetworkManager, (*configuration).dropMetricsBesideGateways},
	{"a route of a family that the device has no address of", render.NetworkManager, (*configuration).dropRoutesOfOtherFamilies},
	{"`accept-ra` and `optional` of a bond, a bridge or a VLAN of version 2", "", func(c *configuration) bool {
		return c.eachUpper2(func(d device) bool { return d.drop("accept-ra", "optional") })
	}},
	{"the MTU of a route or of a subnet", render.Networkd, func(c *configuration) bool {
		subnets := c.eachSubnet1(func(s device) bool { return s.drop("mtu") })
		return c.eachRoute2(func(_ device, r map[string]any) bool { return device(r).drop("mtu") }) || subnets
	}},
	{"the metric of a subnet", render.Networkd, func(c *configuration) bool {
		cured := c.eachSubnet1(func(s device) bool { return s.drop("metric") })
		cured = c.each("", "", func(d device) bool {
			// It also loses all overrides of an interface that it finds by its address.
			found := d["match"] != nil && d["set-name"] == nil && d.drop("dhcp4-overrides")
			return d.drop("dhcp6-overrides") || found
		}) || cured
		return c.eachUpper2(func(d device) bool { return d.drop("dhcp4-overrides") }) || cured
	}},
	{"options of bonds", render.Networkd, func(c *configuration) bool {
		return c.dropBondOptions(func(name string, value any) bool {
			return !slices.Contains(networkdBondOptions(), name) || isNumberOfWord(name, value)
		})
	}},
	{"options of bonds", render.Sysconfig, func(c *configuration) bool {
		return c.dropBondOptions(func(name string, _ any) bool { return !slices.Contains(ifcfgBondOptions(), name) })
	}},
	{"options of bonds", render.NetworkManager, func(c *configuration) bool {
		keyfileOption := regexp.MustCompile(`^bond-[a-z_]+$`) // how cloud-init finds them
		return c.dropBondOptions(func(name string, _ any) bool { return !keyfileOption.MatchString(name) })
	}},
}

// cure takes out of an input what its outcomes differ for, with the reasons.
func cure(t testing.TB, in input, output string) (cured input, reasons []string) {
	t.Helper()
	c := decode(t, in)
	for _, m := range meanings {
		if (m.output == "" || m.output == output) && m.cure(c) {
			reasons = append(reasons, m.reason)
		}
	}
	return input{name: in.name, text: c.encode(t), interfaces: in.interfaces}, reasons
}

// TestEveryReasonIsInTheDocumentation holds these lists to the one that users read.
func TestEveryReasonIsInTheDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToLower(strings.Join(strings.Fields(string(data)), " "))
	var reasons []string
	for _, m := range meanings {
		reasons = append(reasons, m.reason)
	}
	for _, d := range slices.Concat(differences, userDifferences, seedDifferences, moduleDifferences) {
		reasons = append(reasons, d.reason)
	}
	for _, w := range ways {
		reasons = append(reasons, w.reason)
	}
	for _, d := range templateDifferences {
		reasons = append(reasons, d.reason)
	}
	for _, m := range templateMeanings {
		reasons = append(reasons, m.reason)
	}
	reasons = append(reasons, itemByItem)
	for i := range uint64(2000) {
		reasons = append(reasons, random.NewUserData(rand.New(rand.NewPCG(0, i)), false).Meant...)
		reasons = append(reasons, random.NewModules(rand.New(rand.NewPCG(0, i)), false).Meant...)
	}
	slices.Sort(reasons)
	for _, reason := range slices.Compact(reasons) {
		if reason == "" || !strings.Contains(text, strings.ToLower(reason)) {
			t.Errorf("docs/differences.md does not say %q", reason)
		}
	}
}

// bringUpAliases gives those a line that brings them up which have none.
func (c *configuration) bringUpAliases() bool {
	cured := false
	for _, alias := range regexp.MustCompile(`(?m)^iface (\S+:\d+) `).FindAllStringSubmatch(c.eni, -1) {
		if line := "auto " + alias[1] + "\n"; !strings.Contains(c.eni, line) {
			c.eni, cured = c.eni+line, true
		}
	}
	return cured
}

// dropReferencesToRenamed drops VLANs whose link has another name than its key.
func (c *configuration) dropReferencesToRenamed() bool {
	cured := false
	for name, v := range c.kind("vlans") {
		key, _ := v.(map[string]any)["link"].(string)
		link, _ := c.kind("ethernets")[key].(map[string]any)
		if set, ok := link["set-name"]; ok && set != key || !ok && strings.HasPrefix(key, "id-") {
			delete(c.kind("vlans"), name)
			cured = true
		}
	}
	return cured
}

func (c *configuration) dropRoutesOfOtherFamilies() bool {
	return c.each("", "", func(d device) bool {
		routes, _ := d["routes"].([]any)
		has := d.families()
		if len(has) == 0 {
			return false // they are dropped by both
		}
		kept := slices.DeleteFunc(slices.Clone(routes), func(r any) bool { return !slices.Contains(has, isIPv6(r.(map[string]any))) })
		if len(kept) == len(routes) {
			return false
		}
		d["routes"] = kept
		return true
	})
}

// dropMetricsBesideGateways drops the metrics of default routes of a family of which the
// device has a gateway.
func (c *configuration) dropMetricsBesideGateways() bool {
	cured := false
	drop := func(v6 bool, routes any) {
		list, _ := routes.([]any)
		for _, r := range list {
			if r := r.(map[string]any); isIPv6(r) == v6 && isDefault(r) {
				cured = device(r).drop("metric") || cured
			}
		}
	}
	entries, _ := c.top["config"].([]any)
	for _, e := range entries {
		subnets, _ := e.(map[string]any)["subnets"].([]any)
		for _, s := range subnets {
			gateway, ok := s.(map[string]any)["gateway"].(string)
			for _, other := range subnets {
				if ok {
					drop(strings.Contains(gateway, ":"), other.(map[string]any)["routes"])
				}
			}
		}
	}
	c.each("none", "", func(d device) bool {
		for key, v6 := range map[string]bool{"gateway4": false, "gateway6": true} {
			if d[key] != nil {
				drop(v6, d["routes"])
			}
		}
		return false
	})
	return cured
}

// ifcfgBondOptions are those that cloud-init writes into ifcfg files. Each is found with
// underscores alone or dashes alone.
func ifcfgBondOptions() []string {
	names := strings.Fields("mode xmit_hash_policy miimon min_links arp_interval arp_ip_target arp_validate ad_select" +
		" num_grat_arp downdelay updelay lacp_rate fail_over_mac primary primary_reselect")
	for i, name := range names {
		names[i] = "bond_" + name
		names = append(names, "bond-"+strings.ReplaceAll(name, "_", "-"))
	}
	return names
}

// networkdBondOptions are those that cloud-init writes into netdev files.
func networkdBondOptions() []string {
	names := strings.Fields("ad-select arp-interval arp-validate downdelay fail-over-mac lacp-rate miimon min-links mode num-grat-arp" +
		" primary-reselect updelay xmit-hash-policy all-slaves-active arp-all-targets learn-packet-interval packets-per-slave")
	for i, name := range names {
		names[i] = "bond-" + name
	}
	return names
}

// isNumberOfWord tells of the kernel's number for a word that networkd knows alone.
func isNumberOfWord(name string, value any) bool {
	_, number := value.(int64)
	text, _ := value.(string)
	return (number || len(text) == 1) && slices.Contains([]string{"bond-mode", "bond-lacp-rate", "bond-xmit-hash-policy", "bond-fail-over-mac"}, name)
}

// bondNames are cloud-init's version 1 names for version 2's options of bonds.
var bondNames = map[string]string{
	"mode": "bond-mode", "mii-monitor-interval": "bond-miimon", "min-links": "bond-min-links", "transmit-hash-policy": "bond-xmit-hash-policy",
	"up-delay": "bond-updelay", "down-delay": "bond-downdelay", "gratuitous-arp": "bond-num-grat-arp", "lacp-rate": "bond-lacp-rate",
	"packets-per-slave": "bond-packets-per-slave", "primary": "bond-primary", "learn-packet-interval": "bond-learn-packet-interval",
}

// dropBondOptions drops those that a test of version 1's names is true of: the others'
// are made that before they are rendered.
func (c *configuration) dropBondOptions(is func(name string, value any) bool) bool {
	return c.each("bond", "bonds", func(d device) bool {
		cured := false
		drop := func(options map[string]any, name, name1 string) {
			if is(name1, options[name]) {
				delete(options, name)
				cured = true
			}
		}
		options, _ := d["params"].(map[string]any)
		for name := range options {
			drop(options, name, name)
		}
		options, _ = d["parameters"].(map[string]any)
		for name := range options {
			drop(options, name, bondNames[name])
		}
		for name := range d {
			if option, ok := strings.CutPrefix(name, "bond_"); ok && option != "links" && option != "interfaces" {
				drop(d, name, "bond-"+option)
			}
		}
		return cured
	})
}
