package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
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
		"a service like an option is refused": {config: "ntp: {servers: [s], config: {service_name: --now}}\n", want: chrony("server s iburst"), reports: `"--now" is not the name of a systemd unit; the client's own is used`},
		"a client that is not known": {
			config: "ntp: {servers: [s], ntp_client: chronny}\n", want: chrony("server s iburst"),
			reports: `error: user-data:1:33: ntp.ntp_client: no such client: chronny (did you mean chrony?); another needs confpath, check_exe, packages, service_name and template in ntp.config; auto is used`,
		},
		"a client that the configuration describes": {
			config: "ntp:\n  ntp_client: myntp\n  servers: [s]\n  config: {confpath: /etc/myntp.conf, check_exe: myntpd, packages: [myntp], service_name: myntpd, template: \"## template:jinja\\nuse {{servers[0]}}\\n\"}\n",
			lacks:  []string{"myntpd"}, file: "/etc/myntp.conf", service: "myntpd", want: []string{"use s"}, installs: []string{"myntp"},
		},
		"the client that the system prefers": {
			config: "ntp: {servers: [s]}\nsystem_info: {ntp_client: systemd-timesyncd}\n", file: "/etc/systemd/timesyncd.conf.d/cloud-init.conf", service: "systemd-timesyncd", want: []string{"[Time]", "NTP=s"},
		},
		"a distribution without a zone": {config: "ntp:\n", distribution: "ol", want: chrony("pool 0.pool.ntp.org iburst", "pool 1.pool.ntp.org iburst", "pool 2.pool.ntp.org iburst", "pool 3.pool.ntp.org iburst")},
		"a server that is nothing":      {config: "ntp: {servers: [~, s, [x]]}\n", want: chrony("server s iburst"), reports: "ntp.servers.2: expected"},
		"a path that leads out":         {config: "ntp: {servers: [s], config: {confpath: /etc/../root/x}}\n", want: chrony("server s iburst"), reports: `"/etc/../root/x" has ".." in it; the client's own is used`},
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

// unchecked are commands without those that check a file.
func unchecked(lines []string) []string {
	return slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "chronyd -p ") || strings.HasPrefix(l, "rsyslogd -N1 ")
	})
}

func TestAClientIsEnabledWhereItIsNot(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		unit bool
		want []string
	}{
		"it is disabled":        {unit: true, want: []string{"systemctl enable chronyd", "systemctl reload-or-restart chronyd"}},
		"it has no unit at all": {want: []string{"systemctl reload-or-restart chronyd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "ntp: {servers: [s]}\n")
			if row.unit {
				g.Put(t, "/usr/lib/systemd/system/chronyd.service", "[Install]\nWantedBy=multi-user.target\n")
			}
			g.clean(t, ntp)
			if diff := cmp.Diff(row.want, unchecked(g.Lines())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAClientThatCannotBeInstalledHasItsFile(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		has  []string
		want string
	}{
		"no repository has it":        {nil, "cannot install ntp: no repository has [ntpsec]"},
		"EL7 has it by an older name": {[]string{"ntp"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "ntp: {ntp_client: ntp, servers: [s]}\n")
			g.Lacks("ntpd")
			g.env.Packages = &packagestest.Fake{Has: row.has}
			got := ""
			if err := ntp.Run(t.Context(), g.env); err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("the error is %q, want %q", got, row.want)
			}
			if !strings.Contains(g.Text(t, "/etc/ntp.conf"), "\nserver s iburst\n") {
				t.Error("the file is not written")
			}
			if started := len(g.Lines()) > 0; started != (row.want == "") {
				t.Errorf("run: %q", g.Lines())
			}
		})
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
		"of a wrong one":           {"ntp:\n  servers: [a]\n  config: {template: 'nonsense here'}\n", "error: user-data:3:22: ntp.config.template: /etc/chrony.conf is not written: chronyd refuses it: Invalid directive at line 1 in file /etc/chrony.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.Reply("chronyd", func(c host.Command) host.Result { // the guest's root is not ours
				copied := filepath.Join(t.TempDir(), "chrony.conf")
				if err := os.WriteFile(copied, []byte(g.Text(t, c.Argv[3])), 0o644); err != nil {
					t.Error(err)
				}
				var said strings.Builder
				program := exec.CommandContext(t.Context(), "chronyd", c.Argv[1], c.Argv[2], copied)
				program.Stderr = &said
				if err := program.Run(); err != nil {
					return host.Result{Exit: 1, Stderr: strings.ReplaceAll(said.String(), copied, c.Argv[3])}
				}
				return host.Result{}
			})
			reports := strings.Join(g.run(t, ntp), "\n")
			if reports != row.reports {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			if g.Exists("/etc/chrony.conf.dist") {
				t.Error("a file that was not there was kept")
			}
			if loaded := slices.Contains(g.Lines(), "systemctl reload-or-restart chronyd"); loaded != (row.reports == "") {
				t.Errorf("chronyd was told: %t", loaded)
			}
			if g.Exists("/etc/chrony.conf") != (row.reports == "") {
				t.Error("it was written though it is refused, or the other way round")
			}
		})
	}
}
