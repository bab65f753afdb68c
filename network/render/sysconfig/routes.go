package sysconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// routes writes a device's default routes into its ifcfg file, and gives the files of
// all others: both or none, as in cloud-init.
func (r *renderer) routes(f ifcfg, d *network.Device) []network.File {
	var others []network.Route
	for _, s := range d.Subnets {
		for _, route := range s.Routes {
			if route.Table != 0 {
				// Difference from cloud-init: it puts the route into the main table.
				r.problem(config.Warning, d, "ifcfg files have no tables of routes; the route to %s was left out", route.To)
				continue
			}
			if route.MTU != 0 {
				r.problem(config.Warning, d, "ifcfg files have no MTU of routes; that of the route to %s is not used", route.To)
			}
			if route.OnLink {
				r.problem(config.Warning, d, "ifcfg files cannot say on-link; the route to %s may be refused", route.To)
			}
			if isDefault(route) && !fromRouter(s) {
				r.defaultVia(f, d, s, route)
				continue
			}
			others = append(others, route)
		}
	}
	if len(others) == 0 {
		return nil
	}
	order(others)
	dir := "/etc/sysconfig/network-scripts/"
	return []network.File{text(dir+"route-"+d.Name, routes4(others)), text(dir+"route6-"+d.Name, routes6(others, d.Name))}
}

// fromRouter tells whether the router advertises the default route, so that one that
// is given is one more.
func fromRouter(s network.Subnet) bool {
	return s.Family == network.IPv6 && s.Method != network.Static && s.Method != network.None
}

// defaultVia makes a default route the device's gateway. Its metric is that of the
// subnet's family, as in cloud-init, which matters only to version 2, where all routes
// go with the first subnet.
//
// Difference from cloud-init: of two default routes in OpenStack's network_data.json
// it fails altogether; here as elsewhere the last counts.
func (r *renderer) defaultVia(f ifcfg, d *network.Device, s network.Subnet, route network.Route) {
	f.set("DEFROUTE", "yes")
	if f["BOOTPROTO"] == "dhcp" {
		f.set("DHCLIENT_SET_DEFAULT_ROUTE", "yes")
	}
	if route.Gateway.IsValid() {
		key := gatewayKey(route.Gateway)
		if before := f[key]; before != "" && before != route.Gateway.String() {
			r.problem(config.Warning, d, "its gateway %s gives way to its default route's, %s", before, route.Gateway)
		}
		f.set(key, route.Gateway.String())
	}
	if route.Metric != nil {
		f.set(metricKey(s.Family == network.IPv6), strconv.Itoa(*route.Metric))
	}
}

// order sorts routes by their numbers as texts, as cloud-init does: 1, 10, 2.
func order(routes []network.Route) {
	type numbered struct {
		number string
		route  network.Route
	}
	all := make([]numbered, len(routes))
	for i, route := range routes {
		all[i] = numbered{strconv.Itoa(i + 1), route}
	}
	slices.SortFunc(all, func(a, b numbered) int { return strings.Compare(a.number, b.number) })
	for i, n := range all {
		routes[i] = n.route
	}
}

// routes4 is the file of IPv4 routes, in variables.
//
// Difference from cloud-init: it fails at a route without a gateway.
func routes4(routes []network.Route) string {
	var b strings.Builder
	fmt.Fprintf(&b, header, "#")
	n := 0
	for _, route := range routes {
		if route.To.Addr().Is6() {
			continue
		}
		fmt.Fprintf(&b, "ADDRESS%d=%s\n", n, route.To.Addr())
		if route.Gateway.IsValid() {
			fmt.Fprintf(&b, "GATEWAY%d=%s\n", n, route.Gateway)
		}
		fmt.Fprintf(&b, "NETMASK%d=%s\n", n, netmask(route.To))
		if route.Metric != nil {
			fmt.Fprintf(&b, "METRIC%d=%d\n", n, *route.Metric)
		}
		n++
	}
	return b.String()
}

// routes6 is the file of IPv6 routes, in the words of ip-route(8).
func routes6(routes []network.Route, device string) string {
	var b strings.Builder
	fmt.Fprintf(&b, header, "#")
	for _, route := range routes {
		if !route.To.Addr().Is6() {
			continue
		}
		b.WriteString(route.To.String())
		if route.Gateway.IsValid() {
			fmt.Fprintf(&b, " via %s", route.Gateway)
		}
		metric := ""
		if route.Metric != nil {
			metric = fmt.Sprintf("metric %d", *route.Metric)
		}
		fmt.Fprintf(&b, " %s dev %s\n", metric, device) // two blanks without a metric, as in cloud-init
	}
	return b.String()
}
