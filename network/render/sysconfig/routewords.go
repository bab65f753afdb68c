package sysconfig

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/network"
)

// lines returns the file of a family's routes in the words of ip-route(8), which initscripts
// hand to it and NetworkManager reads itself.
//
// Difference from cloud-init: it drops all but the gateway and the metric, and puts a
// route of another table into the main one.
func lines(routes []network.Route, device string, family network.Family) string {
	var b strings.Builder
	fmt.Fprintf(&b, header, "#")
	for _, route := range routes {
		if route.To.Addr().Is4() != (family == network.IPv4) {
			continue
		}
		b.WriteString(line(route, device) + "\n")
	}
	return b.String()
}

func line(route network.Route, device string) string {
	text := kind(route) + route.To.String()
	metric := ""
	if route.Metric != nil {
		metric = fmt.Sprintf("metric %d", *route.Metric)
	}
	words := options(route)
	if leadsNowhere(route) {
		return joined(append(strings.Fields(text+" "+metric), words...))
	}
	if route.Gateway.IsValid() {
		text += " via " + route.Gateway.String()
	}
	// Two blanks without a metric, as in cloud-init.
	return joined(append([]string{text, metric, "dev " + device}, words...))
}

// Routes that lead nowhere have neither a gateway nor a device to the kernel.
var nowhere = []string{"blackhole", "unreachable", "prohibit", "throw"}

func leadsNowhere(route network.Route) bool { return slices.Contains(nowhere, route.Type) }

// kind returns the word before a route that is no ordinary one.
func kind(route network.Route) string {
	if route.Type == "" || route.Type == "unicast" {
		return ""
	}
	return route.Type + " "
}

// needsWords reports whether the variables of a route file have no room for a route.
func needsWords(route network.Route) bool { return kind(route) != "" || len(options(route)) > 0 }

// options returns what else is said of a route.
func options(route network.Route) []string {
	var words []string
	if route.OnLink {
		words = append(words, "onlink")
	}
	if route.Source.IsValid() {
		words = append(words, "src "+route.Source.String())
	}
	if route.Scope != "" {
		words = append(words, "scope "+route.Scope)
	}
	for _, number := range []struct {
		word  string
		value int
	}{{"table", route.Table}, {"mtu", route.MTU}, {"initcwnd", route.CongestionWindow}, {"initrwnd", route.ReceiveWindow}} {
		if number.value != 0 {
			words = append(words, fmt.Sprintf("%s %d", number.word, number.value))
		}
	}
	return words
}

// sayable reports whether both who read route files know a route's kind. NetworkManager
// leaves a line out for one word that it does not know.
func (r *renderer) sayable(d *network.Device, route network.Route) bool {
	if route.SegmentSize != 0 {
		d.At(&r.found).Warnf("ifcfg files cannot say advertised-mss; that of the route to %s was ignored", route.To)
	}
	if kind(route) == "" || route.Type == "local" || leadsNowhere(route) {
		return true
	}
	d.At(&r.found).Warnf("ifcfg files cannot say type %s; the route to %s was skipped", route.Type, route.To)
	return false
}
