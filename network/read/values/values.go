package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"cloudseed/config"
)

// reader reads values into the model. What cannot be read is a problem with its place
// and its key, and is as if it were not there.
type reader struct {
	problems
	config   *Config
	index    map[string]int // of config.Devices, by their names
	nics     []NIC
	macs     macs      // the same, by their addresses
	networks *networks // of version 1's routes that name no device; nil before the first

	claimed map[string]bool // interfaces that version 2 describes; no wildcard is about these

	described bool // there was a device, whatever became of it
}

func newReader(nics []NIC) *reader {
	return &reader{config: &Config{}, index: map[string]int{}, nics: nics, macs: macsOf(nics)}
}

func (r *reader) error(v *config.Value, key, format string, args ...any) {
	r.add(config.Error, v.Pos(), key, fmt.Sprintf(format, args...))
}

func (r *reader) warn(v *config.Value, key, format string, args ...any) {
	r.add(config.Warning, v.Pos(), key, fmt.Sprintf(format, args...))
}

// warnOfMachine warns of what a machine lacks. Of one without any interface nothing is
// known: a configuration is then looked at for its own sake.
func (r *reader) warnOfMachine(v *config.Value, key, format string, args ...any) {
	if len(r.nics) > 0 {
		r.warn(v, key, format, args...)
	}
}

// absent tells that there is nothing: no value, null, or an empty text, which oVirt
// writes for fields that nobody filled in.
func absent(v *config.Value) bool {
	return v.IsNull() || v.Kind() == config.String && strings.TrimSpace(v.Text()) == ""
}

// text is a scalar's text; "" when there is none.
func (r *reader) text(v *config.Value, key string) string {
	if absent(v) {
		return ""
	}
	if v.Kind() == config.List || v.Kind() == config.Map {
		r.error(v, key, "expected a string")
		return ""
	}
	return strings.TrimSpace(v.Text())
}

// list is a list's items; one value stands for a list of itself.
func (r *reader) list(v *config.Value, key string) []*config.Value {
	switch {
	case absent(v):
		return nil
	case v.Kind() == config.List:
		return v.Items()
	case v.Kind() == config.Map:
		r.error(v, key, "expected a list, got %s", config.KindInWords(v))
		return nil
	default:
		return []*config.Value{v}
	}
}

// maps are those items of a list that are maps, with their keys; the others are
// problems.
func (r *reader) maps(v *config.Value, key string) (items []*config.Value, keys []string) {
	if !absent(v) && v.Kind() != config.List {
		r.error(v, key, "expected a list, got %s", config.KindInWords(v))
		return nil, nil
	}
	for i, item := range v.Items() {
		at := key + "." + strconv.Itoa(i)
		if item.Kind() != config.Map {
			r.error(item, at, "expected a mapping, got %s; it was skipped", config.KindInWords(item))
			continue
		}
		items, keys = append(items, item), append(keys, at)
	}
	return items, keys
}

func (r *reader) integer(v *config.Value, key string, low, high int64) (int, bool) {
	if absent(v) {
		return 0, false
	}
	n, ok := v.Int()
	if !ok {
		var err error
		n, err = strconv.ParseInt(strings.TrimSpace(v.Text()), 10, 64)
		ok = err == nil
	}
	if !ok || n < low || n > high {
		r.error(v, key, "expected a number of %d to %d, got %q; it was ignored", low, high, v.Text())
		return 0, false
	}
	return int(n), true
}

func (r *reader) mtu(v *config.Value, key string) int {
	n, _ := r.integer(v, key, minMTU, maxMTU)
	return n
}

func (r *reader) metric(v *config.Value, key string) *int {
	if n, ok := r.integer(v, key, 0, 1<<32-1); ok {
		return &n
	}
	return nil
}

// boolean is nil when there is none.
func (r *reader) boolean(v *config.Value, key string) *bool {
	if absent(v) {
		return nil
	}
	b, ok := config.AsBool(v)
	if !ok {
		r.error(v, key, "expected a boolean, got %q; it was ignored", v.Text())
		return nil
	}
	return &b
}

func (r *reader) isTrue(v *config.Value, key string) bool {
	b := r.boolean(v, key)
	return b != nil && *b
}

func (r *reader) mac(v *config.Value, key string) string {
	text := r.text(v, key)
	if text == "" {
		return ""
	}
	mac, err := parseMAC(text)
	if err != nil {
		r.error(v, key, "%v; it was ignored", err)
	}
	return mac
}

func (r *reader) address(v *config.Value, key string) netip.Addr {
	text := r.text(v, key)
	if text == "" {
		return netip.Addr{}
	}
	addr, err := parseIP(text)
	if err != nil {
		r.error(v, key, "%v; it was skipped", err)
	}
	return addr
}

// names are names of interfaces, in a list or apart by blanks.
func (r *reader) names(v *config.Value, key string) []string {
	var names []string
	for _, item := range r.list(v, key) {
		for _, name := range strings.Fields(r.text(item, key)) {
			if err := checkKey(name); err != nil {
				r.error(item, key, "%v; it was skipped", err)
				continue
			}
			names = append(names, name)
		}
	}
	return names
}

// dns adds name servers and domains, each in a list or in one text apart by blanks or,
// as people type them into oVirt, commas. Empty ones are skipped.
func (r *reader) dns(into *DNS, servers, search *config.Value, key string) {
	for _, item := range r.list(servers, key) {
		for _, text := range splitList(r.text(item, key)) {
			addr, err := parseIP(text)
			if err != nil {
				r.error(item, key, "%v; it was skipped", err)
				continue
			}
			into.Servers = append(into.Servers, addr)
		}
	}
	for _, item := range r.list(search, key) {
		for _, domain := range splitList(r.text(item, key)) {
			if !printable(domain) {
				r.error(item, key, "expected a domain, got %q; it was skipped", domain)
				continue
			}
			into.Search = append(into.Search, domain)
		}
	}
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\r,;", r) })
}
