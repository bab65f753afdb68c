package boot_test

import (
	"testing"

	"cloudseed/test/seed"
)

// Each layer says its own in all keys that those above it do not have.
func TestTheLayersOfTheConfigurationAreOverEachOther(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nfqdn: user\n").With("vendor-data", "#cloud-config\nfqdn: vendor\nlocale: vendor\n"))
	g.Put(t, "/etc/cloud/cloud.cfg", "{fqdn: main, locale: main, timezone: main, hostname: main, user: main, password: main}")
	g.Put(t, "/etc/cloud/cloud.cfg.d/10.cfg", "{fqdn: '10', locale: '10', timezone: '10', hostname: '10', user: '10'}")
	g.Put(t, "/etc/cloud/cloud.cfg.d/20.cfg", "{fqdn: '20', locale: '20', timezone: '20', hostname: '20'}")
	g.Put(t, "/etc/cloud/cloud.cfg.d/30.txt", "{password: no configuration}")
	g.cmdline = "quiet cc: {fqdn: command line, locale: command line, timezone: command line} end_cc"
	g.boot(t)
	g.Put(t, "/run/cloud-init/cloud.cfg", "{fqdn: runtime, locale: runtime, timezone: runtime, hostname: runtime}")
	c, err := g.agent(t).Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"fqdn": "user", "locale": "vendor", "timezone": "command line", "hostname": "runtime", "user": "10", "password": "main",
	} {
		if got := c.Get(key).Text(); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
}
