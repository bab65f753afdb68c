package values_test

import (
	"net/netip"
	"strings"
	"testing"

	"cloudseed/network/read/values"
)

func TestAnAddressHasTheLengthThatIsWrittenAfterItOrApart(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ address, length, want, wrong string }{
		"after the address":              {"10.0.0.1/8", "24", "10.0.0.1/8", ""},
		"apart, as a number":             {"10.0.0.1", "24", "10.0.0.1/24", ""},
		"apart, as a mask":               {"10.0.0.1", "255.255.252.0", "10.0.0.1/22", ""},
		"as a mask of IPv6":              {"2001:db8::1", "ffff:ffff:ffff::", "2001:db8::1/48", ""},
		"none, of IPv4":                  {"10.0.0.1", "", "10.0.0.1/24", ""},
		"none, of IPv6":                  {" 2001:db8::1 ", "", "2001:db8::1/64", ""},
		"a mask of nothing":              {"10.0.0.1", "0.0.0.0", "10.0.0.1/0", ""},
		"too long":                       {"10.0.0.1", "33", "", "expected a network's length of 0 to 32"},
		"negative":                       {"10.0.0.1", "-1", "", "expected a network's length of 0 to 32"},
		"a mask with a gap":              {"10.0.0.1", "255.0.255.0", "", "has a gap"},
		"a mask with a gap within eight": {"10.0.0.1", "255.160.0.0", "", "has a gap"},
		"the other family's mask":        {"10.0.0.1", "ffff::", "", "expected the mask of a network"},
		"an address with a zone":         {"fe80::1%eth0", "64", "", "expected an IP address"},
		"a name":                         {"eth0", "", "", "expected an IP address"},
	} {
		got, err := values.ParsePrefix(test.address, test.length)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %v, %v", what, got, err)
			}
			continue
		}
		if err != nil || got != netip.MustParsePrefix(test.want) {
			t.Errorf("%s: %v, %v; want %s", what, got, err, test.want)
		}
	}
}

func TestARouteLeadsToANetworkAHostOrEverywhere(t *testing.T) {
	t.Parallel()
	for to, test := range map[string]struct{ gateway, want string }{
		"default":     {"10.0.0.1", "0.0.0.0/0"},
		"0.0.0.0":     {"10.0.0.1", "0.0.0.0/0"},
		"::":          {"2001:db8::1", "::/0"},
		"10.1.0.0/16": {"10.0.0.1", "10.1.0.0/16"},
		"10.1.2.3":    {"10.0.0.1", "10.1.2.3/32"},
		"2001:db8::2": {"2001:db8::1", "2001:db8::2/128"},
	} {
		if got, err := values.ParseDestination(to, values.HostLength(to), netip.MustParseAddr(test.gateway)); err != nil || got != netip.MustParsePrefix(test.want) {
			t.Errorf("%s by %s: %v, %v", to, test.gateway, got, err)
		}
	}
	if got, err := values.ParseDestination("default", "", netip.MustParseAddr("2001:db8::1")); err != nil || got != netip.MustParsePrefix("::/0") {
		t.Errorf("default by a gateway of IPv6: %v, %v", got, err)
	}
}
