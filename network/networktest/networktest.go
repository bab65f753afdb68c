// Package networktest makes random network configurations for tests: all that the
// parsers of package network understand, or only what cloud-init handles too.
//
// In comes a seeded source of chance, out come a text and the interfaces of the machine
// that it presumes. It knows the languages of configurations, and never what becomes of
// them.
package networktest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
)

// Options say what a configuration may have. The zero value is: everything.
type Options struct {
	// CloudInit keeps to what cloud-init neither drops, refuses nor fails at.
	CloudInit bool
}

// NIC is an interface of the machine.
type NIC struct{ Name, MAC string }

// object is a map that is written in the order in which it was filled.
type object = config.Ordered[any]

func set(o *object, key string, value any) {
	*o = append(*o, config.Entry[any]{Key: key, Value: value})
}

// generator makes one configuration.
type generator struct {
	*rand.Rand
	Options
	nics    []NIC
	free    []NIC     // that no device was made of yet
	subnets int       // that were given out; none is given out twice
	given   []network // that have a device with a static address
	v4, v6  bool      // whether the device at hand has a default route of the family
}

func newGenerator(r *rand.Rand, o Options) *generator {
	g := &generator{Rand: r, Options: o}
	first, pattern := 0, one(g, "eth%d", "ens%d", "enp1s%d", "net%d")
	if pattern != "eth%d" {
		first = g.IntN(8)
	}
	for i := range 1 + g.IntN(6) {
		g.nics = append(g.nics, NIC{Name: fmt.Sprintf(pattern, first+i), MAC: fmt.Sprintf("52:54:00:%02x:%02x:%02x", g.IntN(256), g.IntN(256), i)})
	}
	g.free = slices.Clone(g.nics)
	return g
}

func one[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// chance is true in so many of a hundred cases.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// take gives n interfaces that are still free, fewer when there are not so many.
func (g *generator) take(n int) []NIC {
	n = min(n, len(g.free))
	taken := g.free[:n]
	g.free = g.free[n:]
	return taken
}

func names(nics []NIC) []any {
	var all []any
	for _, nic := range nics {
		all = append(all, nic.Name)
	}
	return all
}

// network is a net that no other device has.
type network struct {
	v6      bool
	prefix  string // "10.0.3.", "2001:db8:0:3::"
	bits    int
	netmask string
}

func (g *generator) network(v6 bool) network {
	g.subnets++
	if v6 {
		return network{true, fmt.Sprintf("2001:db8:0:%x::", g.subnets), 64, "ffff:ffff:ffff:ffff::"}
	}
	return network{false, fmt.Sprintf("10.%d.%d.", g.IntN(200), g.subnets), 24, "255.255.255.0"}
}

func (n network) host(i int) string {
	switch {
	case n.v6 && i == 0:
		return n.prefix
	case n.v6:
		return n.prefix + fmt.Sprintf("%x", i)
	}
	return n.prefix + fmt.Sprint(i)
}

func (n network) cidr(i int) string { return fmt.Sprintf("%s/%d", n.host(i), n.bits) }
func (n network) gateway() string   { return n.host(1) }

// newDefault tells whether a device that has no default route of a family gets one.
func (g *generator) newDefault(v6 bool, percent int) bool {
	has := &g.v4
	if v6 {
		has = &g.v6
	}
	if *has || !g.chance(percent) {
		return false
	}
	*has = true
	return true
}

func (g *generator) servers(v6 bool) []any {
	n := g.IntN(250) + 1
	if v6 {
		return []any{fmt.Sprintf("2001:4860:4860::%x", n)}
	}
	return one(g, []any{fmt.Sprintf("192.0.2.%d", n)}, []any{fmt.Sprintf("192.0.2.%d", n), "198.51.100.7"})
}

func (g *generator) domains() []any {
	return one(g, []any{"example.com"}, []any{"example.com", "lab.example.org"}, []any{"a.test", "b.test", "c.test"})
}

func joined(list []any) string {
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return strings.Join(all, " ")
}

func (g *generator) mtu() int { return one(g, 1280, 1400, 1450, 1500, 9000) }

// spelling is a MAC address as people write it; only its lower case works for
// cloud-init where interfaces are waited for.
func (g *generator) spelling(mac string) string {
	if !g.CloudInit && g.chance(30) {
		return strings.ToUpper(mac)
	}
	return mac
}

// ownMAC is an address that no interface has by nature.
func (g *generator) ownMAC() string {
	return fmt.Sprintf("02:00:00:00:%02x:%02x", g.IntN(256), g.IntN(256))
}

func (g *generator) yaml(o object) string { return string(yaml.DumpInOrder(config.FromAny("", o))) }
