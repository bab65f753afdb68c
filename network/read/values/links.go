package values

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// VLAN reads the two keys without which there is no VLAN, by the words of a language.
func VLAN(c config.Cursor, id, link string) *network.VLAN {
	const greatest = 4094 // IEEE 802.1Q
	n, ok := Integer(c.Get(id), 0, greatest)
	name := Text(c.Get(link))
	if !ok || network.CheckKey(name) != nil {
		c.Errorf("a VLAN without %s or %s; it was skipped", id, link)
		return nil
	}
	return &network.VLAN{ID: n, Link: name}
}

// BondName returns the kernel's word for an option of version 1: `bond-mode` and
// `bond_miimon` are mode and miimon.
func BondName(name string) (string, bool) {
	kernel, ok := strings.CutPrefix(strings.ReplaceAll(name, "-", "_"), "bond_")
	if kernel == "learn_packet_interval" { // so called in version 1 alone
		kernel = "lp_interval"
	}
	return kernel, ok && kernel != ""
}

// BondOptions reads a bond's options; kernel returns the kernel's word for each.
func BondOptions(c config.Cursor, kernel func(name string) (string, bool)) []network.Option {
	var options []network.Option
	for _, entry := range c.Entries() {
		name, ok := kernel(entry.Key)
		if !ok {
			entry.Value.Warnf("this is no option of bonds; it was ignored")
			continue
		}
		options = BondOption(options, entry.Value, name)
	}
	return options
}

// BondOption adds an option of a bond, in the place of one of the same name. It adds none
// when there is no value. Lists are apart by commas, truth is 1.
//
// Difference from cloud-init: it writes true, which NetworkManager refuses.
func BondOption(options []network.Option, c config.Cursor, kernel string) []network.Option {
	var parts []string
	for _, item := range List(c) {
		text := Text(item)
		if b, ok := item.Value().Bool(); ok {
			text = strconv.Itoa(map[bool]int{true: 1}[b])
		}
		if !network.OneLine(text) {
			item.Errorf("expected a string of one line; it was ignored")
			return options
		}
		parts = append(parts, text)
	}
	return SetBondOption(options, kernel, parts)
}

// SetBondOption sets an option of a bond to values with commas between, in the place of one of the same
// name. A value may be several with commas between; empty ones are left out, and without any the
// options stay as they are.
func SetBondOption(options []network.Option, kernel string, values []string) []network.Option {
	value := strings.Join(strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool { return r == ',' }), ",")
	if value == "" {
		return options
	}
	options = slices.DeleteFunc(options, func(o network.Option) bool { return o.Name == kernel })
	return append(options, network.Option{Name: kernel, Value: value})
}

// BridgeOptions reads a bridge's options. names are what a language calls stp, priority,
// ageing, forward, hello, age, cost and port; "" is what has no effect.
//
// Difference from cloud-init: its keyfiles have only stp and priority, its ifcfg files
// also ageing.
func BridgeOptions(b *network.Bridge, c config.Cursor, names map[string]string) {
	numbers := map[string]*string{"priority": &b.Priority, "ageing": &b.Ageing, "forward": &b.ForwardDelay, "hello": &b.HelloTime, "age": &b.MaxAge}
	for _, entry := range c.Entries() {
		value := entry.Value
		meaning, known := names[entry.Key]
		switch {
		case meaning == "stp":
			b.STP = Bool(value)
		case meaning == "cost":
			b.PathCost = portNumbers(value)
		case meaning == "port":
			b.PortPriority = portNumbers(value)
		case numbers[meaning] != nil:
			greatest := int64(math.MaxInt32)
			if meaning == "priority" {
				greatest = math.MaxUint16
			}
			if n, ok := Integer(value, 0, greatest); ok {
				*numbers[meaning] = strconv.Itoa(n)
			}
		case !known:
			value.Warnf("this option of bridges is not used")
		}
	}
}

// portNumbers reads a number for each port: a mapping, or a list of "eth0 50", as in
// version 1.
func portNumbers(c config.Cursor) []network.PortNumber {
	var all []network.PortNumber
	index := map[string]int{}
	add := func(port string, number config.Cursor, text string) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 || n > math.MaxInt32 || network.CheckKey(port) != nil {
			number.Errorf("expected a port and a number, got %q; it was ignored", strings.TrimSpace(port+" "+text))
			return
		}
		if i, ok := index[port]; ok {
			all[i].Number = n // the last counts
			return
		}
		index[port] = len(all)
		all = append(all, network.PortNumber{Port: port, Number: n})
	}
	if c.Kind() == config.Map {
		for _, entry := range c.Entries() {
			add(entry.Key, entry.Value.Under(c), entry.Value.Text())
		}
		return all
	}
	for _, item := range List(c) {
		port, number, _ := strings.Cut(Text(item), " ")
		add(port, item, number)
	}
	return all
}
