package initramfs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/network"
	"cloudseed/network/read/values"
)

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
			if nic.Candidate() && !nic.Virtual {
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
	if name = d.named(name); network.CheckName(name) != nil {
		return network.CheckName(name)
	}
	d.subnet(name, map[string]any{"type": methods[method]})
	return d.hardware(name, more)
}

// named returns the interface that a name means: BOOTIF stands for that of BOOTIF=.
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
		mac, err := values.ParseMAC(strings.Join(more[1:], ":"))
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
	if err := network.CheckName(name); err != nil {
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

// onlyCandidate returns the machine's one network device, "" when it has several or none.
func (d *dracut) onlyCandidate() string {
	name := ""
	for _, nic := range d.nics {
		if nic.Candidate() && !nic.Virtual {
			if name != "" {
				return ""
			}
			name = nic.Name
		}
	}
	return name
}

// static returns an address as a subnet of version 1. Without a mask it is that of the
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
	prefix, err := values.ParsePrefix(addr.String(), length)
	if err != nil {
		return nil, err
	}
	subnet["type"], subnet["address"] = "static", prefix.String()
	if network.FamilyOf(addr) == network.IPv6 {
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

// classLength returns the length of the network of an address's class (RFC 791).
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
