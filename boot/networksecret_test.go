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
