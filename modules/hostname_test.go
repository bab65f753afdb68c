package modules

import (
	"strings"
	"testing"

	"cloudseed/host/hosttest"
)

func TestSetHostname(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	domain := strings.Repeat("long.", 12) + "example.com"
	tests := []struct {
		name, userData string
		metadata       string
		system         string // what /etc/hostname has before
		hosts          string
		want           string // what it has after
		set            string // fqdn and hostname of data/set-hostname; "" if there is no such file
		reports        string
	}{
		{name: "a bare name of the metadata is the name", metadata: "abc123", want: "abc123", set: "abc123 abc123"},
		{name: "a name of the metadata with its domain is taken whole", metadata: "a.example.com", want: "a.example.com", set: "a.example.com a"},
		{name: "localdomain is no domain", metadata: "a.localdomain", want: "a", set: "a a"},
		{name: "an address becomes a name", metadata: "10.1.2.3", want: "ip-10-1-2-3", set: "ip-10-1-2-3 ip-10-1-2-3"},
		{
			name: "the short name is taken if it is preferred", metadata: "a.example.com", userData: "prefer_fqdn_over_hostname: false\n",
			want: "a", set: "a.example.com a",
		},
		{name: "fqdn wins over the metadata", metadata: "a.example.com", userData: "fqdn: b.example.org\n", want: "b.example.org", set: "b.example.org b"},
		{
			name: "hostname is the short name beside fqdn", userData: "fqdn: b.example.org\nhostname: c\nprefer_fqdn_over_hostname: false\n",
			want: "c", set: "b.example.org c",
		},
		{name: "a hostname with a dot is both", userData: "hostname: b.example.org\n", want: "b.example.org", set: "b.example.org b"},
		{name: "a hostname wins over a bare name of the metadata", metadata: "a", userData: "hostname: b\n", want: "b", set: "b b"},
		{name: "a hostname gets the metadata's name with a domain as its fqdn", metadata: "a.example.com", userData: "hostname: b\n", want: "a.example.com", set: "a.example.com b"},
		{name: "a hostname wins over the system's old name", userData: "hostname: b\n", system: "old.example.com", want: "b", set: "b b"},
		{
			name: "a hostname that the system has already keeps its domain", userData: "hostname: b\n", system: "b",
			hosts: "127.0.1.1 b.example.com b # this\n", want: "b.example.com", set: "b.example.com b",
		},
		{name: "a number is a name", userData: "hostname: 007\n", want: "007", set: "007 007"},
		{name: "spaces around a name are none of it", userData: "hostname: ' b '\n", want: "b", set: "b b"},
		{name: "the dot at the end of a name is DNS's", userData: "fqdn: b.example.org.\n", want: "b.example.org", set: "b.example.org. b"},
		{name: "nothing given, the system's name stays", system: "mine", want: "mine", set: "mine mine"},
		{name: "nothing given and no name, DHCP may still give one", system: "localhost", want: "localhost"},
		{name: "the default of old systems is no name either", system: "localhost.localdomain", want: "localhost.localdomain"},
		{name: "the name may be preserved", metadata: "a", userData: "preserve_hostname: 'true'\n", system: "mine", want: "mine"},
		{name: "the name may be skipped of /etc/hostname", metadata: "a", userData: "create_hostname_file: false\n", system: "mine", want: "mine", set: "a a"},
		{
			name: "a full name that is too long gives way to the short one", metadata: "a." + domain, want: "a", set: "a." + domain + " a",
			reports: `warning: the hostname of the seed's metadata: "a.long.long.long.long.long.long.long.lon…" has 73 characters, and a hostname can have 64; the short name a is used`,
		},
		{
			name: "a name that is far too long is refused", userData: "# named\nhostname: " + long + "\n", system: "mine", want: "mine",
			reports: `error: user-data:2:11: hostname: "` + long[:40] + `…" has 300 characters, and a hostname can have 64; the hostname was unchanged`,
		},
		{
			name: "so is one of the metadata", metadata: long, system: "mine", want: "mine",
			reports: `error: the hostname of the seed's metadata: "` + long[:40] + `…" has 300 characters, and a hostname can have 64; the hostname was unchanged`,
		},
		{
			name: "a character that no hostname has is refused", userData: "fqdn: büro.example.com\n", system: "mine", want: "mine",
			reports: `error: user-data:1:7: fqdn: "büro.example.com" has the character 'ü', and a hostname can have letters a to z, digits, '-', '_' and '.'; the hostname was unchanged`,
		},
		{
			name: "a line break is refused", userData: "hostname: \"a\\nb\"\n", system: "mine", want: "mine",
			reports: `error: user-data:1:11: hostname: "a\nb" has the character '\n', and a hostname can have letters a to z, digits, '-', '_' and '.'; the hostname was unchanged`,
		},
		{
			name: "a dot beside a dot is refused", metadata: "a..b", system: "mine", want: "mine",
			reports: `error: the hostname of the seed's metadata: "a..b" has an empty part beside a dot; the hostname was unchanged`,
		},
		{
			name: "a dash at an end is refused", userData: "fqdn: a.-b\nhostname: c\n", system: "mine", want: "mine",
			reports: `error: user-data:1:7: fqdn: "a.-b" has a part that begins or ends with '-'; the hostname was unchanged`,
		},
		{
			name: "the key of the name that was chosen is named", userData: "fqdn: a.b\nhostname: -c\nprefer_fqdn_over_hostname: false\n", system: "mine", want: "mine",
			reports: `error: user-data:2:11: hostname: "-c" has a part that begins or ends with '-'; the hostname was unchanged`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			if test.system != "" {
				m.Put(t, "/etc/hostname", test.system+"\n")
			}
			m.Put(t, "/etc/hosts", "127.0.0.1 localhost localhost.localdomain\n"+test.hosts)
			e := configured(t, m, test.userData)
			e.Instance.Hostname = test.metadata
			same(t, "the report", outcome(t, setHostname, e), test.reports)
			same(t, "/etc/hostname", m.Text(t, "/etc/hostname"), test.want+"\n")
			if test.set == "" {
				if m.Exists("/var/lib/cloud/data/set-hostname") {
					t.Error("a name is noted as set")
				}
				return
			}
			fqdn, hostname, _ := strings.Cut(test.set, " ")
			same(t, "set-hostname", m.Text(t, "/var/lib/cloud/data/set-hostname"),
				"{\n \"fqdn\": \""+fqdn+"\",\n \"hostname\": \""+hostname+"\"\n}\n")
		})
	}
}

