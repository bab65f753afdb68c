package networkmanager

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloudseed/network"
)

// routeTypes are those that NetworkManager writes into a table (nm-settings, routes).
var routeTypes = []string{"unicast", "local", "blackhole", "prohibit", "throw", "unreachable"}

// routeScopes are the kernel's numbers (rtnetlink(7)).
var routeScopes = map[string]string{"global": "0", "link": "253", "host": "254"}

func (r *renderer) route(k *keyfile, d *network.Device, route network.Route, n counters) {
	family := string(network.FamilyOf(route.To.Addr()))
	if !slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool { return string(s.Family) == family && s.Method != network.None }) {
		// Difference from cloud-init: it writes a connection that NetworkManager refuses.
		d.At(&r.found).Warnf("the route to %s was skipped: the device has no %s", route.To, family)
		return
	}
	if route.Type != "" && !slices.Contains(routeTypes, route.Type) {
		d.At(&r.found).Warnf("the route to %s was skipped: NetworkManager knows no route of type %s", route.To, route.Type)
		return
	}
	own := k.section(family)
	value := route.To.String()
	if route.Gateway.IsValid() {
		value += "," + route.Gateway.String()
	}
	if route.Metric != nil {
		// Difference from cloud-init: the metric is never that of a gateway beside the route.
		if route.To.Bits() == 0 && !hasGateway(d, family) {
			own.set("route-metric", fmt.Sprint(*route.Metric))
		} else {
			if !route.Gateway.IsValid() {
				// The metric is the third field; without a second it would be the gateway.
				value += "," + unspecified(route.To)
			}
			value += fmt.Sprintf(",%d", *route.Metric)
		}
	}
	key := own.add("route", n.next(family, "route"), value)
	if options := r.routeOptions(d, route); len(options) > 0 {
		own.set(key+"_options", strings.Join(options, ","))
	}
}

// routeOptions returns all else that is said of a route.
//
// Difference from cloud-init: it drops all but the MTU, so that the kernel refuses a
// route by a gateway on the link, and one of another table is in the main one.
func (r *renderer) routeOptions(d *network.Device, route network.Route) []string {
	var options []string
	add := func(name string, value int) {
		if value > 0 {
			options = append(options, fmt.Sprintf("%s=%d", name, value))
		}
	}
	add("mtu", route.MTU)
	if route.OnLink {
		options = append(options, "onlink=true")
	}
	add("table", route.Table)
	if route.Type != "" {
		options = append(options, "type="+route.Type)
	}
	switch {
	case route.EffectiveScope() == "":
	case route.To.Addr().Is6():
		d.At(&r.found).Warnf("IPv6 knows no scope of routes; that of the route to %s was ignored", route.To)
	default:
		options = append(options, "scope="+routeScopes[route.EffectiveScope()])
	}
	if route.Source.IsValid() {
		options = append(options, "src="+route.Source.String())
	}
	add("initcwnd", route.CongestionWindow)
	add("initrwnd", route.ReceiveWindow)
	add("advmss", route.SegmentSize)
	return options
}

func hasGateway(d *network.Device, family string) bool {
	return slices.ContainsFunc(d.Subnets, func(s network.Subnet) bool {
		return s.Gateway.IsValid() && string(network.FamilyOf(s.Gateway)) == family
	})
}

func unspecified(to netip.Prefix) string {
	if to.Addr().Is4() {
		return "0.0.0.0"
	}
	return "::"
}
