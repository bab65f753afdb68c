// Package random makes random network configurations at the borders of what cloud-init
// handles: families and spellings mixed, routes and name servers of one family on a
// device of the other. Package networktest makes those that are as people write them.
//
// In comes a source of chance, out comes a text: the same source gives the same text.
// It is for tests alone, and never knows what becomes of its texts. All but interfaces
// files are in JSON, which is YAML too.
package random

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Interfaces are a machine's, MAC addresses by names; configurations speak of them and
// of others.
func Interfaces() map[string]string {
	return map[string]string{
		"eth0": "52:54:00:12:34:00",
		"eth1": "52:54:00:12:34:01",
		"eth2": "52:54:00:12:34:02",
		"eth3": "52:54:00:12:34:03",
		"ens9": "fa:16:3e:ed:9a:59",
		"lo":   "00:00:00:00:00:00",
	}
}

// physical are the names of the machine's real interfaces, in one order.
var physical = []string{"eth0", "eth1", "eth2", "eth3", "ens9"}

// object is a map of a configuration; JSON is YAML too, and its keys come sorted.
type object map[string]any

// gen is chance with the questions that all forms ask.
type gen struct{ *rand.Rand }

// one tells yes once in n times.
func (g gen) one(n int) bool { return g.IntN(n) == 0 }

func (g gen) mac(name string) string {
	if mac, ok := Interfaces()[name]; ok {
		if g.one(4) {
			return strings.ToUpper(mac)
		}
		return mac
	}
	return g.otherMAC()
}

// otherMAC is a locally administered address that no interface has.
func (g gen) otherMAC() string {
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(256))
}

func (g gen) ipv4() string {
	return fmt.Sprintf("%d.%d.%d.%d", []int{10, 172, 192, 203}[g.IntN(4)], g.IntN(256), g.IntN(256), 1+g.IntN(254))
}

// ipv6 is in the canonical form, as people and tools write it (RFC 5952).
func (g gen) ipv6() string {
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf("2001:db8::%x", 1+g.IntN(0xfffe))
	case 1:
		return fmt.Sprintf("fd%02x:%x::%x", g.IntN(256), 1+g.IntN(0xfffe), 1+g.IntN(0xfffe))
	}
	return fmt.Sprintf("2001:db8:%x:%x::%x:%x", 1+g.IntN(0xfffe), 1+g.IntN(0xfffe), 1+g.IntN(0xfffe), 1+g.IntN(0xfffe))
}

func (g gen) address(six bool) string {
	if six {
		return g.ipv6()
	}
	return g.ipv4()
}

func (g gen) length(six bool) int {
	if six {
		return []int{48, 56, 64, 64, 64, 128}[g.IntN(6)]
	}
	return 8 + g.IntN(25)
}

// network is the destination of a route, without bits beyond its length.
func (g gen) network(six bool) (network string, length int) {
	if six {
		return fmt.Sprintf("2001:db8:%x::", 1+g.IntN(0xfffe)), 48
	}
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf("10.%d.0.0", g.IntN(256)), 16
	case 1:
		return fmt.Sprintf("192.168.%d.0", g.IntN(256)), 24
	}
	return g.ipv4(), 32
}

func (g gen) domain() string {
	return pick(g, "example.com", "example.org", "corp.example", "lab.internal", "a.b.example.net")
}

func (g gen) mtu() int { return pick(g, 1280, 1400, 1450, 1500, 9000) }

// some gives one to n things.
func some[T any](g gen, n int, thing func() T) []T {
	things := make([]T, 1+g.IntN(n))
	for i := range things {
		things[i] = thing()
	}
	return things
}

// pick gives one of its choices.
func pick[T any](g gen, choices ...T) T { return choices[g.IntN(len(choices))] }

// shuffled are the real interfaces in any order.
func (g gen) shuffled() []string {
	names := append([]string(nil), physical...)
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// distinct gives one to n different things.
func distinct(g gen, n int, thing func() string) []string {
	seen := map[string]bool{}
	var all []string
	for _, t := range some(g, n, thing) {
		if !seen[t] {
			seen[t] = true
			all = append(all, t)
		}
	}
	return all
}

func text(v any) []byte {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // it is made of maps, lists, texts and numbers
	}
	return append(data, '\n')
}
