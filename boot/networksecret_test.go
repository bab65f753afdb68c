package boot_test

import (
	"strings"
	"testing"

	"cloudseed/test/seed"
)

func TestAKeyOfWireGuardIsForNetworkdAndNotShown(t *testing.T) {
	t.Parallel()
	const key = "4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8="
	g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", "version: 2\ntunnels:\n  wg0: {mode: wireguard, key: "+key+", addresses: [10.1.0.1/24]}\n"))
	g.Put(t, "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service", "")
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "system_info: {network: {renderers: [networkd]}}\n")
	if r := g.boot(t); len(r.Errors) > 0 {
		t.Errorf("errors: %q", r.Errors)
	}
	const file = "/etc/systemd/network/10-cloud-init-wg0.netdev"
	if !strings.Contains(g.Text(t, file), "PrivateKey="+key) {
		t.Errorf("%s has no key", file)
	}
	if info, err := g.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("%s: %v, %v", file, info, err)
	}
	seen := false
	for _, e := range g.Effects() {
		seen = seen || e.Path == file
		if strings.Contains(e.Diff, key) {
			t.Errorf("what is told of %s shows the key: %s", e.Path, e.Diff)
		}
	}
	if !seen {
		t.Errorf("nothing is told of %s", file)
	}
}

func TestWhatAFileHeldBeforeIsNotShownEither(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	for name, line := range map[string]string{
		"the private key of WireGuard in a netdev": "PrivateKey=" + secret,
		"a peer's shared key":                      "PresharedKey = " + secret,
		"a wifi's key in a keyfile":                "psk=" + secret,
		"a password in a keyfile":                  "password=" + secret,
		"a private key's password":                 "private-key-password=" + secret,
		"an old wifi's key":                        "wep-key0=" + secret,
		"a wifi's key in ifcfg":                    "WPA_PSK='" + secret + "'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", "{version: 2, ethernets: {lan0: {dhcp4: true}}}"))
			const file = keyfiles + "cloud-init-lan0.nmconnection"
			g.Put(t, file, "[connection]\n"+line+"\n")
			g.boot(t)
			if strings.Contains(g.Text(t, file), secret) {
				t.Fatal("the file was not written")
			}
			for _, e := range g.Effects() {
				if strings.Contains(e.Diff, secret) {
					t.Errorf("what is told of %s shows what it held: %s", e.Path, e.Diff)
				}
			}
		})
	}
}

func TestAFileWithoutSecretsIsShown(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", "{version: 2, ethernets: {lan0: {dhcp4: true}}}"))
	const file = keyfiles + "cloud-init-lan0.nmconnection"
	g.Put(t, file, "# no password here\n[wireguard-peer.PublicKey=]\nPublicKey=abc\n")
	g.boot(t)
	plan, err := g.agent(t).PlanNetwork(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan.Files {
		if f.Secret {
			t.Errorf("%s is taken for a secret", f.Path)
		}
	}
	shown := false
	for _, e := range g.Effects() {
		shown = shown || e.Path == file && strings.Contains(e.Diff, "-PublicKey=abc")
	}
	if !shown {
		t.Error("the change is not shown")
	}
}
