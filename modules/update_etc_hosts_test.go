package modules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpdateEtcHosts(t *testing.T) {
	t.Parallel()
	const image = "127.0.0.1   localhost localhost.localdomain\n::1         localhost\n# the filer\n192.0.2.9 nfs # ours\n"
	const filled = "# Written by cloud-init at each boot, because manage_etc_hosts is true. Lines of other\n" +
		"# addresses are kept; what is changed in these is lost.\n" +
		"127.0.0.1 web1.example.com web1\n127.0.0.1 localhost.localdomain localhost\n127.0.0.1 localhost4.localdomain4 localhost4\n\n" +
		"::1 web1.example.com web1\n::1 localhost.localdomain localhost\n::1 localhost6.localdomain6 localhost6\n192.0.2.9 nfs # ours\n"
	for name, row := range map[string]struct{ userData, template, before, want, report string }{
		"the built-in template keeps lines of other addresses": {"manage_etc_hosts: true", "", image, filled, ""},
		"yes in an older spelling": {
			"manage_etc_hosts: template", "", image, filled, "deprecated: user-data:2:19: manage_etc_hosts: deprecated since cloud-init 22.2: write true",
		},
		"the administrator's template": {"manage_etc_hosts: 'True'", "## template:jinja\n127.0.1.1 {{fqdn}} {{hostname}}\n", "127.0.1.1 old\n", "127.0.1.1 web1.example.com web1\n", ""},
		"localhost adds one line":      {"manage_etc_hosts: localhost", "", image, "127.0.0.1   localhost localhost.localdomain\n127.0.0.1\tweb1.example.com\tweb1\n::1         localhost\n# the filer\n192.0.2.9 nfs # ours\n", ""},
		"localhost with the line there": {
			"manage_etc_hosts: localhost", "", "127.0.0.1 web1.example.com x web1 # mine\n", "127.0.0.1 web1.example.com x web1 # mine\n", "",
		},
		"localhost in an empty file": {"manage_etc_hosts: localhost", "", "", "127.0.0.1\tweb1.example.com\tweb1\n", ""},
		"no":                         {"manage_etc_hosts: no", "", image, image, ""},
		"neither": {
			"manage_etc_hosts: sometimes", "", image, image, `warning: user-data:2:19: manage_etc_hosts: expected true, false or localhost, got "sometimes"; /etc/hosts is unchanged`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "fqdn: web1.example.com\n"+row.userData)
			g.Put(t, hostsPath, row.before)
			if row.template != "" {
				g.Put(t, "/etc/cloud/templates/hosts.redhat.tmpl", row.template)
			}
			report := ""
			for _, line := range g.run(t, updateEtcHosts) {
				report += line
			}
			if report != row.report {
				t.Errorf("it reports %q, want %q", report, row.report)
			}
			if diff := cmp.Diff(row.want, g.Text(t, hostsPath)); diff != "" {
				t.Error(diff)
			}
			before := len(g.Effects())
			g.run(t, updateEtcHosts)
			if after := g.Effects(); len(after) > before {
				t.Errorf("a second boot changes %+v", after[before:])
			}
		})
	}
}

func TestANameThatIsNoneIsNotWrittenToEtcHosts(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "manage_etc_hosts: true\nfqdn: \"a b\\n192.0.2.1 bank\"\n")
	g.Put(t, hostsPath, "127.0.0.1 localhost\n")
	if err := updateEtcHosts.Run(t.Context(), g.env); err == nil {
		t.Error("there is no error")
	}
	if got := g.Text(t, hostsPath); got != "127.0.0.1 localhost\n" {
		t.Errorf("got %q", got)
	}
}
