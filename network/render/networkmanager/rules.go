package networkmanager

import (
	"fmt"

	"cloudseed/network"
)

// lowestPriority is the number that the kernel gives the first rule that has none; each
// further one gets the next lower number (ip-rule(8)). NetworkManager wants one said.
const lowestPriority = 32765

// rules writes which packets go by which table of routes, in the words of ip-rule(8)
// (nm-settings-keyfile, routing-rule).
//
// Difference from cloud-init: it drops them.
func (r *renderer) rules(k *keyfile, d *network.Device) {
	n, next := counters{}, lowestPriority
	for _, rule := range d.Rules {
		family := string(rule.Family)
		own := k.find(family)
		if !enabled(own) {
			d.At(&r.found).Warnf("a rule of routing was skipped: the device has no %s", family)
			continue
		}
		priority := next
		if rule.Priority != nil {
			priority = *rule.Priority
		} else {
			next--
		}
		text := fmt.Sprintf("priority %d", priority)
		switch {
		case rule.From.IsValid():
			text += " from " + rule.From.String()
		case !rule.To.IsValid() && rule.Family == network.IPv6:
			text += " from ::/0"
		case !rule.To.IsValid():
			text += " from 0.0.0.0/0"
		}
		if rule.To.IsValid() {
			text += " to " + rule.To.String()
		}
		if rule.TOS > 0 {
			text += fmt.Sprintf(" tos 0x%02x", rule.TOS)
		}
		if rule.Mark > 0 {
			text += fmt.Sprintf(" fwmark 0x%x", rule.Mark)
		}
		if rule.Table > 0 {
			text += fmt.Sprintf(" table %d", rule.Table)
		}
		own.add("routing-rule", n.next(family, "rule"), text)
	}
}
