package differential

import (
	"testing"

	"cloudseed/network/render"
	"cloudseed/test/differential/random"
)

// TestWhatIsThereStaysAsCloudInitLeavesIt is of the files that others write too.
func TestWhatIsThereStaysAsCloudInitLeavesIt(t *testing.T) {
	const (
		resolv  = "/etc/resolv.conf"
		network = "/etc/sysconfig/network"
		config  = "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: [{type: static, address: \"2001:db8::2/64\"," +
			" dns_nameservers: [192.0.2.53, 192.0.2.54], dns_search: [a.example, b.example]}]}\n"
		header = "Created by cloud-init automatically, do not edit.\n"
	)
	for name, existing := range map[string]map[string]string{
		"nothing":                          {},
		"an empty file":                    {resolv: "", network: ""},
		"what others wrote":                {network: "NOZEROCONF=yes\n# a note\nHOSTNAME=x\n", resolv: "options rotate\nnameserver 192.0.2.1\nsearch old.example\n"},
		"some of the same":                 {resolv: "nameserver 192.0.2.53\nsearch b.example\n"},
		"all of the same":                  {resolv: "nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch a.example b.example\n"},
		"comments and blank lines":         {resolv: "# one\n\n; two\nnameserver 192.0.2.1\n"},
		"what was written before":          {network: "# " + header + "#\nNETWORKING=yes\nGATEWAYDEV=eth0\n", resolv: "; " + header + ";\nnameserver 192.0.2.53\n"},
		"settings that are no more":        {network: "NETWORKING_IPV6=no\nIPV6_AUTOCONF=yes\nNETWORKING=no\n"},
		"a last line without a line break": {network: "NOZEROCONF=yes", resolv: "nameserver 192.0.2.1"},
	} {
		in := input{name: "existing.yaml", text: config, interfaces: random.Interfaces(), existing: existing}
		theirs, ours := both(t, in)
		their, our := theirs[render.Sysconfig], ours[render.Sysconfig]
		if !their.equal(our) || their.err != "" {
			t.Errorf("with %s: not the same (-cloud-init +cloudseed):\n%s", name, diff(their, our))
		}
	}
}
