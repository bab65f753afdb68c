package differential

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/network/convert"
)

// configuration is a random input, taken apart so far that it can be cured.
type configuration struct {
	eni string         // an interfaces file, as it is
	top map[string]any // anything else
}

// device is one of a configuration's.
type device map[string]any

func decode(t testing.TB, in input) *configuration {
	t.Helper()
	if kindOf(t, in.name) == convert.ENI {
		return &configuration{eni: in.text}
	}
	c := &configuration{}
	v, _, err := yaml.Parse(in.name, []byte(in.text))
	if err != nil {
		t.Fatal(err)
	}
	c.top, _ = v.Any().(map[string]any)
	if inner, ok := c.top["network"].(map[string]any); ok {
		c.top = inner
	}
	return c
}

func (c *configuration) encode(t testing.TB) string {
	t.Helper()
	if c.top == nil {
		return c.eni
	}
	data, err := json.MarshalIndent(c.top, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

// replaceENI tells whether there was anything to replace.
func (c *configuration) replaceENI(what *regexp.Regexp, with string) bool {
	before := c.eni
	c.eni = what.ReplaceAllString(c.eni, with)
	return c.eni != before
}

// kind is a section of version 2.
func (c *configuration) kind(name string) map[string]any {
	m, _ := c.top[name].(map[string]any)
	return m
}

// each cures the devices of a type of version 1 or network_data.json, or of a section of
// version 2, where "" is all of them.
func (c *configuration) each(kind1, kind2 string, cure func(device) bool) bool {
	cured := false
	for _, list := range []string{"config", "links"} {
		entries, _ := c.top[list].([]any)
		for _, e := range entries {
			if entry := e.(map[string]any); entry["type"] == kind1 {
				cured = cure(entry) || cured
			}
		}
	}
	for name := range c.top {
		if kind2 != "" && name != kind2 {
			continue
		}
		for _, d := range c.kind(name) {
			if entry, ok := d.(map[string]any); ok {
				cured = cure(entry) || cured
			}
		}
	}
	return cured
}

// eachUpper2 cures those devices of version 2 that are made of others.
func (c *configuration) eachUpper2(cure func(device) bool) bool {
	cured := false
	for _, kind := range []string{"bonds", "bridges", "vlans"} {
		cured = c.each("none", kind, cure) || cured
	}
	return cured
}

// eachSubnet1 cures the subnets of version 1.
func (c *configuration) eachSubnet1(cure func(device) bool) bool {
	cured := false
	entries, _ := c.top["config"].([]any)
	for _, e := range entries {
		subnets, _ := e.(map[string]any)["subnets"].([]any)
		for _, s := range subnets {
			cured = cure(s.(map[string]any)) || cured
		}
	}
	return cured
}

// eachRoute2 cures the routes of version 2, each with its device.
func (c *configuration) eachRoute2(cure func(device, map[string]any) bool) bool {
	return c.each("", "", func(d device) bool {
		cured := false
		routes, _ := d["routes"].([]any)
		for _, r := range routes {
			if len(d.families()) > 0 {
				cured = cure(d, r.(map[string]any)) || cured
			}
		}
		return cured
	})
}

// drop takes keys away, and tells whether there was any.
func (d device) drop(keys ...string) bool {
	cured := false
	for _, key := range keys {
		if _, ok := d[key]; ok {
			delete(d, key)
			cured = true
		}
	}
	return cured
}

func (d device) dropBridgeTimes() bool {
	cured := false
	for _, options := range []string{"params", "parameters"} {
		m, _ := d[options].(map[string]any)
		cured = device(m).drop("ageing-time", "forward-delay", "hello-time", "max-age", "path-cost", "port-priority",
			"bridge_ageing", "bridge_fd", "bridge_hello", "bridge_maxage", "bridge_pathcost", "bridge_portprio") || cured
	}
	return cured
}

func (d device) dropBridgePriority() bool {
	cured := false
	for _, options := range []string{"params", "parameters"} {
		m, _ := d[options].(map[string]any)
		cured = device(m).drop("priority", "bridge_bridgeprio") || cured
	}
	return cured
}

// keepMetricOfDHCP drops all overrides of DHCP but the metric.
func (d device) keepMetricOfDHCP() bool {
	cured := false
	for _, key := range []string{"dhcp4-overrides", "dhcp6-overrides"} {
		overrides, _ := d[key].(map[string]any)
		for name := range overrides {
			cured = name != "route-metric" && device(overrides).drop(name) || cured
		}
	}
	return cured
}

func (d device) dropVLANAddress() bool {
	if d["vlan_mac_address"] != nil {
		d["vlan_mac_address"] = nil // the key must be there
		return true
	}
	return d.drop("mac_address", "macaddress")
}

func (d device) dropMTU() bool {
	cured := d.drop("mtu")
	subnets, _ := d["subnets"].([]any)
	for _, s := range subnets {
		cured = device(s.(map[string]any)).drop("mtu") || cured
	}
	return cured
}

// families are those of a device of version 2, in the order of its subnets; true is IPv6.
func (d device) families() []bool {
	var families []bool
	if d["dhcp4"] == true {
		families = append(families, false)
	}
	if d["dhcp6"] == true {
		families = append(families, true)
	}
	addresses, _ := d["addresses"].([]any)
	for _, address := range addresses {
		families = append(families, strings.Contains(address.(string), ":"))
	}
	return families
}

func isDefault(route map[string]any) bool {
	return slices.Contains([]any{"default", "0.0.0.0/0", "::/0"}, destination(route))
}

// destination is where a route leads, in the words of version 1 or 2.
func destination(route map[string]any) any {
	for _, key := range []string{"to", "destination", "network"} {
		if to, ok := route[key]; ok {
			return to
		}
	}
	return nil
}

// isIPv6 tells the family of a route; `default` is of its gateway's.
func isIPv6(route map[string]any) bool {
	to, _ := destination(route).(string)
	if to == "default" {
		to, _ = route["via"].(string)
		if gateway, ok := route["gateway"].(string); ok {
			to = gateway
		}
	}
	return strings.Contains(to, ":")
}
