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
		"another directory and file":  {config: "rsyslog: {config_dir: /etc/other, config_filename: x.conf, configs: [a]}\n", files: map[string]string{"/etc/other/x.conf": "a\n"}},
		"an absolute filename":        {config: "rsyslog: {configs: [{filename: /etc/y.conf, content: a}]}\n", files: map[string]string{"/etc/y.conf": "a\n"}},
		"the older list":              {config: "rsyslog: [a, {filename: b.conf, content: b}]\nrsyslog_filename: old.conf\nrsyslog_dir: /etc/old\n", files: map[string]string{"/etc/old/old.conf": "a\n", "/etc/old/b.conf": "b\n"}, reports: "a list is deprecated since cloud-init 22.2"},
		"an entry without content":    {config: "rsyslog: {configs: [{filename: a}, b]}\n", files: map[string]string{file: "b\n"}, reports: "warning: user-data:1:21: rsyslog.configs.0: the entry has no content; skipped"},
		"an entry with an empty name": {config: "rsyslog: {configs: [{filename: ' ', content: a}, b]}\n", files: map[string]string{file: "b\n"}, reports: "the entry's filename is empty; skipped"},
		"a filename with an escape":   {config: "rsyslog: {configs: [{filename: \"a\\e[2J.conf\", content: a}]}\n", reports: "the filename holds a control character; the entry is skipped"},
		"nothing is nothing to do":    {config: "rsyslog: {configs: []}\n"},
		"remotes": {
			config: "rsyslog: {remotes: {one: 192.0.2.1, two: '@@[2001:db8::1]:0514', three: 'auth.* @h:10 # comment', none: null}}\n",
			files:  map[string]string{file: "# begin remotes\n*.* @192.0.2.1 # one\n*.* @@[2001:db8::1]:514 # two\nauth.* @h:10 # three\n# end remotes\n"},
		},
		"remotes behind the entries":   {config: "rsyslog: {configs: [a], remotes: {x: h}}\n", files: map[string]string{file: "a\n# begin remotes\n*.* @h # x\n# end remotes\n"}},
		"a remote that is no host":     {config: "rsyslog: {remotes: {x: '2001:db8::1', y: h}}\n", files: map[string]string{file: "# begin remotes\n*.* @h # y\n# end remotes\n"}, reports: "warning: user-data:1:24: rsyslog.remotes.x: expected [@|@@]HOST[:PORT], with an IPv6 address in brackets, got \"2001:db8::1\"; the remote is skipped"},
		"a remote that is two lines":   {config: "rsyslog: {remotes: {x: \"h\\n*.* /etc/passwd\"}}\n", reports: "expected one line; the remote is skipped"},
		"a remote's name of two lines": {config: "rsyslog: {remotes: {\"x\\n$IncludeConfig /tmp/x\": h}}\n", reports: "expected one line; the remote is skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
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
			if diff := cmp.Diff(want, g.Lines()); diff != "" {
				t.Error(diff)
			}
		})
	}
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
	for name, row := range map[string]struct{ content, reports string }{
		"it accepts them":                   {`*.* /var/log/all.log`, ""},
		"it refuses one":                    {`bogus( x`, "is not written: rsyslogd refuses it: error during parsing file "},
		"what another file defines is used": {`*.* /var/log/all.log;mine`, ""},
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
			g := newGuest(t, "rsyslog: {configs: ['"+row.content+"']}\n")
			g.Put(t, "/etc/rsyslog.conf", "module(load=\"imuxsock\")\n$template mine,\"%msg%\\n\"\n$IncludeConfig /etc/rsyslog.d/*.conf\n")
			g.Reply("rsyslogd", func(c host.Command) host.Result {
				// The same files in a directory of this machine, since the guest's root is not ours.
				for _, file := range []string{"rsyslog.conf", "d/20-cloud-config.conf"} {
					text := g.Text(t, "/run/cloud-init/rsyslog.check/"+file)
					write(filepath.Join(dir, file), strings.ReplaceAll(text, "/run/cloud-init/rsyslog.check", dir))
				}
				out, err := exec.CommandContext(t.Context(), "rsyslogd", "-N1", "-f", filepath.Join(dir, "rsyslog.conf")).CombinedOutput()
				if err != nil {
					return host.Result{Exit: 1, Stderr: string(out)}
				}
				return host.Result{}
			})
			reports := strings.Join(g.run(t, rsyslog), "\n")
			if !strings.Contains(reports, row.reports) || (reports == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			if got := g.Exists("/etc/rsyslog.d/20-cloud-config.conf"); got != (row.reports == "") {
				t.Errorf("written: %t", got)
			}
			if left, err := g.Glob("/run/cloud-init/*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}
