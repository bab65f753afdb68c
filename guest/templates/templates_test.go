package templates_test

import (
	"strings"
	"testing"

	"cloudseed/guest/templates"
	"cloudseed/host/hosttest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		there  []string
		names  []string
		want   string // its path
		begins string
	}{
		"the administrator's own goes first":   {there: []string{"a.rocky", "a.rhel"}, names: []string{"a.rocky", "a.rhel"}, want: "a.rocky", begins: "mine"},
		"a second name, where that is there":   {there: []string{"chrony.conf.rhel"}, names: []string{"chrony.conf.rocky", "chrony.conf.rhel"}, want: "chrony.conf.rhel", begins: "mine"},
		"the built-in one, where none is":      {names: []string{"chrony.conf.rocky", "chrony.conf.rhel"}, want: "chrony.conf.rhel", begins: "## template: jinja\n"},
		"a name that would lead out is a file": {there: []string{"shadow"}, names: []string{"../../shadow"}, want: "shadow", begins: "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			for _, file := range row.there {
				m.Put(t, templates.Dir+"/"+file+".tmpl", "mine")
			}
			got, err := templates.Read(m.Host, row.names...)
			if err != nil || got.Path != templates.Dir+"/"+row.want+".tmpl" || !strings.HasPrefix(got.Text, row.begins) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := templates.Read(hosttest.New(t).Host, "nosuch"); err == nil || err.Error() != "there is no template /etc/cloud/templates/nosuch.tmpl" {
		t.Errorf("got %v", err)
	}
}
