package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// ntpLines are the lines of a file that say something.
func ntpLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// chronyCommon is what each chrony.conf has.
var chronyCommon = []string{"driftfile /var/lib/chrony/drift", "makestep 1.0 3", "rtcsync", "logdir /var/log/chrony"}

func TestNTP(t *testing.T) {
	t.Parallel()
	chrony := func(lines ...string) []string { return append(lines, chronyCommon...) }
	for name, row := range map[string]struct {
		config       string
		distribution string // rhel unless another is named
		lacks        []string
		there        string // the file as the distribution has it
		file         string // /etc/chrony.conf unless another is named
		want         []string
		dist         string
		installs     []string
		service      string // chronyd unless another is named
		reports      string
		nothing      bool
	}{
		"without servers there are four pools": {config: "ntp:\n", want: chrony("pool 0.rhel.pool.ntp.org iburst", "pool 1.rhel.pool.ntp.org iburst", "pool 2.rhel.pool.ntp.org iburst", "pool 3.rhel.pool.ntp.org iburst")},
		"of each distribution":                 {config: "ntp: {}\n", distribution: "rocky", want: chrony("pool 0.rocky.pool.ntp.org iburst", "pool 1.rocky.pool.ntp.org iburst", "pool 2.rocky.pool.ntp.org iburst", "pool 3.rocky.pool.ntp.org iburst")},
		"all keys":                             {config: "ntp: {servers: [s], pools: [p], peers: [q], allow: [192.0.2.0/24]}\n", want: chrony("pool p iburst", "server s iburst", "peer q", "allow 192.0.2.0/24")},
		"one server twice":                     {config: "ntp: {servers: [s, s]}\n", want: chrony("server s iburst")},
		"enabled: false":                       {config: "ntp: {enabled: false, servers: [s]}\n", nothing: true},
		"what matters of the distribution's file is kept": {
			config: "ntp: {servers: [s]}\n", there: "pool 2.rhel.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\nkeyfile /etc/chrony.keys\nleapsectz right/UTC\nntsdumpdir /var/lib/chrony\n",
			want: append(chrony("server s iburst"), "sourcedir /run/chrony-dhcp", "keyfile /etc/chrony.keys", "leapsectz right/UTC", "ntsdumpdir /var/lib/chrony"),
			dist: "pool 2.rhel.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\nkeyfile /etc/chrony.keys\nleapsectz right/UTC\nntsdumpdir /var/lib/chrony\n",
		},
		"a client that is missing is installed": {config: "ntp: {servers: [s]}\n", lacks: []string{"chronyd", "/lib/systemd/systemd-timesyncd", "ntpd", "ntpdate"}, want: chrony("server s iburst"), installs: []string{"chrony"}},
		"the first that is installed": {
			config: "ntp: {servers: [s], pools: [p]}\n", lacks: []string{"chronyd"}, file: "/etc/systemd/timesyncd.conf.d/cloud-init.conf", service: "systemd-timesyncd",
			want: []string{"[Time]", "NTP=s p"},
		},
		"the client that is named": {
			config: "ntp: {ntp_client: ntp, servers: [s], pools: [p], peers: [q]}\n", file: "/etc/ntp.conf", service: "ntpd",
			want: []string{"driftfile /var/lib/ntp/drift", "restrict default kod nomodify notrap nopeer noquery", "restrict -6 default kod nomodify notrap nopeer noquery", "restrict 127.0.0.1", "restrict -6 ::1", "pool p iburst", "server s iburst", "peer q", "includefile /etc/ntp/crypto/pw", "keys /etc/ntp/keys"},
		},
		"a client by the user's own words": {
			config: "ntp:\n  servers: [s, t]\n  config:\n    confpath: /etc/my.conf\n    check_exe: myntpd\n    packages: [myntp]\n    service_name: myntpd\n    template: |\n      ## template:jinja\n      {% for s in servers %}use {{ s }}\n      {% endfor %}\n",
			lacks:  []string{"myntpd"}, file: "/etc/my.conf", service: "myntpd", installs: []string{"myntp"},
			want: []string{"use s", "use t"},
		},
		"a server of two lines is refused":    {config: "ntp: {servers: [\"a\\nallow 0/0\", s]}\n", want: chrony("server s iburst"), reports: `error: user-data:1:17: ntp.servers.0: expected a host or an address, got "a\nallow 0/0"; skipped`},
		"a server with options is refused":    {config: "ntp: {servers: [a key 1, s]}\n", want: chrony("server s iburst"), reports: `expected a host or an address, got "a key 1"; skipped`},
		"a server like an option is refused":  {config: "ntp: {pools: [-x, p]}\n", want: chrony("pool p iburst"), reports: `expected a host or an address, got "-x"; skipped`},
		"a service like an option is refused": {config: "ntp: {servers: [s], config: {service_name: --now}}\n", want: chrony("server s iburst"), reports: `"--now" begins with "-"; the client's own is used`},
		"a client that is not known":          {config: "ntp: {servers: [s], ntp_client: chronny}\n", want: chrony("server s iburst"), reports: "chronny"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.env.Instance.Distribution = "rhel"
			if row.distribution != "" {
				g.env.Instance.Distribution = row.distribution
			}
			g.Lacks(row.lacks...)
			file, unit := "/etc/chrony.conf", "chronyd"
			if row.file != "" {
				file, unit = row.file, row.service
			}
			if row.there != "" {
				g.Put(t, file, row.there)
			}
			p := installer(g)
			reports := strings.Join(g.run(t, ntp), "\n")
			if !strings.Contains(reports, row.reports) || (reports == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			if row.nothing {
				if len(g.Lines()) > 0 || g.Exists(file) {
					t.Errorf("something was done: %q", g.Lines())
				}
				return
			}
			if diff := cmp.Diff(row.want, ntpLines(g.Text(t, file))); diff != "" {
				t.Error(diff)
			}
			if row.dist != "" && g.Text(t, file+".dist") != row.dist || row.dist == "" && g.Exists(file+".dist") {
				t.Error("the distribution's file was not kept, or another was")
			}
			if diff := cmp.Diff(row.installs, p.names()); diff != "" {
				t.Error(diff)
			}
			lines := g.Lines()
			if last := lines[len(lines)-1]; last != "systemctl reload-or-restart "+unit {
				t.Errorf("the last command is %q", last)
			}
		})
	}
}

