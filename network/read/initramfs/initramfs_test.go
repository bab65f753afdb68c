package initramfs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/network"
	"cloudseed/network/read/initramfs"
)

func TestCommandLineConfig(t *testing.T) {
	t.Parallel()
	encode := func(data string) string { return base64.StdEncoding.EncodeToString([]byte(data)) }
	pack := func(data string) string {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	tests := map[string]struct {
		cmdline string
		want    string
		given   bool
		wrong   string
	}{
		"nothing is given":                 {cmdline: "ro quiet ip=dhcp"},
		"an empty value is nothing":        {cmdline: "network-config="},
		"plain YAML":                       {cmdline: "ro network-config=" + encode("version: 2\n"), want: "version: 2\n", given: true},
		"without the signs at its end":     {cmdline: "network-config=" + strings.TrimRight(encode("version: 2"), "="), want: "version: 2", given: true},
		"compressed YAML":                  {cmdline: "network-config=" + encode(pack("version: 2\n")), want: "version: 2\n", given: true},
		"the last one counts":              {cmdline: "network-config=" + encode("a") + " network-config=" + encode("b"), want: "b", given: true},
		"disabled":                         {cmdline: "network-config=disabled", want: "config: disabled\n", given: true},
		"what is no base64 is an error":    {cmdline: "network-config=%", given: true, wrong: "expected base64"},
		"what cannot be unpacked is":       {cmdline: "network-config=" + encode("\x1f\x8bxx"), given: true, wrong: "cannot unpack it"},
		"what unpacks to too much is":      {cmdline: "network-config=" + encode(pack(strings.Repeat("x", 2<<20))), given: true, wrong: "more than 1 MiB"},
		"a word that only ends so is none": {cmdline: "my-network-config=disabled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, given, err := initramfs.CommandLineConfig(test.cmdline)
			if given != test.given || (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Fatalf("given %v, %v", given, err)
			}
			if err == nil && string(text) != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}

// device is a device of version 1; subnets may be none.
func device(name, mac string, subnets ...any) map[string]any {
	d := map[string]any{"type": "physical", "name": name, "subnets": append([]any{}, subnets...)}
	if mac != "" {
		d["mac_address"] = mac
	}
	return d
}

func with(d map[string]any, key string, value any) map[string]any {
	d[key] = value
	return d
}

func of(kind string) map[string]any { return map[string]any{"type": kind} }

func TestKlibc(t *testing.T) {
	t.Parallel()
	const mac = "52:54:00:00:00:01"
	nics := []network.NIC{{Name: "eth0", MAC: mac}}
	manual := func(kind string) map[string]any { return map[string]any{"type": kind, "control": "manual"} }
	tests := map[string]struct {
		files []initramfs.KlibcFile
		want  []any
		wrong string
	}{
		"a lease": {
			files: []initramfs.KlibcFile{{"/run/net-eth0.conf", "DEVICE='eth0'\nPROTO='dhcp'\nIPV4ADDR='192.0.2.7'\nIPV4NETMASK='255.255.255.0'\nIPV4DNS0='192.0.2.1'\nIPV4DNS1='0.0.0.0'\nDOMAINSEARCH='a.test,b.test'\n"}},
			want: []any{device("eth0", mac, map[string]any{
				"type": "dhcp", "control": "manual", "netmask": "255.255.255.0", "dns_nameservers": []any{"192.0.2.1"}, "dns_search": []any{"a.test", "b.test"},
			})},
		},
		"an address by hand": {
			files: []initramfs.KlibcFile{{"/run/net-eth0.conf", "DEVICE=eth0\nPROTO=none\nIPV4ADDR=192.0.2.7\nIPV4NETMASK=255.255.255.0\nIPV4BROADCAST=192.0.2.255\nIPV4GATEWAY=192.0.2.1\n"}},
			want: []any{device("eth0", mac, map[string]any{
				"type": "static", "control": "manual", "address": "192.0.2.7", "netmask": "255.255.255.0", "broadcast": "192.0.2.255", "gateway": "192.0.2.1",
			})},
		},
		"both families of one device, in two files": {
			files: []initramfs.KlibcFile{
				{"/run/net-eth0.conf", "DEVICE='eth0'\nPROTO='dhcp'\nIPV4ADDR='192.0.2.7'\n"},
				{"/run/net6-eth0.conf", "DEVICE6='eth0'\nIPV6PROTO='dhcp6'\nIPV6ADDR='2001:db8::7'\nIPV6NETMASK='64'\n"},
			},
			want: []any{device("eth0", mac, manual("dhcp"), with(manual("dhcp6"), "netmask", "64"))},
		},
		"an old ipconfig does not tell of DHCP": {
			files: []initramfs.KlibcFile{{"/run/net-eth1.conf", "DEVICE=eth1\nfilename='/pxelinux.0'\nIPV4ADDR=192.0.2.7\n"}},
			want:  []any{device("eth1", "", manual("dhcp"))},
		},
		"a file that is broken costs itself": {
			files: []initramfs.KlibcFile{{"/run/net-x.conf", "PROTO=dhcp\n"}, {"/run/net-eth0.conf", "DEVICE=eth0\nPROTO=dhcp\nIPV4ADDR=192.0.2.7\n"}},
			want:  []any{device("eth0", mac, manual("dhcp"))},
			wrong: "/run/net-x.conf: it names no DEVICE; the file was skipped",
		},
		"an unknown protocol costs the file": {
			files: []initramfs.KlibcFile{{"/run/net-eth0.conf", "DEVICE=eth0\nPROTO=rarp\n"}},
			wrong: `/run/net-eth0.conf: there is no PROTO "rarp": it is off, none, static, dhcp or dhcp6; the file was skipped`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := initramfs.Klibc(test.files, nics)
			if diff := cmp.Diff(test.want, got["config"]); diff != "" && (test.want != nil || len(got["config"].([]any)) > 0) {
				t.Errorf("it differs (-want +got):\n%s", diff)
			}
			var told []string
			for _, p := range problems {
				told = append(told, p.Error())
			}
			if strings.Join(told, "\n") != test.wrong {
				t.Errorf("problems are %q, want %q", told, test.wrong)
			}
		})
	}
}

func TestDracut(t *testing.T) {
	t.Parallel()
	const one, two = "52:54:00:00:00:01", "52:54:00:00:00:02"
	nics := []network.NIC{{Name: "eth0", MAC: one}, {Name: "eth1", MAC: two}, {Name: "lo", Virtual: true}}
	static := func(address string) map[string]any { return map[string]any{"type": "static", "address": address} }
	server := func(address string) map[string]any { return map[string]any{"type": "nameserver", "address": address} }
	tests := map[string]struct {
		cmdline string
		want    []any
		wrong   string // part of the problems
	}{
		"nothing is asked for": {cmdline: "ro root=/dev/sda1 rd.neednet=1 ifname=lan:" + one},
		"DHCP everywhere":      {cmdline: "ip=dhcp", want: []any{device("eth0", one, of("dhcp4")), device("eth1", two, of("dhcp4"))}},
		"on and any are DHCP":  {cmdline: "ip=eth0:on ip=eth1:any", want: []any{device("eth0", one, of("dhcp4")), device("eth1", two, of("dhcp4"))}},
		"DHCP on the interface that the machine was booted by": {
			cmdline: "ip=dhcp BOOTIF=01-52-54-00-00-00-02", want: []any{device("eth1", two, of("dhcp4"))},
		},
		"a plain address in BOOTIF": {cmdline: "ip=BOOTIF:dhcp BOOTIF=" + two, want: []any{device("eth1", two, of("dhcp4"))}},
		"BOOTIF can be switched off": {
			cmdline: "ip=dhcp6 BOOTIF=" + two + " rd.bootif=0", want: []any{device("eth0", one, of("dhcp6")), device("eth1", two, of("dhcp6"))},
		},
		"bootdev names the interface": {cmdline: "ip=auto6 bootdev=eth1", want: []any{device("eth1", two, of("ipv6_slaac"))}},
		"one interface with an MTU":   {cmdline: "ip=eth0:dhcp:1400", want: []any{with(device("eth0", one, of("dhcp4")), "mtu", 1400)}},
		"the interface's own MAC address is no news": {
			cmdline: "ip=eth0:dhcp:1400:" + one, want: []any{with(device("eth0", one, of("dhcp4")), "mtu", 1400)},
		},
		"another MAC address is not kept": {
			cmdline: "ip=eth0:dhcp::52:54:00:00:00:99", want: []any{device("eth0", one, of("dhcp4"))}, wrong: "the address 52:54:00:00:00:99 that it sets is not kept",
		},
		"two methods of one interface": {cmdline: "ip=eth0:dhcp ip=eth0:auto6", want: []any{device("eth0", one, of("dhcp4"), of("ipv6_slaac"))}},
		"an address with all that belongs to it": {
			cmdline: "ip=192.0.2.8::192.0.2.254:255.255.255.0:host:eth0:none:192.0.2.1:192.0.2.2",
			want:    []any{device("eth0", one, with(static("192.0.2.8/24"), "gateway", "192.0.2.254")), server("192.0.2.1"), server("192.0.2.2")},
		},
		"an address with an MTU": {
			cmdline: "ip=192.0.2.8:::25::eth0:off:9000", want: []any{with(device("eth0", one, static("192.0.2.8/25")), "mtu", 9000)},
		},
		"an address of IPv6 in brackets": {
			cmdline: "ip=[2001:db8::8]::[2001:db8::1]:64::eth0:none:[2001:db8::53]",
			want: []any{
				device("eth0", one, map[string]any{"type": "static6", "address": "2001:db8::8/64", "gateway": "2001:db8::1"}), server("2001:db8::53"),
			},
		},
		"without a mask it is that of the class": {
			cmdline: "ip=10.1.2.3:::::eth0:none ip=172.16.0.1:::::eth0:none ip=192.0.2.1:::::eth0:none ip=[2001:db8::1]:::::eth0:none",
			want: []any{device(
				"eth0", one, static("10.1.2.3/8"), static("172.16.0.1/16"), static("192.0.2.1/24"), map[string]any{"type": "static6", "address": "2001:db8::1/64"},
			)},
		},
		"the peer of a line between two": {
			cmdline: "ip=192.0.2.1:192.0.2.2::::eth0:none",
			want:    []any{device("eth0", one, with(static("192.0.2.1/32"), "routes", []any{map[string]any{"network": "192.0.2.2/32"}}))},
		},
		"the peer of a network": {cmdline: "ip=192.0.2.1:192.0.2.2/28::::eth0:none", want: []any{device("eth0", one, static("192.0.2.1/28"))}},
		"no address, by DHCP, in the long form": {
			cmdline: "ip=::::host:eth0:dhcp", want: []any{device("eth0", one, of("dhcp4"))},
		},
		"an interface without an address": {cmdline: "ip=:::::eth0:none", want: []any{device("eth0", one, of("manual"))}},
		"an address without an interface, on a machine with two": {
			cmdline: "ip=192.0.2.1::::::none", wrong: "it names no interface, and the machine has more than one",
		},
		"names by MAC addresses": {
			cmdline: "ip=lan:dhcp ifname=lan:52:54:00:00:00:02", want: []any{device("lan", two, of("dhcp4"))},
		},
		"routes and name servers": {
			cmdline: "ip=eth0:dhcp rd.route=198.51.100.0/24:192.0.2.9:eth0 rd.route=[2001:db8:3::/48]:[2001:db8::1] nameserver=192.0.2.1 nameserver=[2001:db8::53]",
			want: []any{
				device("eth0", one, with(of("dhcp4"), "routes", []any{map[string]any{"network": "198.51.100.0/24", "gateway": "192.0.2.9"}})),
				map[string]any{"type": "route", "destination": "2001:db8:3::/48", "gateway": "2001:db8::1"},
				server("192.0.2.1"), server("2001:db8::53"),
			},
		},
		"a route of an interface that is not configured": {
			cmdline: "ip=eth0:dhcp rd.route=198.51.100.0/24::eth9", want: []any{device("eth0", one, of("dhcp4"))}, wrong: "no ip= configures the interface eth9",
		},
		"a bond with a VLAN": {
			cmdline: "ip=bond0.5:dhcp bond=bond0:eth0,eth1:mode=active-backup,arp_ip_target=192.0.2.1;192.0.2.2:9000 vlan=bond0.5:bond0",
			want: []any{
				with(with(with(with(device("bond0", ""), "type", "bond"), "bond_interfaces", []any{"eth0", "eth1"}),
					"params", map[string]any{"bond-mode": "active-backup", "bond-arp_ip_target": "192.0.2.1,192.0.2.2"}), "mtu", 9000),
				device("eth0", one), device("eth1", two),
				with(with(with(device("bond0.5", "", of("dhcp4")), "type", "vlan"), "vlan_id", 5), "vlan_link", "bond0"),
			},
		},
		"a bond without a word more": {
			cmdline: "bond ip=bond0:dhcp",
			want: []any{
				with(with(with(device("bond0", "", of("dhcp4")), "type", "bond"), "bond_interfaces", []any{"eth0", "eth1"}),
					"params", map[string]any{"bond-mode": "balance-rr"}),
				device("eth0", one), device("eth1", two),
			},
		},
		"a bridge": {
			cmdline: "bridge=br0:eth0 ip=br0:dhcp",
			want:    []any{with(with(device("br0", "", of("dhcp4")), "type", "bridge"), "bridge_interfaces", []any{"eth0"}), device("eth0", one)},
		},
		"a VLAN by its number": {
			cmdline: "vlan=vlan0005:eth0",
			want:    []any{with(with(with(device("vlan0005", ""), "type", "vlan"), "vlan_id", 5), "vlan_link", "eth0"), device("eth0", one)},
		},
		"a VLAN without a number":      {cmdline: "vlan=lan:eth0", wrong: `the name "lan" has no number of a VLAN at its end`},
		"a team":                       {cmdline: "team=team0:eth0,eth1:activebackup", wrong: "teams are not supported"},
		"the firmware's table":         {cmdline: "ip=ibft", wrong: "iBFT"},
		"a form that there is not":     {cmdline: "ip=what:is:this", wrong: "ip=what:is:this: this is no form of ip="},
		"a name that no interface has": {cmdline: "ip=../../etc:dhcp", wrong: "cannot be the name of an interface"},
		"quoted words":                 {cmdline: `dyndbg="ip=eth1:dhcp x" "ip=eth0:dhcp"`, want: []any{device("eth0", one, of("dhcp4"))}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := initramfs.Dracut(test.cmdline, nics)
			var config any
			if got != nil {
				config = got["config"]
			}
			want := any(test.want)
			if test.want == nil {
				want = nil
			}
			if diff := cmp.Diff(want, config); diff != "" {
				t.Errorf("it differs (-want +got):\n%s", diff)
			}
			var told []string
			for _, p := range problems {
				told = append(told, p.Error())
			}
			if joined := strings.Join(told, "\n"); !strings.Contains(joined, test.wrong) || (joined != "") != (test.wrong != "") {
				t.Errorf("problems are %q, want %q", told, test.wrong)
			}
		})
	}
}

func TestRootOnNetwork(t *testing.T) {
	t.Parallel()
	for cmdline, want := range map[string]string{
		"root=/dev/sda1 ip=dhcp rd.neednet=1":                "",
		"root=UUID=1 netroot=iscsi:192.0.2.1::::iqn.x ip=on": "netroot=iscsi:192.0.2.1::::iqn.x",
		"root=nfs:192.0.2.1:/srv":                            "root=nfs:192.0.2.1:/srv",
		"root=/dev/nfs nfsroot=192.0.2.1:/srv":               "root=/dev/nfs",
		"root=dhcp":                                          "root=dhcp",
		"root=/dev/nfsdisk netroot=":                         "",
		"rd.iscsi.firmware":                                  "rd.iscsi.firmware",
		"rd.iscsi.firmware=0":                                "",
		"rd.nvmf.discover=tcp,192.0.2.1":                     "rd.nvmf.discover=tcp,192.0.2.1",
	} {
		if got := initramfs.RootOnNetwork(cmdline); got != want {
			t.Errorf("%q: got %q, want %q", cmdline, got, want)
		}
	}
}
