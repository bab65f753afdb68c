package initramfs_test

import (
	"testing"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/read/initramfs"
)

// FuzzDracut holds that what is made of a command line is what Parse understands.
func FuzzDracut(f *testing.F) {
	for _, cmdline := range []string{
		"ip=dhcp BOOTIF=01-52-54-00-00-00-01", "ip=192.0.2.8::192.0.2.254:24:h:eth0:none:1500:52:54:00:00:00:01 rd.route=[2001:db8::/32]::eth0",
		"bond=b:eth0:mode=1,arp_ip_target=1;2:9000 vlan=b.7:b bridge=br0:b.7 ip=b.7:auto6 ifname=x:52:54:00:00:00:02 nameserver=[::1]",
		"root=nfs:x ip=[2001:db8::1]/64:[2001:db8::2]/3::::x:off",
	} {
		f.Add(cmdline)
	}
	nics := []network.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}}
	f.Fuzz(func(t *testing.T, cmdline string) {
		initramfs.RootOnNetwork(cmdline)
		tree, _ := initramfs.Dracut(cmdline, nics)
		if tree == nil {
			return
		}
		if c, problems := read.YAML(config.FromAny("x", tree), nics); c == nil {
			t.Errorf("%q: made %v, which says nothing: %v", cmdline, tree, problems)
		}
	})
}

func FuzzKlibc(f *testing.F) {
	f.Add("DEVICE='eth0'\nPROTO=\"dhcp\"\nIPV4ADDR=1.2.3.4\nIPV4DNS0=1.1.1.1\nDOMAINSEARCH='a b'\n")
	f.Fuzz(func(t *testing.T, text string) {
		tree, _ := initramfs.Klibc([]initramfs.KlibcFile{{Path: "/run/net-x.conf", Text: text}}, nil)
		read.YAML(config.FromAny("x", tree), nil)
	})
}

func FuzzCommandLineConfig(f *testing.F) {
	f.Add("network-config=dmVyc2lvbjogMgo=")
	f.Fuzz(func(t *testing.T, cmdline string) {
		if text, given, err := initramfs.CommandLineConfig(cmdline); !given && (text != nil || err != nil) {
			t.Errorf("%q: %q", cmdline, text)
		}
	})
}
