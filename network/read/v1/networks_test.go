package v1_test

import (
	"strings"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/network/read"
)

func TestARouteOfVersion1ThatNamesNoDeviceGoesWithTheFirstThatFits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ devices, route, want string }{
		"the network that its gateway is in": {
			"[{type: static, address: 10.0.0.2/24}] [{type: static, address: 10.0.1.2/24}]", "{destination: 11.0.0.0/8, gateway: 10.0.1.1}", "eth1",
		},
		"of a network within another, the one that is written first": {
			"[{type: static, address: 10.0.0.2/8}] [{type: static, address: 10.0.1.2/24}]", "{destination: 11.0.0.0/8, gateway: 10.0.1.1}", "eth0",
		},
		"and so if the smaller one is first": {
			"[{type: static, address: 10.0.1.2/24}] [{type: static, address: 10.0.0.2/8}]", "{destination: 11.0.0.0/8, gateway: 10.0.1.1}", "eth0",
		},
		"of two in the same network, the first": {
			"[{type: static, address: 10.0.0.2/24}] [{type: static, address: 10.0.0.3/24}]", "{destination: 11.0.0.0/8, gateway: 10.0.0.1}", "eth0",
		},
		"IPv6, beside a length that IPv4 has not": {
			"[{type: static, address: 10.0.0.2/24}] [{type: static, address: '2001:db8::2/64'}]", "{destination: '2001:db8:1::/48', gateway: '2001:db8::1'}", "eth1",
		},
		"the only one that asks for its addresses": {
			"[{type: static, address: 10.0.0.2/24}] [{type: dhcp4}]", "{destination: 11.0.0.0/8, gateway: 192.0.2.1}", "eth1",
		},
		"not one of two that ask": {
			"[{type: dhcp4}] [{type: dhcp4}]", "{destination: 11.0.0.0/8, gateway: 192.0.2.1}", "",
		},
		"a network before one that asks": {
			"[{type: dhcp4}] [{type: static, address: 192.0.2.2/24}]", "{destination: 11.0.0.0/8, gateway: 192.0.2.1}", "eth1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second, _ := strings.Cut(test.devices, "] [")
			text := "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: " + first + "]}\n- {type: physical, name: eth1, subnets: [" + second + "}\n" +
				"- " + strings.Replace(test.route, "{", "{type: route, ", 1) + "\n"
			v, _, err := yaml.Parse("network-config", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			c, _ := read.YAML(v, nil)
			got := ""
			for _, d := range c.Devices {
				for _, s := range d.Subnets {
					if len(s.Routes) > 0 {
						got += d.Name
					}
				}
			}
			if got != test.want {
				t.Errorf("the route is %q's, not %q's", got, test.want)
			}
		})
	}
}
