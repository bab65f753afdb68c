package network

import (
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parsePrefix reads an address with the length of its network, which is written after
// the address or apart, as a number or a mask, and wins in that order. Without one it
// is 24 for IPv4 and 64 for IPv6, as cloud-init has it.
func parsePrefix(address, length string) (netip.Prefix, error) {
	text, after, found := strings.Cut(strings.TrimSpace(address), "/")
	if found {
		length = after
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("expected an IP address, got %q", address)
	}
	n, err := prefixLength(strings.TrimSpace(length), addr)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, n), nil
}

// prefixLength reads "24", "255.255.255.0", "ffff:ffff::" or nothing. "64" as the mask
// of an IPv6 address is oVirt's, "0" CloudStack's.
func prefixLength(text string, addr netip.Addr) (int, error) {
	if text == "" {
		if addr.Is4() {
			return 24, nil
		}
		return 64, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > addr.BitLen() {
			return 0, fmt.Errorf("expected a network's length of 0 to %d, got %q", addr.BitLen(), text)
		}
		return n, nil
	}
	mask, err := netip.ParseAddr(text)
	if err != nil || mask.BitLen() != addr.BitLen() {
		return 0, fmt.Errorf("expected the mask of a network, got %q", text)
	}
	n := maskLength(mask.AsSlice())
	if n < 0 {
		return 0, fmt.Errorf("expected the mask of a network, got %q, which has a gap", text)
	}
	return n, nil
}

// maskLength counts the leading ones, -1 if a one follows a zero.
func maskLength(mask []byte) int {
	n := 0
	for i, b := range mask {
		ones := bits.LeadingZeros8(^b)
		n += ones
		if ones == 8 {
			continue
		}
		if b<<ones != 0 {
			return -1
		}
		for _, rest := range mask[i+1:] {
			if rest != 0 {
				return -1
			}
		}
		break
	}
	return n
}

// parseDestination reads where a route goes: a network, or "default", whose family is
// the gateway's. An unspecified address without a length is the default route.
func parseDestination(to, length string, gateway netip.Addr) (netip.Prefix, error) {
	if to == "default" {
		if gateway.Is6() {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), nil
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	}
	if addr, err := netip.ParseAddr(strings.TrimSpace(to)); err == nil && addr.IsUnspecified() && length == "" {
		length = "0" // as everybody means it
	}
	return parsePrefix(to, length)
}

// parseIP reads the address of a gateway or a name server.
func parseIP(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("expected an IP address, got %q", text)
	}
	return addr, nil
}

// parseMAC gives a hardware address in the kernel's spelling.
func parseMAC(text string) (string, error) {
	mac, err := net.ParseMAC(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("expected a MAC address, got %q", text)
	}
	return mac.String(), nil
}

// checkName refuses names that the kernel refuses (dev_valid_name) and those that
// would leave a folder or a line: names become file names and lines of files.
func checkName(name string) error {
	const longest = 15 // IFNAMSIZ without its zero
	if name == "" || len(name) > longest || name == "." || name == ".." || strings.ContainsAny(name, "/: ") || !printable(name) {
		return fmt.Errorf("%q cannot be the name of an interface", name)
	}
	return nil
}

// printable tells whether a text stays in its line, in any file.
func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

func familyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return IPv4
	}
	return IPv6
}

// The bounds of an MTU: IPv4's least (RFC 791), the kernel's greatest (linux/if_ether.h).
const (
	minMTU = 68
	maxMTU = 65535
)
