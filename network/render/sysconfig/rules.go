package sysconfig

import (
	"fmt"
	"strings"

	"cloudseed/network"
)

// What the kernel and ip-rule(8) take when nothing is said, which NetworkManager wants said.
const (
	lastPriority = 32765 // before the rule for the main table
	mainTable    = 254
)

// rules writes which packets go by which table, in NetworkManager's variables
// (nm-settings-ifcfg-rh(5), ROUTING_RULE_).
//
// They are not in rule-NAME and rule6-NAME, which initscripts read: while there is such a
// file NetworkManager leaves all routes of the device out.
//
// Difference from cloud-init: it drops rules.
func rules(f ifcfg, d *network.Device) {
	n := map[network.Family]int{}
	keys := map[network.Family]string{network.IPv4: "ROUTING_RULE_", network.IPv6: "ROUTING_RULE6_"}
	for _, rule := range d.Rules {
		n[rule.Family]++
		f.set(fmt.Sprintf("%s%d", keys[rule.Family], n[rule.Family]), ruleText(rule))
	}
}

func ruleText(rule network.Rule) string {
	priority, table := lastPriority, mainTable
	if rule.Priority != nil {
		priority = *rule.Priority
	}
	if rule.Table != 0 {
		table = rule.Table
	}
	words := []string{fmt.Sprintf("priority %d", priority)}
	if rule.From.IsValid() {
		words = append(words, "from "+rule.From.String())
	}
	if rule.To.IsValid() {
		words = append(words, "to "+rule.To.String())
	}
	if rule.TOS != 0 {
		words = append(words, fmt.Sprintf("tos %#x", rule.TOS))
	}
	if rule.Mark != 0 {
		words = append(words, fmt.Sprintf("fwmark %#x", rule.Mark))
	}
	return strings.Join(append(words, fmt.Sprintf("table %d", table)), " ")
}
