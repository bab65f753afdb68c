package networkd

import (
	"fmt"
	"net/netip"

	"cloudseed/network"
)

// routes writes a section for each route. Their order is cloud-init's: the gateways of
// addresses (a0, a1, …) before routes (r0, r1, …), each by its number's text.
func (r *renderer) routes(u *unit, d *network.Device) {
	n := 0
	rank := func(kind string) string {
		n++
		return fmt.Sprintf("%s%d", kind, n-1)
	}
	for i := range d.Subnets {
		s := &d.Subnets[i]
		for _, to := range s.Routes {
			route(u.section("Route", rank("r")), to)
		}
		if s.Gateway.IsValid() {
			gateway(u.section("Route", rank("a")), s)
		}
	}
	for _, to := range d.Routes {
		route(u.section("Route", rank("r")), to)
	}
}

// gateway is a subnet's default route.
func gateway(own *section, s *network.Subnet) {
	own.add("Gateway", s.Gateway.String())
	if s.Address.IsValid() && !s.Address.Masked().Contains(s.Gateway) {
		own.add("GatewayOnLink", "yes")
	}
	// Difference from cloud-init: it drops the metric.
	if s.Metric != nil {
		own.add("Metric", fmt.Sprint(*s.Metric))
	}
}

// route writes all that is known of a route.
//
// Difference from cloud-init: it drops all but the destination, gateway, metric and
// table, and writes the global routes of version 1 for every device.
func route(own *section, to network.Route) {
	own.add("Destination", to.To.String())
	if to.Gateway.IsValid() {
		own.add("Gateway", to.Gateway.String())
	}
	if to.Metric != nil {
		own.add("Metric", fmt.Sprint(*to.Metric))
	}
	if to.OnLink {
		own.add("GatewayOnLink", "yes")
	}
	if to.Source.IsValid() {
		own.add("PreferredSource", to.Source.String())
	}
	for _, text := range []struct{ key, value string }{{"Type", to.Type}, {"Scope", to.EffectiveScope()}} {
		if text.value != "" {
			own.add(text.key, text.value)
		}
	}
	for _, number := range []struct {
		key   string
		value int
	}{
		{"Table", to.Table},
		{"MTUBytes", to.MTU},
		{"InitialCongestionWindow", to.CongestionWindow},
		{"InitialAdvertisedReceiveWindow", to.ReceiveWindow},
		{"TCPAdvertisedMaximumSegmentSize", to.SegmentSize},
	} {
		if number.value > 0 {
			own.add(number.key, fmt.Sprint(number.value))
		}
	}
}

// rules writes a section for each rule of routing, in their order.
//
// Difference from cloud-init: it writes netplan's words for the mark and the type of
// service, which networkd does not know, and loses the rules of renamed devices.
func rules(u *unit, list []network.Rule) {
	for i, rule := range list {
		own := u.section("RoutingPolicyRule", fmt.Sprintf("%06d", i))
		if rule.From.IsValid() {
			own.add("From", hostOrNetwork(rule.From))
		}
		if rule.To.IsValid() {
			own.add("To", hostOrNetwork(rule.To))
		}
		if !rule.From.IsValid() && !rule.To.IsValid() && rule.Family == network.IPv6 {
			own.add("Family", "ipv6")
		}
		if rule.Priority != nil {
			own.add("Priority", fmt.Sprint(*rule.Priority))
		}
		for _, number := range []struct {
			key   string
			value int
		}{{"Table", rule.Table}, {"FirewallMark", rule.Mark}, {"TypeOfService", rule.TOS}} {
			if number.value > 0 {
				own.add(number.key, fmt.Sprint(number.value))
			}
		}
	}
}

// hostOrNetwork writes a lone address without its length, as people do.
func hostOrNetwork(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
