package boot_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"cloudseed/state"
	"cloudseed/test/seed"
)

func TestTheNetworksSourcesCountInTheirOrder(t *testing.T) {
	t.Parallel()
	encoded := func(text string) string {
		return "ro network-config=" + base64.StdEncoding.EncodeToString([]byte(text)) + " quiet"
	}
	const system = "/etc/cloud/cloud.cfg.d/50-network.cfg"
	const klibc = "DEVICE='eth0'\nPROTO='dhcp'\nIPV4ADDR='192.0.2.7'\n"
	tests := map[string]struct {
		cmdline string
		files   map[string]string
		seed    string // network-config of the seed
		source  string
		why     string // part of it
		keyfile string // part of eth0's; "" when there is to be none
		wrong   string // part of an error
	}{
		"an administrator's marker before all": {
			cmdline: encoded(static2("192.0.2.1/24")), files: map[string]string{"/var/lib/cloud/data/upgraded-network": ""},
			source: "data/upgraded-network", why: "networking is disabled",
		},
		"the kernel's command line before all others": {
			cmdline: encoded(static2("192.0.2.1/24")) + " cc: network: {config: disabled} end_cc",
			files:   map[string]string{system: static2("192.0.2.2/24")}, seed: static2("192.0.2.3/24"),
			source: "kernel command line: network-config=", keyfile: "address1=192.0.2.1/24\n",
		},
		"the kernel's command line can leave the network alone": {
			cmdline: "network-config=disabled", seed: static2("192.0.2.3/24"),
			source: "kernel command line: network-config=", why: "networking is disabled",
		},
		"a command line that is no base64 is an error, and the next source counts": {
			cmdline: "network-config=%%%", seed: static2("192.0.2.3/24"),
			source: "seed: seed/network-config", why: "cannot be understood", keyfile: "192.0.2.3/24",
			wrong: "kernel command line: network-config=: expected base64 of YAML, or disabled",
		},
		"what klibc left, if the command line asked for it": {
			cmdline: "ip=dhcp", files: map[string]string{"/run/net-eth0.conf": klibc, system: static2("192.0.2.2/24")}, seed: static2("192.0.2.3/24"),
			source: "initramfs: klibc", keyfile: "method=auto\n",
		},
		"what klibc left, if the firmware asked for it": {
			files:  map[string]string{"/run/net-eth0.conf": klibc, "/run/initramfs/open-iscsi.interface": "eth0\n"},
			source: "initramfs: klibc", keyfile: "method=auto\n",
		},
		"what klibc left is not asked if nobody wanted a network": {
			files: map[string]string{"/run/net-eth0.conf": klibc}, seed: static2("192.0.2.3/24"),
			source: "seed: seed/network-config", keyfile: "192.0.2.3/24",
		},
		"dracut's addresses before the seed's when the root file system is on the network": {
			cmdline: "root=nfs:192.0.2.9:/srv ip=192.0.2.8::192.0.2.254:255.255.255.0::eth0:none", seed: static2("192.0.2.3/24"),
			source: "initramfs: dracut's ip=", why: "root=nfs:192.0.2.9:/srv", keyfile: "address1=192.0.2.8/24\ngateway=192.0.2.254\n",
		},
		"dracut's addresses after the seed's when only the disk's key came over the network": {
			cmdline: "rd.neednet=1 ip=192.0.2.8::192.0.2.254:255.255.255.0::eth0:none", seed: static2("192.0.2.3/24"),
			source: "seed: seed/network-config", keyfile: "192.0.2.3/24",
		},
		"dracut's addresses before a guess": {
			cmdline: "ip=192.0.2.8::192.0.2.254:255.255.255.0::eth0:none",
			source:  "kernel command line: ip=", keyfile: "address1=192.0.2.8/24\n",
		},
		"the system before the seed": {
			files: map[string]string{system: static2("192.0.2.2/24")}, seed: static2("192.0.2.3/24"),
			source: "system configuration: " + system, keyfile: "192.0.2.2/24",
		},
		"cc: on the command line is the system's": {
			cmdline: `cc: network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.4/24]}}} end_cc`, seed: static2("192.0.2.3/24"),
			source: "system configuration: kernel command line", keyfile: "192.0.2.4/24",
		},
		"the system can leave the network alone": {
			files: map[string]string{system: "network: {config: disabled}\n"}, seed: static2("192.0.2.3/24"),
			source: "system configuration: " + system, why: "networking is disabled",
		},
		"an empty system configuration is skipped, and that is told": {
			files: map[string]string{system: "network: {}\n"}, seed: static2("192.0.2.3/24"),
			source: "seed: seed/network-config", why: "network in " + system + ":1:10 is empty and was skipped", keyfile: "192.0.2.3/24",
		},
		"the seed can leave the network alone": {
			seed: "network: {config: disabled}\n", source: "seed: seed/network-config", why: "networking is disabled",
		},
		"DHCP when nobody says anything": {
			source: "fallback", why: "DHCP on eth0, since no source says anything", keyfile: "method=auto\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := seed.NoCloud("i-1", "")
			if test.seed != "" {
				files["network-config"] = test.seed
			}
			g := newGuest(t, files)
			g.cmdline, g.devices = test.cmdline, ethernets(macOne).devices()
			for path, text := range test.files {
				g.Put(t, path, text)
			}
			b := g.agent(t)
			b.Run(t.Context(), state.StageLocal)
			r := b.Report()
			got := g.decided(t)
			if !strings.HasPrefix(got.Source, test.source) || !strings.Contains(got.Why, test.why) {
				t.Errorf("it is %+v, want %q: %q", got, test.source, test.why)
			}
			keyfile, err := g.ReadFile(keyfiles + "cloud-init-eth0.nmconnection")
			if (err == nil) != (test.keyfile != "") || !strings.Contains(string(keyfile), test.keyfile) {
				t.Errorf("the keyfile is %q, want %q", keyfile, test.keyfile)
			}
			if joined := strings.Join(r.Errors, "\n"); !strings.Contains(joined, test.wrong) || (joined != "") != (test.wrong != "") {
				t.Errorf("errors are %q, want %q", r.Errors, test.wrong)
			}
		})
	}
}

func TestAnImageHeedsNotTheCommandLineOfTheMachineThatMakesIt(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", static2("192.0.2.3/24")))
	g.cmdline = "network-config=disabled"
	g.boot(t)
	if got := g.decided(t).Source; got != "seed: seed/network-config" {
		t.Errorf("the source is %q", got)
	}
}
