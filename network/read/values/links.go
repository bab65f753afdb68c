package network

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
)

// bondOptions1 reads `bond-mode` and `bond_miimon` as the kernel's mode and miimon.
func (r *reader) bondOptions1(v *config.Value, key string) []Option {
	var options []Option
	for _, name := range v.Keys() {
		kernel, ok := bondName1(name)
		if !ok {
			r.warn(v.Get(name), key+"."+name, "this is no option of bonds; it was ignored")
			continue
		}
		options = r.option(options, v.Get(name), kernel, key+"."+name)
	}
	return options
}

// bondName1 is the kernel's word for an option of version 1.
func bondName1(name string) (string, bool) {
	kernel, ok := strings.CutPrefix(strings.ReplaceAll(name, "-", "_"), "bond_")
	if kernel == "learn_packet_interval" { // so called in version 1 alone
		kernel = "lp_interval"
	}
	return kernel, ok && kernel != ""
}

// option adds an option of a bond, in the place of one of the same name. It adds none
// when there is no value. Lists are apart by commas, truth is 1.
//
// Difference from cloud-init: it writes true, which NetworkManager refuses.
func (r *reader) option(options []Option, v *config.Value, kernel, key string) []Option {
	var parts []string
	for _, item := range r.list(v, key) {
		text := r.text(item, key)
		if b, ok := item.Bool(); ok {
			text = strconv.Itoa(map[bool]int{true: 1}[b])
		}
		if !printable(text) {
			r.error(item, key, "expected a string of one line; it was ignored")
			return options
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return options
	}
	options = slices.DeleteFunc(options, func(o Option) bool { return o.Name == kernel })
	return append(options, Option{kernel, strings.Join(parts, ",")})
}

// bridgeNames1 are version 1's words for what bridgeOptions reads; "" are those that
// only Debian's scripts go by.
var bridgeNames1 = map[string]string{
	"bridge_stp": "stp", "bridge_bridgeprio": "priority", "bridge_ageing": "ageing", "bridge_fd": "forward", "bridge_hello": "hello",
	"bridge_maxage": "age", "bridge_pathcost": "cost", "bridge_portprio": "port", "bridge_gcint": "", "bridge_maxwait": "", "bridge_waitport": "",
}

// bridgeOptions reads a bridge's options; names says what they are called here.
//
// Difference from cloud-init: its keyfiles have only stp and priority, its ifcfg files
// also ageing.
func (r *reader) bridgeOptions(b *Bridge, v *config.Value, key string, names map[string]string) {
	numbers := map[string]*string{"priority": &b.Priority, "ageing": &b.Ageing, "forward": &b.ForwardDelay, "hello": &b.HelloTime, "age": &b.MaxAge}
	for _, name := range v.Keys() {
		value, at := v.Get(name), key+"."+name
		meaning, known := names[name]
		switch {
		case meaning == "stp":
			b.STP = r.boolean(value, at)
		case meaning == "cost":
			b.PathCost = r.portNumbers(value, at)
		case meaning == "port":
			b.PortPriority = r.portNumbers(value, at)
		case numbers[meaning] != nil:
			greatest := int64(math.MaxInt32)
			if meaning == "priority" {
				greatest = math.MaxUint16
			}
			if n, ok := r.integer(value, at, 0, greatest); ok {
				*numbers[meaning] = strconv.Itoa(n)
			}
		case !known:
			r.warn(value, at, "this option of bridges is not used")
		}
	}
}

// portNumbers reads a number for each port: a map, or a list of "eth0 50", as in
// version 1.
func (r *reader) portNumbers(v *config.Value, key string) []PortNumber {
	var all []PortNumber
	index := map[string]int{}
	add := func(port string, number *config.Value, text string) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 || n > math.MaxInt32 || checkKey(port) != nil {
			r.error(number, key, "expected a port and a number, got %q; it was ignored", strings.TrimSpace(port+" "+text))
			return
		}
		if i, ok := index[port]; ok {
			all[i].Number = n // the last counts
			return
		}
		index[port] = len(all)
		all = append(all, PortNumber{port, n})
	}
	if v.Kind() == config.Map {
		for _, port := range v.Keys() {
			add(port, v.Get(port), v.Get(port).Text())
		}
		return all
	}
	for _, item := range r.list(v, key) {
		port, number, _ := strings.Cut(r.text(item, key), " ")
		add(port, item, number)
	}
	return all
}
