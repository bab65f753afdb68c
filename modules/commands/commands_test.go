package commands_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/modules/commands"
)

// list is a list of commands, and what is found of it.
func list(t *testing.T, content string) (config.Cursor, *config.Findings) {
	t.Helper()
	v, problems, err := yaml.Parse("user-data", []byte(content))
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	findings := new(config.Findings)
	return v.At(findings).Get("runcmd"), findings
}

func told(findings *config.Findings) string {
	var lines []string
	for _, p := range findings.List() {
		lines = append(lines, p.Severity.String()+": "+p.Error())
	}
	return strings.Join(lines, "\n")
}

func TestListsAreOneScript(t *testing.T) {
	t.Parallel()
	for content, row := range map[string]struct {
		is          bool
		script, why string
	}{
		"runcmd: [echo a, [echo, b c, 0644], ~]": {true, "echo a\n'echo' 'b c' '420'\n", ""},
		"runcmd: []":                             {true, "", ""},
		"runcmd:":                                {false, "", ""},
		"runcmd: 'true'":                         {true, "true\n", "warning: user-data:1:9: runcmd: expected a list of commands, got a string; it was taken as one command"},
		"runcmd: 5":                              {false, "", "error: user-data:1:9: runcmd: expected a list of commands, got the number 5; none was run"},
		"runcmd: [{a: b}]":                       {true, "false # runcmd.0 was skipped: it is not a command\n", "error: user-data:1:10: runcmd.0: expected a command as a string or a list, got a mapping; it was skipped (a command with a colon and a space in it must be quoted)"},
	} {
		at, findings := list(t, content)
		commands.Check(at)
		l, is := commands.Read(at)
		if is != row.is || is && l.Text() != "#!/bin/sh\n"+row.script || told(findings) != row.why {
			t.Errorf("%s: %v %q, told %q", content, is, l.Text(), told(findings))
		}
	}
}

func TestTheCommandThatEndsAScriptIsInItsError(t *testing.T) {
	t.Parallel()
	at, findings := list(t, "runcmd:\n- 'false'\n- exit 3\n- echo never\n")
	l, _ := commands.Read(at)
	l.File = "/run/script"
	m := hosttest.New(t)
	m.Reply("/bin/sh", func(c host.Command) host.Result {
		if len(c.Argv) > 1 && c.Argv[1] == l.File {
			m.Put(t, l.File+".ended", "0 1\n")
			return host.Result{Exit: 3}
		}
		return host.Result{}
	})
	_, err := l.Run(t.Context(), m.Host, slog.New(slog.DiscardHandler))
	var ended commands.EndedAt
	if !errors.As(err, &ended) || ended.Command != "runcmd.1 (user-data:3:3)" {
		t.Errorf("%v", err)
	}
	if want := "note: user-data:2:3: runcmd.0: it failed with exit code 1, and the commands after it were run"; told(findings) != want {
		t.Errorf("told %q", told(findings))
	}
	var entries []string
	for _, e := range m.Effects() {
		if e.Kind == host.KindEntry {
			entries = append(entries, e.Value)
		}
	}
	if got := strings.Join(entries, ", "); got != "runcmd.1 (user-data:3:3), runcmd.0 (user-data:2:3)" {
		t.Errorf("the change log has %s", got)
	}
}
