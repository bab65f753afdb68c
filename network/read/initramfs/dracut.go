// Package initramfs reads what the kernel's command line and the initramfs say of the
// network: network-config=, dracut's ip= and its like, and the files that klibc's ipconfig
// leaves.
//
// It takes text and the machine's interfaces, and returns YAML or a configuration of
// version 1, which reads like any other; what cannot be understood is reported and skipped.
package initramfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// RootOnNetwork returns which word of the kernel's command line puts the root file system
// on the network (dracut.cmdline(7)); "" when none does.
func RootOnNetwork(cmdline string) string {
	roots := []string{"nfs", "nfs4", "nfs:", "nfs4:", "/dev/nfs", "iscsi", "iscsi:", "nbd:", "cifs:", "fcoe:", "dhcp", "dhcp6"}
	for _, word := range words(cmdline) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "netroot", "nfsroot", "rd.iscsi.firmware", "rd.iscsi.target.name", "rd.nvmf.discover", "fcoe":
			if value != "0" && value != "" || word == key {
				return word
			}
		case "root":
			for _, root := range roots {
				if value == root || strings.HasSuffix(root, ":") && strings.HasPrefix(value, root) {
					return word
				}
			}
		}
	}
	return ""
}

// Dracut returns the network that the kernel's command line asks dracut's initramfs for, as
// a configuration of version 1; nil when it asks for none. What cannot be understood
// is skipped.
func Dracut(cmdline string, nics []network.NIC) (map[string]any, []config.Problem) {
	d := &dracut{nics: nics, devices: map[string]map[string]any{}}
	list := words(cmdline)
	// Who is whose, and what is called how, before anything refers to it.
	d.each(list, map[string]func(string) error{"ifname": d.ifname, "bootdev": d.bootdev})
	if !slices.Contains(list, "rd.bootif=0") {
		d.each(list, map[string]func(string) error{"BOOTIF": d.bootif})
	}
	d.each(list, map[string]func(string) error{"bond": d.bond, "bridge": d.bridge, "vlan": d.vlan, "team": d.team})
	d.each(list, map[string]func(string) error{"ip": d.ip})
	d.each(list, map[string]func(string) error{"rd.route": d.route, "nameserver": d.nameserver})
	if !d.asked {
		return nil, d.List()
	}
	entries := make([]any, 0, len(d.order)+len(d.rest))
	for _, name := range d.order {
		entries = append(entries, d.devices[name])
	}
	return version1(append(entries, d.rest...)), d.List()
}

// dracut is a command line that is being read.
type dracut struct {
	config.Findings
	nics    []network.NIC
	devices map[string]map[string]any // of version 1, by their names
	order   []string
	rest    []any // name servers and routes of no device
	boot    string
	asked   bool // something is to be configured
}

// each gives the values of some keys, in their order, to who reads them.
func (d *dracut) each(list []string, readers map[string]func(string) error) {
	for _, word := range list {
		key, value, _ := strings.Cut(word, "=")
		if read := readers[key]; read != nil {
			if err := read(value); err != nil {
				d.At(config.Pos{File: "kernel command line"}, word).Warnf("%v; it was skipped", err)
			}
		}
	}
}

// device returns the device of a name, made if it is new.
func (d *dracut) device(name string) map[string]any {
	if entry := d.devices[name]; entry != nil {
		return entry
	}
	d.devices[name] = physical1(name, d.nics)
	d.order = append(d.order, name)
	return d.devices[name]
}

func (d *dracut) subnet(name string, subnet map[string]any) {
	entry := d.device(name)
	entry["subnets"] = append(entry["subnets"].([]any), subnet)
	d.asked = true
}

// fields takes a value apart at its colons, but not at those within brackets.
func fields(value string) []string {
	list := []string{""}
	depth := 0
	for _, c := range value {
		switch {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case c == ':' && depth == 0:
			list = append(list, "")
		default:
			list[len(list)-1] += string(c)
		}
	}
	return list
}

// field returns the nth of a list, "" when there are fewer.
func field(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return ""
}

// ifname=NAME:MAC
func (d *dracut) ifname(value string) error {
	name, mac, _ := strings.Cut(value, ":")
	mac, err := values.ParseMAC(mac)
	if err == nil {
		err = network.CheckName(name)
	}
	if err != nil {
		return err
	}
	d.device(name)["mac_address"] = mac
	return nil
}

// bootif is BOOTIF=01-52-54-00-12-34-56, as pxelinux writes it, with the kind of hardware
// before the address.
func (d *dracut) bootif(value string) error {
	const withKind = len("01-52-54-00-12-34-56")
	if len(value) == withKind {
		value = value[len("01-"):]
	}
	mac, err := values.ParseMAC(strings.ReplaceAll(value, "-", ":"))
	if err != nil {
		return err
	}
	for name, entry := range d.devices {
		if entry["mac_address"] == mac {
			d.boot = name
			return nil
		}
	}
	nic, ok := network.MACsOf(d.nics).Find(mac)
	if !ok {
		return fmt.Errorf("there is no interface with the address %s", mac)
	}
	d.boot = nic.Name
	return nil
}

func (d *dracut) bootdev(value string) error {
	if err := network.CheckName(value); err != nil {
		return err
	}
	d.boot = value
	return nil
}

// rd.route=NETWORK/LENGTH:GATEWAY[:INTERFACE]
func (d *dracut) route(value string) error {
	list := fields(value)
	gateway, name := field(list, 1), field(list, 2)
	if _, err := values.ParsePrefix(list[0], ""); err != nil {
		return err
	}
	if gateway != "" && !isAddress(gateway) {
		return fmt.Errorf("expected the address of a gateway, got %q", gateway)
	}
	route := map[string]any{"network": list[0]}
	if gateway != "" {
		route["gateway"] = gateway
	}
	if name == "" {
		d.rest = append(d.rest, map[string]any{"type": "route", "destination": list[0], "gateway": gateway})
		return nil
	}
	entry := d.devices[d.named(name)]
	if entry == nil || len(entry["subnets"].([]any)) == 0 {
		return fmt.Errorf("no ip= configures the interface %s", name)
	}
	subnet := entry["subnets"].([]any)[0].(map[string]any)
	routes, _ := subnet["routes"].([]any)
	subnet["routes"] = append(routes, route)
	return nil
}

func (d *dracut) nameserver(value string) error {
	value = strings.Trim(value, "[]")
	if !isAddress(value) {
		return errors.New("expected the address of a name server")
	}
	d.rest = append(d.rest, map[string]any{"type": "nameserver", "address": value})
	return nil
}
