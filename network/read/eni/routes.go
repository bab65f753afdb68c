package eni

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// command reads a line that is run when an interface comes up or goes down. Adding a
// route by ip-route(8) or route(8) in plain words is understood; removing one when the
// interface goes down follows from it. All else would need a shell.
//
// Difference from cloud-init: it drops all of them without a word.
func (r *reader) command(d *network.Device, o option) {
	words, plain := plainWords(o.values)
	if len(words) > 0 {
		words[0] = words[0][strings.LastIndexByte(words[0], '/')+1:]
	}
	verb := ""
	if i := slices.IndexFunc(words, func(w string) bool { return w == "add" || w == "del" || w == "delete" || w == "replace" }); i > 0 {
		verb = words[i]
	}
	isRoute := plain && len(words) > 1 && (words[0] == "route" || words[0] == "ip" && slices.ContainsFunc(words[1:min(len(words), 4)], isRouteWord))
	switch {
	case !isRoute || verb == "":
	case strings.Contains(o.name, "down") || verb == "del" || verb == "delete":
		return
	default:
		route, err := r.routeOf(d, words)
		if err == nil {
			r.parts[d.Name] = withRoute(r.parts[d.Name], route, o.pos)
			return
		}
		r.At(o.pos, d.Name).Get(o.name).Warnf("%v; the route was skipped, since commands of interfaces are not run", err)
		return
	}
	r.At(o.pos, d.Name).Get(o.name).Warnf("commands of interfaces are not run")
}

func withRoute(p *parts, route network.Route, pos config.Pos) *parts {
	if p == nil {
		p = &parts{pos: pos}
	}
	p.routes = append(p.routes, route)
	return p
}

func isRouteWord(w string) bool { return w == "route" || w == "ro" || w == "r" }

// plainWords returns a command's words without "|| true" and quotes, and whether a shell
// would have nothing to do with them.
func plainWords(values []string) ([]string, bool) {
	text := strings.Join(values, " ")
	for _, tail := range []string{"|| true", "||true", "|| :", "|| exit 0"} {
		text = strings.TrimSpace(strings.TrimSuffix(text, tail))
	}
	for _, name := range []string{"${IFACE}", "$IFACE"} {
		text = strings.ReplaceAll(text, name, "--iface--")
	}
	return strings.Fields(strings.Trim(text, `"'`)), !strings.ContainsAny(text, "|&;<>$`\\(){}*?#\"'")
}

// routeOf reads the words of a command that adds a route.
func (r *reader) routeOf(d *network.Device, words []string) (network.Route, error) {
	if words[0] == "route" {
		return oldRoute(d, words[1:])
	}
	i := slices.IndexFunc(words, isRouteWord)
	if i+2 >= len(words) {
		return network.Route{}, fmt.Errorf("a route to nowhere")
	}
	words = words[i+2:] // after "route add"
	var route network.Route
	if slices.Contains(values.RouteTypes(), words[0]) && len(words) > 1 {
		route.Type, words = words[0], words[1:]
		if route.Type == "unicast" {
			route.Type = ""
		}
	}
	to, words := words[0], words[1:]
	for len(words) > 0 {
		if words[0] == "onlink" {
			route.OnLink, words = true, words[1:]
			continue
		}
		if len(words) < 2 {
			return route, fmt.Errorf("%q is not understood", words[0])
		}
		if err := routeWord(&route, d, words[0], words[1]); err != nil {
			return route, err
		}
		words = words[2:]
	}
	return withDestination(route, to, values.HostLength(to))
}

// newWords are ip-route's for those of route.
var newWords = map[string]string{"gw": "via", "mss": "advmss"}

// oldRoute reads the words of route(8) after its name.
func oldRoute(d *network.Device, words []string) (network.Route, error) {
	var route network.Route
	to, length := "", ""
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch word {
		case "add", "-net", "-4", "-6", "--inet6", "--inet":
			continue
		case "-host":
			length = "host"
			continue
		case "-A", "netmask", "gw", "metric", "dev", "mss", "window", "irtt":
			if len(words) == 0 {
				return route, fmt.Errorf("nothing follows %s", word)
			}
			value := words[0]
			words = words[1:]
			switch word {
			case "-A":
			case "netmask":
				length = value
			default:
				if err := routeWord(&route, d, cmp.Or(newWords[word], word), value); err != nil {
					return route, err
				}
			}
		default:
			if to != "" {
				return route, fmt.Errorf("%q is not understood", word)
			}
			to = word
		}
	}
	if length == "" || length == "host" {
		length = values.HostLength(to)
	}
	return withDestination(route, to, length)
}

// routeWord reads a word of ip-route(8) with its value.
func routeWord(route *network.Route, d *network.Device, word, value string) error {
	number := func(into *int, low, high int) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return fmt.Errorf("expected a number of %d to %d after %s, got %q", low, high, word, value)
		}
		*into = n
		return nil
	}
	address := func(into *netip.Addr) (err error) {
		*into, err = values.ParseIP(value)
		return err
	}
	switch word {
	case "via":
		return address(&route.Gateway)
	case "src":
		return address(&route.Source)
	case "dev":
		if name, _, _ := strings.Cut(value, ":"); value != "--iface--" && name != d.Name {
			return fmt.Errorf("it is a route of %s", value)
		}
	case "metric", "preference", "priority":
		var n int
		if err := number(&n, 0, math.MaxUint32); err != nil {
			return err
		}
		route.Metric = &n
	case "table":
		if value == "main" {
			return nil
		}
		return number(&route.Table, 1, math.MaxUint32)
	case "mtu":
		return number(&route.MTU, values.MinMTU, values.MaxMTU)
	case "advmss":
		return number(&route.SegmentSize, 1, values.MaxMTU)
	case "scope":
		if !slices.Contains(values.RouteScopes(), value) {
			return fmt.Errorf("there is no scope %q", value)
		}
		route.Scope = value
	case "proto":
	default:
		return fmt.Errorf("%q is not understood", word)
	}
	return nil
}

func withDestination(route network.Route, to, length string) (network.Route, error) {
	prefix, err := values.ParseDestination(to, length, route.Gateway)
	route.To = prefix
	return route, err
}