func TestSetHostnameSetsAnUnchangedNameOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	e := configured(t, m, "hostname: a\n")
	same(t, "the report", outcome(t, setHostname, e), "")
	m.Put(t, "/etc/hostname", "mine\n")
	same(t, "the second report", outcome(t, setHostname, e), "")
	same(t, "/etc/hostname", m.Text(t, "/etc/hostname"), "mine\n")
	m.Put(t, "/var/lib/cloud/data/set-hostname", "{ half a fi")
	same(t, "the third report", outcome(t, setHostname, e), "")
	same(t, "/etc/hostname", m.Text(t, "/etc/hostname"), "a\n")
}

func TestUpdateHostname(t *testing.T) {
	t.Parallel()
	const previousFile = "/var/lib/cloud/data/previous-hostname"
	tests := []struct {
		name, userData          string
		previous, current, seed string
		want, wantPrevious      string
		reports                 string
	}{
		{name: "the first boot notes the name and sets none", current: "a", seed: "a", want: "a", wantPrevious: "a"},
		{name: "the first boot sets none even if it differs", current: "mine", seed: "a", want: "mine", wantPrevious: "a"},
		{name: "a name that changed in the seed is followed", previous: "a", current: "a", seed: "b.example.com", want: "b.example.com", wantPrevious: "b.example.com"},
		{name: "a name that was changed in the guest stays", previous: "a", current: "mine", seed: "b", want: "mine", wantPrevious: "a"},
		{name: "a power cut before the name was noted is made good", previous: "a", current: "b", seed: "b", want: "b", wantPrevious: "b"},
		{name: "a name may be preserved", userData: "preserve_hostname: true\n", previous: "a", current: "a", seed: "b", want: "a", wantPrevious: "a"},
		{name: "the default is not spread", previous: "a", current: "localhost", want: "localhost", wantPrevious: "a"},
		{name: "a short name is chosen as set_hostname does", userData: "prefer_fqdn_over_hostname: 0\n", previous: "a", current: "a", seed: "b.c", want: "b", wantPrevious: "b"},
		{
			name: "a name that nobody can have is not set", userData: "hostname: b c\n", previous: "a", current: "a", want: "a", wantPrevious: "a",
			reports: `error: user-data:1:11: hostname: "b c" has the character ' ', and a hostname can have letters a to z, digits, '-', '_' and '.'; the hostname was unchanged`,
		},
		{
			name:     "a full name that is too long is not reported at each boot",
			previous: "a", current: "a", seed: "b." + strings.Repeat("x", 64), want: "b", wantPrevious: "b",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, "/etc/hostname", test.current+"\n")
			if test.previous != "" {
				m.Put(t, previousFile, test.previous+"\n")
			}
			e := configured(t, m, test.userData)
			e.Instance.Hostname = test.seed
			same(t, "the report", outcome(t, updateHostname, e), test.reports)
			same(t, "/etc/hostname", m.Text(t, "/etc/hostname"), test.want+"\n")
			same(t, "previous-hostname", m.Text(t, previousFile), test.wantPrevious+"\n")
		})
	}
}

func TestHostnameGiven(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	for userData, want := range map[string]bool{"hostname: a\n": true, "fqdn: a.b\n": true, "hostname:\n": false, "": false} {
		if got := HostnameGiven(configured(t, m, userData)); got != want {
			t.Errorf("%q: %v", userData, got)
		}
	}
	e := configured(t, m, "")
	e.Instance.Hostname = "a"
	if !HostnameGiven(e) {
		t.Error("the metadata has one")
	}
}
