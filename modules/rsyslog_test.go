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
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRsyslog(t *testing.T) {
	t.Parallel()
	const file = "/etc/rsyslog.d/20-cloud-config.conf"
	for name, row := range map[string]struct {
		config  string
		files   map[string]string
		reports string
	}{
		"lines of one file are joined": {config: "rsyslog: {configs: ['*.* /a', {content: '*.* /b'}]}\n", files: map[string]string{file: "*.* /a\n*.* /b\n"}},
		"an entry with a file of its own": {
			config: "rsyslog: {configs: [{filename: 10.conf, content: \"a\\n\"}, b, {filename: 10.conf, content: c}]}\n",
			files:  map[string]string{"/etc/rsyslog.d/10.conf": "a\nc\n", file: "b\n"},
		},
		"another directory and file":  {config: "rsyslog: {config_dir: /etc/other, config_filename: x.conf, configs: [a]}\n", files: map[string]string{"/etc/other/x.conf": "a\n"}, reports: "note: user-data:1:70: rsyslog.configs.0: /etc/rsyslog.conf does not include the files of /etc/other; they are written unchecked"},
		"an absolute filename":        {config: "rsyslog: {configs: [{filename: /etc/y.conf, content: a}]}\n", files: map[string]string{"/etc/y.conf": "a\n"}, reports: "does not include the files of /etc; "},
		"the older list":              {config: "rsyslog: [a, {filename: b.conf, content: b}]\nrsyslog_filename: old.conf\nrsyslog_dir: /etc/old\n", files: map[string]string{"/etc/old/old.conf": "a\n", "/etc/old/b.conf": "b\n"}, reports: "a list is deprecated since cloud-init 22.2"},
		"an entry without content":    {config: "rsyslog: {configs: [{filename: a}, b]}\n", files: map[string]string{file: "b\n"}, reports: "warning: user-data:1:21: rsyslog.configs.0: the entry has no content; skipped"},
		"an entry with an empty name": {config: "rsyslog: {configs: [{filename: ' ', content: a}, b]}\n", files: map[string]string{file: "b\n"}, reports: "the entry's filename is empty; skipped"},
		"a filename with an escape":   {config: "rsyslog: {configs: [{filename: \"a\\e[2J.conf\", content: a}]}\n", reports: `the name "a\x1b[2J.conf" holds a control character; the entry is skipped`},
		"nothing is nothing to do":    {config: "rsyslog: {configs: []}\n"},
		"remotes": {
			config: "rsyslog: {remotes: {one: 192.0.2.1, two: '@@[2001:db8::1]:0514', three: 'auth.* @h:10 # comment', none: null}}\n",
			files:  map[string]string{file: "# begin remotes\n*.* @192.0.2.1 # one\n*.* @@[2001:db8::1]:514 # two\nauth.* @h:10 # three\n# end remotes\n"},
		},
		"remotes behind the entries":        {config: "rsyslog: {configs: [a], remotes: {x: h}}\n", files: map[string]string{file: "a\n# begin remotes\n*.* @h # x\n# end remotes\n"}},
		"a remote that is no host":          {config: "rsyslog: {remotes: {x: '2001:db8::1', y: h}}\n", files: map[string]string{file: "# begin remotes\n*.* @h # y\n# end remotes\n"}, reports: "warning: user-data:1:24: rsyslog.remotes.x: expected [@|@@]HOST[:PORT], with an IPv6 address in brackets, got \"2001:db8::1\"; the remote is skipped"},
		"a remote that is two lines":        {config: "rsyslog: {remotes: {x: \"h\\n*.* /etc/passwd\"}}\n", reports: "expected one line; the remote is skipped"},
		"a remote with a port that is none": {config: "rsyslog: {remotes: {x: 'h:99999', y: h}}\n", files: map[string]string{file: "# begin remotes\n*.* @h # y\n# end remotes\n"}, reports: "expected a port of at most 65535, got 99999; the remote is skipped"},
		"a filename that leads out":         {config: "rsyslog: {configs: [{filename: ../cron.d/x, content: a}, b]}\n", files: map[string]string{file: "b\n"}, reports: `the name "../cron.d/x" leads out of its directory; the entry is skipped`},
		"a name of all that leads out":      {config: "rsyslog: {config_filename: ../../tmp/x, configs: [a], remotes: {x: h}}\n", files: map[string]string{file: "a\n# begin remotes\n*.* @h # x\n# end remotes\n"}, reports: "error: user-data:1:28: rsyslog.config_filename: the name \"../../tmp/x\" leads out of its directory; using 20-cloud-config.conf"},
		"an entry that is a list":           {config: "rsyslog: {configs: [[a], {content: [a]}, b]}\n", files: map[string]string{file: "b\n"}, reports: "rsyslog.configs.1.content: expected lines of rsyslog.conf(5), got a list; the entry is skipped"},
		"an entry that is nothing":          {config: "rsyslog: {configs: [~, b]}\n", files: map[string]string{file: "b\n"}, reports: "rsyslog.configs.0: the entry has no content; skipped"},
		"a reload command that is a string": {config: "rsyslog: {configs: [a], service_reload_command: systemctl restart rsyslog}\n", files: map[string]string{file: "a\n"}, reports: "expected auto or the words of a command as a list, got \"systemctl restart rsyslog\"; auto is used"},
		"a remote's name of two lines":      {config: "rsyslog: {remotes: {\"x\\n$IncludeConfig /tmp/x\": h}}\n", reports: "expected one line; the remote is skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.Put(t, "/etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n")
			reports := strings.Join(g.run(t, rsyslog), "\n")
			if !strings.Contains(reports, row.reports) || (reports == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			for file, want := range row.files {
				if got := g.Text(t, file); got != want {
					t.Errorf("%s holds %q, want %q", file, got, want)
				}
			}
			var want []string
			if row.files != nil {
				want = []string{"systemctl try-reload-or-restart rsyslog"}
			}
			if diff := cmp.Diff(want, unchecked(g.Lines()), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRsyslogThatDoesNotReloadIsAWarning(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ config, fails, want string }{
		"by systemd": {"rsyslog: {configs: [a]}\n", "try-reload-or-restart rsyslog", "warning: user-data:1:10: rsyslog: rsyslog has not read its files: cannot reload rsyslog: systemctl failed with exit code 1: no bus"},
		"by the distribution's name of it": {
			"rsyslog: {configs: [a]}\nsystem_info: {rsyslog_svcname: syslogng}\n", "try-reload-or-restart syslogng", "warning: user-data:1:10: rsyslog: rsyslog has not read its files: cannot reload syslogng: systemctl failed with exit code 1: no bus",
		},
		"by a command": {"rsyslog: {configs: [a], service_reload_command: [my, reload]}\n", "nothing", "warning: user-data:1:49: rsyslog.service_reload_command: rsyslog has not read its files: my failed with exit code 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.Answer("systemctl "+row.fails, host.Result{Exit: 1, Stderr: "no bus\n"}, nil)
			g.Answer("my", host.Result{Exit: 4}, nil)
			if got := strings.Join(g.run(t, rsyslog), "\n"); got != row.want {
				t.Errorf("reports %q, want %q", got, row.want)
			}
		})
	}
}

func TestAPasswordOfRsyslogsIsInNoLog(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "rsyslog: {configs: ['*.* action(type=\"ommysql\" pwd=\"hunter2\")']}\n")
	g.clean(t, rsyslog)
	g.mustNotShow(t, "hunter2")
}

func TestRsyslogIsToldOnlyOfChanges(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "rsyslog: {configs: [a], service_reload_command: [my, reload]}\n")
	for range 2 {
		g.clean(t, rsyslog)
	}
	if diff := cmp.Diff([]string{"my reload"}, g.Lines()); diff != "" {
		t.Error(diff)
	}
}

func TestRsyslogIsInstalledWhereItIsMissing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		lacks string
		want  []string
	}{
		"it is missing": {lacks: "rsyslogd", want: []string{"rsyslog", "rsyslog-gnutls"}},
		"it is there":   {lacks: "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "rsyslog: {install_rsyslog: true, packages: [rsyslog, rsyslog-gnutls], configs: [a]}\n")
			g.Lacks(row.lacks)
			p := installer(g)
			g.clean(t, rsyslog)
			if diff := cmp.Diff(row.want, p.names()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRsyslogdChecksTheFiles has the real rsyslogd check what is written.
func TestRsyslogdChecksTheFiles(t *testing.T) {
	t.Parallel()
	needs.Root(t) // rsyslogd is in /usr/sbin
	needs.Programs(t, "rsyslogd")
	for name, row := range map[string]struct{ configs, there, want, reports string }{
		"it accepts them": {configs: "['*.* /var/log/all.log']", want: "*.* /var/log/all.log\n"},
		"it refuses one": {
			configs: "['bogus( x']",
			reports: "error: user-data:1:21: rsyslog.configs.0: rsyslogd refuses it: error during parsing file /etc/rsyslog.d/20-cloud-config.conf, on or before line 1: ",
		},
		"one that it refuses stops no other": {
			configs: "['*.* /a', '*.* action(type=\"omfile\" fiel=\"/b\")', '*.* /c'], remotes: {x: h}", want: "*.* /a\n*.* /c\n# begin remotes\n*.* @h # x\n# end remotes\n",
			reports: "rsyslog.configs.1: rsyslogd refuses it: error during parsing file /etc/rsyslog.d/20-cloud-config.conf, on or before line 2: ",
		},
		"what another file defines is used":       {configs: "['*.* /var/log/all.log;mine']", want: "*.* /var/log/all.log;mine\n"},
		"an entry may begin what another ends":    {configs: "['if $msg contains \"x\" then {', '  stop', '}']", want: "if $msg contains \"x\" then {\n  stop\n}\n"},
		"a file may use what a later one defines": {configs: "[{filename: 50.conf, content: '$template late,\"%msg%\"'}, '$template early,\"%msg%\"', {filename: 50.conf, content: '*.* /e;early'}]", want: "$template early,\"%msg%\"\n"},
		"what it refused before is not their fault": {
			configs: "['*.* /a']", there: "bogus( x\n", want: "*.* /a\n",
			reports: "warning: user-data:1:10: rsyslog: rsyslogd refuses the configuration that it has: error during parsing file /etc/rsyslog.d/50.conf",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			g := newGuest(t, "rsyslog: {configs: "+row.configs+"}\n")
			if row.there != "" {
				g.Put(t, "/etc/rsyslog.d/50.conf", row.there)
			}
			g.Put(t, "/etc/rsyslog.conf", "module(load=\"imuxsock\")\n$template mine,\"%msg%\\n\"\n$IncludeConfig /etc/rsyslog.d/*.conf\n*.* /var/log/messages\n")
			g.Reply("rsyslogd", func(c host.Command) host.Result {
				// The same files in a directory of this machine, since the guest's root is not ours.
				const candidates = "/etc/.candidates.cloudseed~"
				if err := os.RemoveAll(filepath.Join(dir, "d")); err != nil {
					t.Error(err)
				}
				for _, file := range []string{"rsyslog.conf", "d/20-cloud-config.conf", "d/50.conf"} {
					if g.Exists(candidates + "/" + file) {
						write(filepath.Join(dir, file), strings.ReplaceAll(g.Text(t, candidates+"/"+file), candidates, dir))
					}
				}
				out, err := exec.CommandContext(t.Context(), "rsyslogd", "-N1", "-f", filepath.Join(dir, "rsyslog.conf")).CombinedOutput()
				if err != nil {
					return host.Result{Exit: 1, Stderr: strings.ReplaceAll(string(out), dir, candidates)}
				}
				return host.Result{}
			})
			reports := strings.Join(g.run(t, rsyslog), "\n")
			if !strings.Contains(reports, row.reports) || (reports == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			if got := g.Exists("/etc/rsyslog.d/20-cloud-config.conf"); got != (row.want != "") {
				t.Errorf("written: %t", got)
			} else if got && g.Text(t, "/etc/rsyslog.d/20-cloud-config.conf") != row.want {
				t.Errorf("written is %q, want %q", g.Text(t, "/etc/rsyslog.d/20-cloud-config.conf"), row.want)
			}
			if left, err := g.Glob("/etc/.candidates*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}
