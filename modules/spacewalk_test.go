package modules

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

func TestSpacewalk(t *testing.T) {
	t.Parallel()
	const (
		sync     = "rhn-profile-sync --verbose\n"
		register = sync + "rhnreg_ks --serverUrl https://sw.example.com/XMLRPC --profilename vm.example.com"
		ca       = " --sslCACert /usr/share/rhn/RHN-ORG-TRUSTED-SSL-CERT"
		at       = "user-data:1:12: spacewalk: cannot register the system: "
	)
	for name, row := range map[string]struct {
		userData      string
		has           []string // of the repositories
		lacks         bool     // rhnreg_ks
		synced        int      // the exit code of rhn-profile-sync
		want, install string
		report        string
	}{
		"a server":                   {"{server: sw.example.com}", nil, false, 1, register + ca, "", ""},
		"all keys":                   {"{server: sw.example.com, proxy: 'http://u:pw-s3cret@proxy:3128', activation_key: 1-key-s3cret}", nil, false, 1, register + " --proxy http://u:pw-s3cret@proxy:3128" + ca + " --activationkey 1-key-s3cret", "", ""},
		"a registered system":        {"{server: sw.example.com, activation_key: 1-key-s3cret}", nil, false, 0, strings.TrimSuffix(sync, "\n"), "", ""},
		"a system that cannot tell":  {"{server: sw.example.com}", nil, false, 2, strings.TrimSuffix(sync, "\n"), "", "error: " + at + "rhn-profile-sync failed with exit code 2: no network"},
		"the program is missing":     {"{server: sw.example.com}", []string{"rhn-setup"}, true, 1, register + ca, "install rhn-setup", ""},
		"no repository has it":       {"{server: sw.example.com}", nil, true, 1, "", "install rhn-setup", "error: " + at + "no repository has the package rhn-setup, which EL8 and later do not have"},
		"no server":                  {"{activation_key: 1-key-s3cret}", nil, false, 1, "", "", "error: user-data:1:12: spacewalk.server: expected a server's name; the system is not registered"},
		"a URL in place of a server": {"{server: 'https://sw.example.com/XMLRPC'}", nil, false, 1, "", "", `error: user-data:1:21: spacewalk.server: "https://sw.example.com/XMLRPC" is not the name of a server: it has neither a scheme nor a path; the system is not registered`},
		"a server that is an option": {"{server: --force}", nil, false, 1, "", "", `error: user-data:1:21: spacewalk.server: "--force" is not the name of a server: it has neither a scheme nor a path; the system is not registered`},
		"a key that is an option":    {"{server: sw.example.com, activation_key: --s3cret}", nil, false, 1, "", "", `error: user-data:1:53: spacewalk.activation_key: the value begins with "-" or holds a control character; the system is not registered`},
		"a proxy of two lines":       {`{server: sw.example.com, proxy: "a\ns3cret"}`, nil, false, 1, "", "", `error: user-data:1:44: spacewalk.proxy: the value begins with "-" or holds a control character; the system is not registered`},
		"nothing":                    {"", nil, false, 1, "", "", ""},
		"no keys":                    {"{}", nil, false, 1, "", "", ""},
		"another key":                {"{server: sw.example.com, activationkey: 1-key-s3cret}", nil, false, 1, register + ca, "", "warning: user-data:1:37: spacewalk.activationkey: unknown key (did you mean activation_key?); it was ignored"},
		"a text":                     {"sw.example.com", nil, false, 1, "", "", "error: user-data:1:12: spacewalk: expected a mapping, got a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "spacewalk: "+row.userData)
			g.env.Instance.Hostname = "vm.example.com"
			manager := &packagestest.Fake{Has: row.has}
			g.env.Packages = manager
			if row.lacks {
				g.Lacks("rhnreg_ks")
			}
			g.Answer("rhn-profile-sync", host.Result{Exit: row.synced, Stderr: "no network\n"}, nil)
			if diff := cmp.Diff(row.report, strings.Join(g.run(t, spacewalk), "\n")); diff != "" {
				t.Errorf("the report (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.want, strings.Join(g.lines(), "\n")); diff != "" {
				t.Errorf("the commands (-want +got):\n%s", diff)
			}
			if got := strings.Join(manager.Calls, "\n"); got != row.install {
				t.Errorf("it asks to %q, want %q", got, row.install)
			}
			g.mustNotShow(t, "s3cret")
		})
	}
}

func TestARegistrationWithSpacewalkThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "spacewalk: {server: sw.example.com, activation_key: 1-key-s3cret}")
	g.Answer("rhn-profile-sync", host.Result{Exit: 1}, nil)
	g.Answer("rhnreg_ks", host.Result{Exit: 255, Stderr: "Error: there is no key 1-key-s3cret\n"}, nil)
	want := []string{"error: user-data:1:12: spacewalk: cannot register the system: rhnreg_ks failed with exit code 255: [redacted]"}
	if got := g.run(t, spacewalk); !slices.Equal(got, want) {
		t.Errorf("it reports %q, want %q", got, want)
	}
	g.mustNotShow(t, "s3cret")

	g = newGuest(t, "spacewalk: {server: sw.example.com}")
	g.Lacks("rhnreg_ks")
	g.env.Packages = &packagestest.Fake{Fail: map[string]error{"install": errors.New("cannot install packages: no mirror answers")}}
	want = []string{"error: user-data:1:12: spacewalk: cannot register the system: cannot install packages: no mirror answers"}
	if got := g.run(t, spacewalk); !slices.Equal(got, want) {
		t.Errorf("it reports %q, want %q", got, want)
	}
}

func TestTheExampleOfSpacewalkIsDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, spacewalk.Example)
	g.env.Instance.Hostname = "vm"
	g.Answer("rhn-profile-sync", host.Result{Exit: 1}, nil)
	g.clean(t, spacewalk)
	want := "rhn-profile-sync --verbose\nrhnreg_ks --serverUrl https://spacewalk.example.com/XMLRPC --profilename vm --sslCACert /usr/share/rhn/RHN-ORG-TRUSTED-SSL-CERT --activationkey 1-servers"
	if got := strings.Join(g.lines(), "\n"); got != want {
		t.Errorf("it runs %s\nwant %s", got, want)
	}
}

func TestAnImageIsNotRegisteredWithSpacewalk(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "spacewalk: {server: sw.example.com}")
	g.env.Host = host.New(g.Dir, host.Options{})
	want := []string{"note: user-data:1:12: spacewalk: an image is not registered: each system that is made of it registers itself"}
	if got := g.run(t, spacewalk); !slices.Equal(got, want) {
		t.Errorf("it reports %q", got)
	}
}
