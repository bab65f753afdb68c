package modules

import (
	"strings"
	"testing"
)

func TestTimezone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, link, problem string }{
		"a zone becomes the machine's":           {config: "timezone: Europe/Berlin\n", link: "/usr/share/zoneinfo/Europe/Berlin"},
		"a zone that does not exist is an error": {config: "timezone: Europe/Nowhere\n", problem: "error: user-data:1:11: timezone: there is no time zone Europe/Nowhere in /usr/share/zoneinfo; it is unchanged"},
		"a directory is no zone":                 {config: "timezone: Europe\n", problem: "there is no time zone Europe "},
		"a name that leads elsewhere is no zone": {config: "timezone: ../../../etc/passwd\n", problem: "there is no time zone ../../../etc/passwd "},
		"nothing is left as it is":               {config: "timezone:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			g.Put(t, "/usr/share/zoneinfo/Europe/Berlin", "TZif2")
			reports := strings.Join(g.run(t, timezone), "\n")
			if !strings.Contains(reports, test.problem) || (test.problem == "") != (reports == "") {
				t.Errorf("it reports %q, want %q", reports, test.problem)
			}
			if link, err := g.Readlink("/etc/localtime"); link != test.link {
				t.Errorf("/etc/localtime leads to %q, %v", link, err)
			}
		})
	}
}
