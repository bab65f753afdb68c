package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
)

// RootOnNetwork says which word of the kernel's command line puts the root file system
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

// Dracut gives the network that the kernel's command line asks dracut's initramfs for, as
// a configuration of version 1; nil when it asks for none. What cannot be understood
// costs itself.
func Dracut(cmdline string, nics []NIC) (map[string]any, []config.Problem) {
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
		return nil, d.problems
	}
	entries := make([]any, 0, len(d.order)+len(d.rest))
	for _, name := range d.order {
		entries = append(entries, d.devices[name])
	}
	return version1(append(entries, d.rest...)), d.problems
}

// dracut is a command line that is being read.
type dracut struct {
	problems
	nics    []NIC
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
				d.add(config.Warning, config.Pos{File: "kernel command line"}, word, err.Error()+"; it was passed over")
			}
		}
	}
}

// device is the device of a name, made if it is new.
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

// field is the nth of a list, "" when there are fewer.
func field(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return ""
}

// ifname=NAME:MAC
func (d *dracut) ifname(value string) error {
	name, mac, _ := strings.Cut(value, ":")
	mac, err := parseMAC(mac)
	if err == nil {
		err = checkName(name)
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
	mac, err := parseMAC(strings.ReplaceAll(value, "-", ":"))
	if err != nil {
		return err
	}
	for name, entry := range d.devices {
		if entry["mac_address"] == mac {
			d.boot = name
			return nil
		}
	}
	nic, ok := byMAC(d.nics, mac)
	if !ok {
		return fmt.Errorf("there is no interface with the address %s", mac)
	}
	d.boot = nic.Name
	return nil
}

func (d *dracut) bootdev(value string) error {
	if err := checkName(value); err != nil {
		return err
	}
	d.boot = value
	return nil
}

// methods are dracut's words for ways to get an address, as version 1's.
var methods = map[string]string{
	"dhcp": "dhcp4", "on": "dhcp4", "any": "dhcp4", "single-dhcp": "dhcp4",
	"dhcp6": "dhcp6", "either6": "dhcp6", "auto6": "ipv6_slaac", "auto": "dhcp4",
	"link6": "manual", "link-local": "manual", "off": "manual", "none": "manual", "static": "manual",
}

// ip is one of ip=METHOD, ip=INTERFACE:METHOD[:MTU[:MAC]],
// ip=CLIENT:[PEER]:GATEWAY:MASK:HOSTNAME:INTERFACE:METHOD[:DNS1[:DNS2]] or the same with
// [:MTU[:MAC]].
func (d *dracut) ip(value string) error {
	list := fields(value)
	if slices.Contains(list, "ibft") {
		return errors.New("the firmware's table of iSCSI (iBFT) is not read")
	}
	_, isMethod := methods[list[0]]
	switch {
	case value == "":
		return errors.New("it says nothing")
	case len(list) == 1 && isMethod:
		return d.everyInterface(list[0])
	case len(list) > 1 && methods[list[1]] != "" && !isAddress(list[0]):
		return d.oneInterface(list[0], list[1], list[2:])
	case isAddress(list[0]) || list[0] == "" && len(list) > 5:
		return d.full(list)
	}
	return errors.New("this is no form of ip= that dracut.cmdline(7) has")
}

// isAddress takes an address with or without the length of its network.
func isAddress(text string) bool {
	text, _, _ = strings.Cut(text, "/")
	_, err := netip.ParseAddr(text)
	return err == nil
}

// everyInterface is for a method of no interface: of all, but for a machine that was
// booted by one of them.
func (d *dracut) everyInterface(method string) error {
	names := []string{d.boot}
	if d.boot == "" {
		names = nil
		for _, nic := range d.nics {
			if candidate(nic) && !nic.Virtual {
				names = append(names, nic.Name)
			}
		}
	}
	if len(names) == 0 {
		return errors.New("there is no network device")
	}
	for _, name := range names {
		d.subnet(name, map[string]any{"type": methods[method]})
	}
	return nil
}

func (d *dracut) oneInterface(name, method string, more []string) error {
	if name = d.named(name); checkName(name) != nil {
		return checkName(name)
	}
	d.subnet(name, map[string]any{"type": methods[method]})
	return d.hardware(name, more)
}

// named is the interface that a name means: BOOTIF stands for that of BOOTIF=.
func (d *dracut) named(name string) string {
	if (name == "BOOTIF" || name == "bootif") && d.boot != "" {
		return d.boot
	}
	return name
}

// hardware reads [MTU[:MAC]].
func (d *dracut) hardware(name string, more []string) error {
	if mtu := field(more, 0); mtu != "" {
		n, err := strconv.Atoi(mtu)
		if err != nil {
			return fmt.Errorf("expected an MTU, got %q", mtu)
		}
		d.device(name)["mtu"] = n
	}
	if len(more) > 1 && strings.Join(more[1:], "") != "" {
		mac, err := parseMAC(strings.Join(more[1:], ":"))
		if err != nil {
			return err
		}
		if d.device(name)["mac_address"] != mac {
			return fmt.Errorf("the address %s that it sets is not kept, the rest is", mac)
		}
	}
	return nil
}

// full reads the form that has everything.
func (d *dracut) full(list []string) error {
	client, peer, gateway, mask := list[0], field(list, 1), field(list, 2), field(list, 3)
	name, method := d.named(field(list, 5)), field(list, 6)
	if name == "" {
		if name = d.boot; name == "" {
			if name = d.onlyCandidate(); name == "" {
				return errors.New("it names no interface, and the machine has more than one")
			}
		}
	}
	if err := checkName(name); err != nil {
		return err
	}
	kind, known := methods[method]
	if !known && method != "" {
		return fmt.Errorf("there is no method %q", method)
	}
	if client == "" || kind != "" && kind != "manual" {
		if kind == "" {
			kind = "manual"
		}
		d.subnet(name, map[string]any{"type": kind})
	}
	if client != "" {
		subnet, err := static(client, peer, gateway, mask)
		if err != nil {
			return err
		}
		d.subnet(name, subnet)
	}
	more := list[min(7, len(list)):]
	if isAddress(field(more, 0)) || field(more, 0) == "" && isAddress(field(more, 1)) {
		for _, server := range more {
			if isAddress(server) {
				d.rest = append(d.rest, map[string]any{"type": "nameserver", "address": server})
			}
		}
		return nil
	}
	return d.hardware(name, more)
}

// onlyCandidate is the machine's one network device, "" when it has several or none.
func (d *dracut) onlyCandidate() string {
	name := ""
	for _, nic := range d.nics {
		if candidate(nic) && !nic.Virtual {
			if name != "" {
				return ""
			}
			name = nic.Name
		}
	}
	return name
}

// static is an address as a subnet of version 1. Without a mask it is that of the
// address's class, as NetworkManager in the initramfs takes it. A peer without a network
// is the only one that is reached.
func static(client, peer, gateway, mask string) (map[string]any, error) {
	text, length, _ := strings.Cut(client, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("expected an IP address, got %q", client)
	}
	if length == "" {
		length = mask
	}
	subnet := map[string]any{}
	if peer != "" {
		address, bits, _ := strings.Cut(peer, "/")
		other, err := netip.ParseAddr(address)
		if err != nil {
			return nil, fmt.Errorf("expected the address of a peer, got %q", peer)
		}
		if length == "" {
			length = bits
		}
		if length == "" {
			length = strconv.Itoa(addr.BitLen())
			subnet["routes"] = []any{map[string]any{"network": fmt.Sprintf("%s/%d", other, other.BitLen())}}
		}
	}
	if length == "" {
		length = classLength(addr)
	}
	prefix, err := parsePrefix(addr.String(), length)
	if err != nil {
		return nil, err
	}
	subnet["type"], subnet["address"] = "static", prefix.String()
	if familyOf(addr) == IPv6 {
		subnet["type"] = "static6"
	}
	if gateway != "" {
		if !isAddress(gateway) {
			return nil, fmt.Errorf("expected the address of a gateway, got %q", gateway)
		}
		subnet["gateway"] = gateway
	}
	return subnet, nil
}

// classLength is the length of the network of an address's class (RFC 791).
func classLength(addr netip.Addr) string {
	if !addr.Is4() {
		return "64"
	}
	switch first := addr.As4()[0]; {
	case first < 128:
		return "8"
	case first < 192:
		return "16"
	default:
		return "24"
	}
}

// rd.route=NETWORK/LENGTH:GATEWAY[:INTERFACE]
func (d *dracut) route(value string) error {
	list := fields(value)
	gateway, name := field(list, 1), field(list, 2)
	if _, err := parsePrefix(list[0], ""); err != nil {
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

// made is a device of software; the physical ones below it are made too.
func (d *dracut) made(name string, below []string, keys map[string]any) error {
	for _, n := range append([]string{name}, below...) {
		if err := checkName(n); err != nil {
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
