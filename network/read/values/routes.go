package values

import (
	"math"

	"cloudseed/config"
	"cloudseed/network"
)

// Routes reads a list of routes, in the words of version 1 or 2.
func Routes(c config.Cursor) []network.Route {
	var routes []network.Route
	for _, item := range Maps(c) {
		if route, ok := Route(item); ok {
			routes = append(routes, route)
		}
	}
	return routes
}

// RouteTypes returns the types of routes that netplan has, by the words of ip-route(8).
func RouteTypes() []string {
	return []string{"unicast", "anycast", "blackhole", "broadcast", "local", "multicast", "nat", "prohibit", "throw", "unreachable", "xresolve"}
}

// RouteScopes returns the scopes of routes that netplan has.
func RouteScopes() []string { return []string{"global", "link", "host"} }

// routeKeys are those of version 1, of version 2 and of both.
var routeKeys = []string{
	"network", "destination", "netmask", "prefix", "gateway", "id", "services",
	"to", "via", "table", "on-link", "scope", "from", "congestion-window", "advertised-receive-window", "advertised-mss",
	"type", "metric", "mtu",
}

// Route reads one route. Version 2 says to and via, version 1 network or destination and
// gateway; what only version 2 has may stand beside either.
func Route(c config.Cursor) (network.Route, bool) {
	route, ok := whither(c)
	if !ok {
		return route, false
	}
	route.Metric = Metric(c.Get("metric"))
	route.MTU = MTU(c.Get("mtu"))
	route.Table, _ = Integer(c.Get("table"), 1, math.MaxUint32)
	route.OnLink = IsTrue(c.Get("on-link"))
	route.Type = OneOf(c.Get("type"), append(RouteTypes(), "route")...)
	if route.Type == "route" {
		route.Type = "" // version 1's word for an entry that is a route
	}
	route.Scope = OneOf(c.Get("scope"), RouteScopes()...)
	route.Source = Address(c.Get("from"))
	for name, into := range map[string]*int{
		"congestion-window": &route.CongestionWindow, "advertised-receive-window": &route.ReceiveWindow, "advertised-mss": &route.SegmentSize,
	} {
		*into, _ = Integer(c.Get(name), 1, math.MaxUint32)
	}
	UnknownKeys(c, routeKeys...)
	return route, true
}

// whither reads where a route goes and by what gateway.
func whither(c config.Cursor) (route network.Route, ok bool) {
	via := c.Get("gateway")
	if own := c.Get("via"); own.Value() != nil {
		via = own
	}
	route.Gateway = Address(via)
	if !route.Gateway.IsValid() && !Absent(via) {
		return route, false // reported; without it the route would lead elsewhere
	}
	var to, length string
	if own := c.Get("to"); own.Value() != nil {
		to = Text(own)
		length = HostLength(to)
	} else {
		own := c.Get("network")
		if Absent(own) {
			own = c.Get("destination")
		}
		to, length = Text(own), lengthText(c)
	}
	if to == "" {
		c.Errorf("expected where the route leads, such as to: default or to: 10.0.0.0/8; the route was skipped")
		return route, false
	}
	prefix, err := ParseDestination(to, length, route.Gateway)
	if err != nil {
		c.Errorf("%v; the route was skipped", err)
		return route, false
	}
	route.To = prefix
	return route, true
}