func TestTheDistributionsFileIsKeptThroughSeveralInstances(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ntp: {servers: [s]}\n")
	g.Put(t, "/etc/chrony.conf", "keyfile /etc/chrony.keys\n")
	for range 3 {
		g.clean(t, ntp)
	}
	if got := g.Text(t, "/etc/chrony.conf.dist"); got != "keyfile /etc/chrony.keys\n" {
		t.Errorf("it holds %q", got)
	}
	if got := ntpLines(g.Text(t, "/etc/chrony.conf")); got[len(got)-1] != "keyfile /etc/chrony.keys" || len(got) != 6 {
		t.Errorf("chrony.conf has %q", got)
	}
}

func TestAnAdministratorsTemplateIsUsed(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"of the distribution": "chrony.conf.rocky.tmpl", "of the family": "chrony.conf.rhel.tmpl"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "ntp: {servers: [s]}\n")
			g.env.Instance.Distribution = "rocky"
			g.Put(t, "/etc/cloud/templates/"+file, "## template:jinja\nserver {{ servers[0] }} prefer\n")
			g.clean(t, ntp)
			if got := g.Text(t, "/etc/chrony.conf"); got != "server s prefer\n" {
				t.Errorf("chrony.conf is %q", got)
			}
		})
	}
}

// TestChronydReadsTheFile has the real chronyd check what is written.
func TestChronydReadsTheFile(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "chronyd")
	for name, row := range map[string]struct{ config, reports string }{
		"of the built-in template": {"ntp: {servers: [192.0.2.1], pools: [p.example], peers: [192.0.2.2], allow: [192.0.2.0/24]}\n", ""},
		"of a wrong one":           {"ntp:\n  servers: [a]\n  config: {template: 'nonsense here'}\n", "Invalid directive at line 1 in file chrony.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.Reply("chronyd", func(c host.Command) host.Result {
				argv := c.Argv
				if len(argv) == 4 { // the guest's root is not ours
					copied := filepath.Join(t.TempDir(), filepath.Base(argv[3]))
					if err := os.WriteFile(copied, []byte(g.Text(t, argv[3])), 0o644); err != nil {
						t.Error(err)
					}
					argv = []string{argv[0], argv[1], argv[2], copied}
				}
				cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
				out, err := cmd.CombinedOutput()
				text := string(out)
				if len(argv) == 4 {
					text = strings.ReplaceAll(text, argv[3], c.Argv[3])
				}
				if err != nil {
					return host.Result{Exit: 1, Stderr: text}
				}
				return host.Result{Stdout: text}
			})
			err := ntp.Run(t.Context(), g.env)
			if (err == nil) != (row.reports == "") || err != nil && !strings.Contains(err.Error(), row.reports) {
				t.Errorf("got %v, want %q", err, row.reports)
			}
			if g.Exists("/etc/chrony.conf") != (row.reports == "") {
				t.Error("it was written though it is refused, or the other way round")
			}
		})
	}
}
