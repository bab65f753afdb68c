package sysconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloudseed/network"
)

// routes writes a device's default routes into its ifcfg file, and gives the files of
// all others: both or none, as in cloud-init.
func (r *renderer) routes(f ifcfg, d *network.Device) []network.File {
	var others []network.Route
	for _, s := range d.Subnets {
		for _, route := range s.Routes {
			if !r.sayable(d, route) {
				continue
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
	return []network.File{text(dir+"route-"+d.Name, routes4(others, d.Name)), text(dir+"route6-"+d.Name, lines(others, d.Name, network.IPv6))}
}

// fromRouter reports whether the router advertises the default route, so that one that
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
			d.At(&r.found).Warnf("its gateway %s gives way to its default route's, %s", before, route.Gateway)
		}
		f.set(key, route.Gateway.String())
	}
	if words := options(route); len(words) > 0 {
		d.At(&r.found).Warnf("a default route is the gateway of its device in ifcfg files; %s of it was ignored", strings.Join(words, ", "))
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

// routes4 returns the file of IPv4 routes, in variables where they have room for all that is
// said of the routes.
//
// Difference from cloud-init: it fails at a route without a gateway.
func routes4(routes []network.Route, device string) string {
	if slices.ContainsFunc(routes, func(route network.Route) bool { return route.To.Addr().Is4() && needsWords(route) }) {
		return lines(routes, device, network.IPv4)
	}
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
