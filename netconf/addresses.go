package netconf

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cloudseed/host"
	"cloudseed/printable"
)

// Interface is an interface and its addresses, as the kernel has them.
type Interface struct {
	Name      string
	Up        bool
	MAC       string
	Addresses []netip.Prefix
}

// Addresses are the machine's interfaces and routes in two or three tables, as cloud-init
// shows them on the console.
func Addresses(h *host.Host) (string, error) {
	interfaces, err := running()
	if err != nil {
		return "", fmt.Errorf("cannot read the addresses of this machine: %w", err)
	}
	v4, err4 := h.ReadFile("/proc/net/route")
	v6, err6 := h.ReadFile("/proc/net/ipv6_route") // not there without IPv6
	if err6 != nil {
		v6 = nil
	}
	return addressTable(interfaces) + routeTable4(string(v4)) + routeTable6(string(v6)), err4
}

// running are the interfaces of the running kernel.
func running() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var list []Interface
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		one := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning != 0, MAC: i.HardwareAddr.String()}
		if i.Flags&net.FlagLoopback != 0 {
			one.MAC = ""
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				one.Addresses = append(one.Addresses, p)
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// nothing is in a cell without a value.
const nothing = "."

func addressTable(interfaces []Interface) string {
	rows := [][]string{{"Device", "Up", "Address", "Mask", "Scope", "Hw-Address"}}
	slices.SortFunc(interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range interfaces {
		up, mac := "False", orNothing(i.MAC)
		if i.Up {
			up = "True"
		}
		if len(i.Addresses) == 0 {
			rows = append(rows, []string{i.Name, up, nothing, nothing, nothing, mac})
		}
		// Those of IPv4 are first.
		slices.SortStableFunc(i.Addresses, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
		for _, a := range i.Addresses {
			address, mask := a.String(), nothing
			if a.Addr().Is4() {
				address, mask = a.Addr().String(), net.IP(net.CIDRMask(a.Bits(), 32)).String()
			}
			rows = append(rows, []string{i.Name, up, address, mask, scope(a.Addr()), mac})
		}
	}
	return printable.Table("Net device info", rows)
}

func scope(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "host"
	case a.IsLinkLocalUnicast():
		return "link"
	}
	return "global"
}

func orNothing(text string) string {
	if text == "" {
		return nothing
	}
	return text
}

// Flags of routes, in linux/route.h and linux/ipv6_route.h.
const (
	routeUp      = 0x1
	routeGateway = 0x2
	routeHost    = 0x4
	routeAnycast = 0x100000
	routeLocal   = 0x80000000
)

// routeTable4 shows /proc/net/route: interface, destination, gateway, flags, …, mask at 7; the
// addresses are in the machine's order of bytes. "" when there is no route.
func routeTable4(proc string) string {
	rows := [][]string{{"Route", "Destination", "Gateway", "Genmask", "Interface", "Flags"}}
	for line := range strings.Lines(proc) {
		f := strings.Fields(line)
		if len(f) < 8 || f[0] == "Iface" {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 32)
		destination, err1 := address4(f[1])
		gateway, err2 := address4(f[2])
		mask, err3 := address4(f[7])
		if errors.Join(err, err1, err2, err3) != nil {
			continue // it is a table for people: what another kernel writes is left out
		}
		rows = append(rows, []string{strconv.Itoa(len(rows) - 1), destination, gateway, mask, f[0], routeFlags(flags)})
	}
	if len(rows) == 1 {
		return ""
	}
	return printable.Table("Route IPv4 info", rows)
}

func address4(text string) (string, error) {
	n, err := strconv.ParseUint(text, 16, 32)
	return net.IP(binary.NativeEndian.AppendUint32(nil, uint32(n))).String(), err
}

// routeTable6 shows /proc/net/ipv6_route: destination and length, source and length, gateway, metric,
// two counters, flags, interface. Routes of the loopback are counted and not shown.
func routeTable6(proc string) string {
	rows := [][]string{{"Route", "Destination", "Gateway", "Interface", "Flags"}}
	number := -1
	for line := range strings.Lines(proc) {
		f := strings.Fields(line)
		if len(f) < 10 {
			continue
		}
		number++
		flags, err := strconv.ParseUint(f[8], 16, 64)
		length, err1 := strconv.ParseUint(f[1], 16, 8)
		destination, err2 := address6(f[0])
		gateway, err3 := address6(f[4])
		if f[9] == "lo" || errors.Join(err, err1, err2, err3) != nil {
			continue
		}
		to := netip.PrefixFrom(destination, int(length)).String()
		switch {
		case flags&routeAnycast != 0:
			to = "anycast"
		case flags&routeLocal != 0:
			to = "local"
		case destination.IsMulticast():
			to = "multicast"
		}
		rows = append(rows, []string{strconv.Itoa(number), to, gateway.String(), f[9], routeFlags(flags &^ routeHost)})
	}
	if len(rows) == 1 {
		return ""
	}
	return printable.Table("Route IPv6 info", rows)
}

func address6(text string) (netip.Addr, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return netip.Addr{}, err
	}
	a, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.Addr{}, fmt.Errorf("%q is not an address", text)
	}
	return a, nil
}

// routeFlags are a route's flags as "route" prints them.
func routeFlags(flags uint64) string {
	var text string
	for _, f := range []struct {
		bit    uint64
		letter string
	}{{routeUp, "U"}, {routeGateway, "G"}, {routeHost, "H"}} {
		if flags&f.bit != 0 {
			text += f.letter
		}
	}
	return text
}
