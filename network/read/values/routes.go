package network

import (
	"math"

	"cloudseed/config"
)

// routes reads a list of routes, in the words of version 1 or 2.
func (r *reader) routes(v *config.Value, key string) []Route {
	var routes []Route
	items, keys := r.maps(v, key)
	for i, item := range items {
		if route, ok := r.route(item, keys[i]); ok {
			routes = append(routes, route)
		}
	}
	return routes
}

// routeTypes and routeScopes are netplan's, by the words of ip-route(8).
var (
	routeTypes  = []string{"unicast", "anycast", "blackhole", "broadcast", "local", "multicast", "nat", "prohibit", "throw", "unreachable", "xresolve"}
	routeScopes = []string{"global", "link", "host"}
)

// routeKeys are those of version 1, of version 2 and of both.
var routeKeys = []string{
	"network", "destination", "netmask", "prefix", "gateway", "id", "services",
	"to", "via", "table", "on-link", "scope", "from", "congestion-window", "advertised-receive-window", "advertised-mss",
	"type", "metric", "mtu",
}

// route reads one route. Version 2 says to and via, version 1 network or destination and
// gateway; what only version 2 has may stand beside either.
func (r *reader) route(v *config.Value, key string) (Route, bool) {
	route, ok := r.whither(v, key)
	if !ok {
		return route, false
	}
	route.Metric = r.metric(v.Get("metric"), key+".metric")
	route.MTU = r.mtu(v.Get("mtu"), key+".mtu")
	route.Table, _ = r.integer(v.Get("table"), key+".table", 1, math.MaxUint32)
	route.OnLink = r.isTrue(v.Get("on-link"), key+".on-link")
	route.Type = r.oneOf(v.Get("type"), key+".type", append(routeTypes, "route")...)
	if route.Type == "route" {
		route.Type = "" // version 1's word for an entry that is a route
	}
	route.Scope = r.oneOf(v.Get("scope"), key+".scope", routeScopes...)
	route.Source = r.address(v.Get("from"), key+".from")
	for name, into := range map[string]*int{
		"congestion-window": &route.CongestionWindow, "advertised-receive-window": &route.ReceiveWindow, "advertised-mss": &route.SegmentSize,
	} {
		*into, _ = r.integer(v.Get(name), key+"."+name, 1, math.MaxUint32)
	}
	r.unknownKeys(v, key, routeKeys...)
	return route, true
}

// whither reads where a route goes and by what gateway.
func (r *reader) whither(v *config.Value, key string) (route Route, ok bool) {
	via := "gateway"
	if v.Get("via") != nil {
		via = "via"
	}
	route.Gateway = r.address(v.Get(via), key+"."+via)
	if !route.Gateway.IsValid() && !absent(v.Get(via)) {
		return route, false // reported; without it the route would lead elsewhere
	}
	var to, length string
	if v.Get("to") != nil {
		to = r.text(v.Get("to"), key+".to")
		length = hostLength(to)
	} else {
		network := v.Get("network")
		if absent(network) {
			network = v.Get("destination")
		}
		to, length = r.text(network, key+".network"), r.lengthText(v, key)
	}
	if to == "" {
		r.error(v, key, "expected where the route leads, such as to: default or to: 10.0.0.0/8; the route was skipped")
		return route, false
	}
	prefix, err := parseDestination(to, length, route.Gateway)
	if err != nil {
		r.error(v, key, "%v; the route was skipped", err)
		return route, false
	}
	route.To = prefix
	return route, true
}

// route1 reads a route that names no device. It goes to the subnet that its gateway
// is in, or else to the one device that gets its addresses of that family elsewhere.
//
// Difference from cloud-init: its renderers for NetworkManager and ifcfg files lose
// such routes (issue 2881), the one for networkd gives them to all devices.
func (r *reader) route1(v *config.Value, key string) {
	route, ok := r.route(v, key)
	if !ok {
		return
	}
	if r.networks == nil {
		r.networks = networksOf(r.config.Devices) // all devices are there before the first route
	}
	if r.networks.give(route) {
		return
	}
	r.error(v, key, "no device has a network with the route's gateway; it was skipped")
}
