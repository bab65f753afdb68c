package initramfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cloudseed/network"
)

// made is a device of software; the physical ones below it are made too.
func (d *dracut) made(name string, below []string, keys map[string]any) error {
	for _, n := range append([]string{name}, below...) {
		if err := network.CheckName(n); err != nil {
			return err
		}
	}
	entry := d.device(name)
	delete(entry, "mac_address") // of a bond that the initramfs left: it is a member's
	for key, value := range keys {
		entry[key] = value
	}
	for _, n := range below {
		d.device(d.named(n))
	}
	d.asked = true
	return nil
}

// bond=[NAME[:MEMBERS[:OPTIONS[:MTU]]]]
func (d *dracut) bond(value string) error {
	list := fields(value)
	name, members, options := field(list, 0), field(list, 1), field(list, 2)
	if name == "" {
		name = "bond0"
	}
	if members == "" {
		members = "eth0,eth1"
	}
	if options == "" {
		options = "mode=balance-rr"
	}
	params := map[string]any{}
	for option := range strings.SplitSeq(options, ",") {
		key, setting, ok := strings.Cut(option, "=")
		if !ok || key == "" {
			return fmt.Errorf("expected options of a bond as name=value, got %q", option)
		}
		params["bond-"+key] = strings.ReplaceAll(setting, ";", ",")
	}
	below := strings.Split(members, ",")
	err := d.made(name, below, map[string]any{"type": "bond", "bond_interfaces": anys(below), "params": params})
	if err != nil {
		return err
	}
	return d.hardware(name, list[min(3, len(list)):])
}

// bridge=[NAME:PORTS]
func (d *dracut) bridge(value string) error {
	list := fields(value)
	name, ports := field(list, 0), field(list, 1)
	if name == "" {
		name = "br0"
	}
	if ports == "" {
		ports = "eth0"
	}
	below := strings.Split(ports, ",")
	return d.made(name, below, map[string]any{"type": "bridge", "bridge_interfaces": anys(below)})
}

// vlan=NAME:DEVICE
func (d *dracut) vlan(value string) error {
	list := fields(value)
	name, link := field(list, 0), d.named(field(list, 1))
	// The four ways to name one: vlan0005, vlan5, eth0.0005, eth0.5.
	number, ok := strings.CutPrefix(name, "vlan")
	if !ok {
		number = name[strings.LastIndexByte(name, '.')+1:]
	}
	id, err := strconv.Atoi(number)
	if err != nil || number == name {
		return fmt.Errorf("the name %q has no number of a VLAN at its end", name)
	}
	return d.made(name, []string{link}, map[string]any{"type": "vlan", "vlan_id": id, "vlan_link": link})
}

// team= is not to be had: no version of the configuration knows teams, and NetworkManager
// has given them up.
func (d *dracut) team(string) error { return errors.New("teams are not supported") }

func anys(list []string) []any {
	all := make([]any, len(list))
	for i, item := range list {
		all[i] = item
	}
	return all
}
