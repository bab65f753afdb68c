package values

import (
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"cloudseed/network"
)

// ParsePrefix reads an address with the length of its network, which is written after
// the address or apart, as a number or a mask, and wins in that order. Without one it
// is 24 for IPv4 and 64 for IPv6, as cloud-init has it.
func ParsePrefix(address, length string) (netip.Prefix, error) {
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

// ParseDestination reads where a route goes: a network, or "default", whose family is
// the gateway's. An unspecified address without a length is the default route.
func ParseDestination(to, length string, gateway netip.Addr) (netip.Prefix, error) {
	if to == "default" {
		return network.DefaultRoute(gateway), nil
	}
	if addr, err := netip.ParseAddr(strings.TrimSpace(to)); err == nil && addr.IsUnspecified() && length == "" {
		length = "0" // as everybody means it
	}
	return ParsePrefix(to, length)
}

// HostLength returns the length that makes a network of a lone address: its own.
//
// Difference from cloud-init: it takes 10.1.2.3 for 10.1.2.3/24; netplan does not.
func HostLength(to string) string {
	addr, err := netip.ParseAddr(to)
	if err != nil || addr.IsUnspecified() {
		return ""
	}
	return fmt.Sprint(addr.BitLen())
}

// ParseIP reads the address of a gateway or a name server.
func ParseIP(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("expected an IP address, got %q", text)
	}
	return addr, nil
}

// ParseMAC returns a hardware address in the kernel's spelling.
func ParseMAC(text string) (string, error) {
	mac, err := net.ParseMAC(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("expected a MAC address, got %q", text)
	}
	return mac.String(), nil
}

// The bounds of an MTU: IPv4's least (RFC 791), the kernel's greatest (linux/if_ether.h).
const (
	MinMTU = 68
	MaxMTU = 65535
)
