// Package values reads what the languages of network configuration have in common:
// scalars, lists, addresses, name servers, routes, and the options of bonds and bridges.
//
// It takes values with their places (config.Cursor) or strings, and returns parts of the
// model. What cannot be read is reported at its place, and is as if it were not there. It
// knows no document of any language.
package values

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// Absent reports whether there is nothing: no value, null, or an empty string, which oVirt
// writes for fields that nobody filled in.
func Absent(c config.Cursor) bool {
	return c.IsNull() || c.Kind() == config.String && strings.TrimSpace(c.Text()) == ""
}

// Text returns a scalar as it was written, without spaces around it; "" when there is none.
func Text(c config.Cursor) string {
	if Absent(c) {
		return ""
	}
	if c.Kind() == config.List || c.Kind() == config.Map {
		c.Errorf("expected a string")
		return ""
	}
	return strings.TrimSpace(c.Text())
}

// Line returns a string that stays in its line when it is written.
func Line(c config.Cursor) string {
	text := Text(c)
	if !network.OneLine(text) {
		c.Errorf("expected a string of one line; it was ignored")
		return ""
	}
	return text
}

// OneOf returns one of some words, "" when there is none.
func OneOf(c config.Cursor, words ...string) string {
	text := Text(c)
	if text != "" && !slices.Contains(words, text) {
		c.Errorf("expected %s, got %q; it was ignored", strings.Join(words, " or "), text)
		return ""
	}
	return text
}

// List returns a list's items; a scalar is taken for a list of itself. Findings about an
// item name the list.
func List(c config.Cursor) []config.Cursor {
	items := Items(c)
	for i := range items {
		items[i] = items[i].Under(c)
	}
	return items
}

// Items is List with the items' own names.
func Items(c config.Cursor) []config.Cursor {
	switch {
	case Absent(c):
		return nil
	case c.Kind() == config.List:
		return c.Items()
	case c.Kind() == config.Map:
		c.Errorf("expected a list, got %s", config.KindInWords(c.Value()))
		return nil
	default:
		return []config.Cursor{c}
	}
}

// Lines returns the strings of a list.
func Lines(c config.Cursor) []string {
	var lines []string
	for _, item := range List(c) {
		if text := Line(item); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// Maps returns those items of a list that are mappings; the others are reported.
func Maps(c config.Cursor) []config.Cursor {
	if !Absent(c) && c.Kind() != config.List {
		c.Errorf("expected a list, got %s", config.KindInWords(c.Value()))
		return nil
	}
	var items []config.Cursor
	for _, item := range c.Items() {
		if item.Kind() != config.Map {
			item.Errorf("expected a mapping, got %s; it was skipped", config.KindInWords(item.Value()))
			continue
		}
		items = append(items, item)
	}
	return items
}

// UnknownKeys reports the keys of a mapping that are not among the known.
func UnknownKeys(c config.Cursor, known ...string) {
	for _, name := range c.Value().Keys() {
		switch {
		case slices.Contains(known, name):
		case c.Get(name).IsNull(): // in {password: a,b} the key b is half of a password
			c.AtKey(name).Under(c).Warnf("there is a key without a value here, which is not used")
		default:
			c.AtKey(name).Warnf("unknown key%s; it was ignored", config.DidYouMean(name, known))
		}
	}
}

// Integer returns a number within bounds.
func Integer(c config.Cursor, low, high int64) (int, bool) {
	if Absent(c) {
		return 0, false
	}
	n, ok := c.Value().Int()
	if !ok {
		var err error
		n, err = strconv.ParseInt(strings.TrimSpace(c.Text()), 10, 64)
		ok = err == nil
	}
	if !ok || n < low || n > high {
		c.Errorf("expected a number of %d to %d, got %q; it was ignored", low, high, c.Text())
		return 0, false
	}
	return int(n), true
}

// MTU returns an MTU in bytes; 0 when there is none.
func MTU(c config.Cursor) int {
	n, _ := Integer(c, MinMTU, MaxMTU)
	return n
}

// Metric returns the metric of routes; nil when there is none.
func Metric(c config.Cursor) *int {
	if n, ok := Integer(c, 0, math.MaxUint32); ok {
		return &n
	}
	return nil
}

// Bool returns a boolean; nil when there is none.
func Bool(c config.Cursor) *bool {
	if Absent(c) {
		return nil
	}
	b, ok := config.AsBool(c.Value())
	if !ok {
		c.Errorf("expected a boolean, got %q; it was ignored", c.Text())
		return nil
	}
	return &b
}

// IsTrue reports whether a boolean is there and true.
func IsTrue(c config.Cursor) bool {
	b := Bool(c)
	return b != nil && *b
}

// MAC returns a hardware address in the kernel's spelling; "" when there is none.
func MAC(c config.Cursor) string {
	text := Text(c)
	if text == "" {
		return ""
	}
	mac, err := ParseMAC(text)
	if err != nil {
		c.Errorf("%v; it was ignored", err)
	}
	return mac
}

// Address returns an IP address; the zero one when there is none.
func Address(c config.Cursor) netip.Addr {
	text := Text(c)
	if text == "" {
		return netip.Addr{}
	}
	addr, err := ParseIP(text)
	if err != nil {
		c.Errorf("%v; it was skipped", err)
	}
	return addr
}

// Names returns names of devices, in a list or apart by spaces.
func Names(c config.Cursor) []string {
	var names []string
	for _, item := range List(c) {
		for _, name := range strings.Fields(Text(item)) {
			if err := network.CheckKey(name); err != nil {
				item.Errorf("%v; it was skipped", err)
				continue
			}
			names = append(names, name)
		}
	}
	return names
}

// Servers adds name servers, in a list or in a string apart by spaces or, as people type
// them into oVirt, commas. Empty ones are skipped.
func Servers(into *network.DNS, c config.Cursor) {
	for _, item := range List(c) {
		for _, text := range SplitList(Text(item)) {
			addr, err := ParseIP(text)
			if err != nil {
				item.Errorf("%v; it was skipped", err)
				continue
			}
			into.Servers = append(into.Servers, addr)
		}
	}
}

// Search adds domains to look in, written as name servers are.
func Search(into *network.DNS, c config.Cursor) {
	for _, item := range List(c) {
		for _, domain := range SplitList(Text(item)) {
			if !network.OneLine(domain) {
				item.Errorf("expected a domain, got %q; it was skipped", domain)
				continue
			}
			into.Search = append(into.Search, domain)
		}
	}
}

// SplitList takes a string apart at spaces, commas and semicolons.
func SplitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\r,;", r) })
}
