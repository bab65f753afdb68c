package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/host/hosttest"
)

func TestRuncmdWritesTheScriptThatCloudInitWrites(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, userData, want, reports string }{
		{
			name:     "text is taken as it is",
			userData: "runcmd:\n- echo \"$HOME\" | tee /x\n- 'sed -i ''/^a: /d'' /etc/x; echo ''b'' >> /etc/x'\n",
			want:     "echo \"$HOME\" | tee /x\nsed -i '/^a: /d' /etc/x; echo 'b' >> /etc/x\n",
		},
		{
			name:     "each item of a list is quoted",
			userData: "runcmd:\n- [sh, -c, \"echo 'it is' $HOME\"]\n- [ls, -l, /]\n",
			want:     "'sh' '-c' 'echo '\\''it is'\\'' $HOME'\n'ls' '-l' '/'\n",
		},
		{
			name:     "items that are no text are written as Python writes them",
			userData: "runcmd:\n- [echo, yes, 10, null, 0644]\n",
			want:     "'echo' 'True' '10' 'None' '420'\n",
		},
		{name: "binary items are what they hold", userData: "runcmd:\n- [echo, !!binary aGk=]\n", want: "'echo' 'hi'\n"},
		{name: "an empty entry is skipped", userData: "runcmd:\n- echo a\n-\n- echo b\n", want: "echo a\necho b\n"},
		{name: "an empty list of arguments is an empty line", userData: "runcmd:\n- []\n", want: "\n"},
		{name: "an empty list is a script that does nothing", userData: "runcmd: []\n"},
		{
			name:     "a construct may span entries",
			userData: "runcmd:\n- |-\n  cat > /x <<EOF\n  a\n- EOF\n- if true; then\n- echo yes\n- fi\n",
			want:     "cat > /x <<EOF\na\nEOF\nif true; then\necho yes\nfi\n",
		},
		{
			name:     "an entry that is no command fails in its place and costs no other",
			userData: "runcmd:\n- echo a\n- echo b: c\n- echo d\n- 12\n",
			want:     "echo a\nfalse # runcmd.1 was skipped: it is not a command\necho d\nfalse # runcmd.3 was skipped: it is not a command\n",
			reports: "error: user-data:3:3: runcmd.1: expected a command as a string or a list, got a mapping; it was skipped " +
				"(a command with a colon and a space in it must be quoted)\n" +
				"error: user-data:5:3: runcmd.3: expected a command as a string or a list, got the number 12; it was skipped",
		},
		{
			name: "text in place of the list is one command", userData: "runcmd: |\n  echo a\n  echo b\n", want: "echo a\necho b\n\n",
			reports: "warning: user-data:1:9: runcmd: expected a list of commands, got a string; it was taken as one command",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			same(t, "the report", outcome(t, runcmd, configured(t, m, test.userData)), test.reports)
			same(t, "the script", m.Text(t, "/var/lib/cloud/instance/scripts/runcmd"), "#!/bin/sh\n"+test.want)
			info, err := m.Stat("/var/lib/cloud/instance/scripts/runcmd")
			if err != nil || info.Mode() != 0o700 {
				t.Errorf("the mode is %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestRuncmdThatIsNoListWritesNoScript(t *testing.T) {
	t.Parallel()
	for userData, want := range map[string]string{
		"runcmd: {a: b}\n": "error: user-data:1:9: runcmd: expected a list of commands, got a mapping; none was run",
		"runcmd:\n":        "",
	} {
		m := hosttest.New(t)
		same(t, "the report", outcome(t, runcmd, configured(t, m, userData)), want)
		if m.Exists("/var/lib/cloud/instance/scripts/runcmd") {
			t.Errorf("%q: there is a script", userData)
		}
	}
}

func TestRuncmdsContentIsNotInTheLedger(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	outcome(t, runcmd, configured(t, m, "runcmd:\n- echo root:hunter2 | chpasswd\n"))
	noSecretsIn(t, m, "hunter2")
}

// sh runs a script with a shell of the machine and returns what it prints.
func sh(t *testing.T, shell, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), shell, file)
	command.Dir = t.TempDir()
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return string(out)
}

func TestAScriptRunsAsOne(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, userData, want string }{
		{
			name:     "directories, variables and functions hold in later entries",
			userData: "runcmd:\n- mkdir d && cd d\n- x=1; f() { echo f; }\n- echo \"$(basename \"$PWD\") $x\"\n- [f]\n", want: "d 1\nf\n",
		},
		{
			name:     "a here-document, a quote and a backslash may be left open by an entry",
			userData: "runcmd:\n- cat <<E\n- text\n- E\n- \"echo 'a\"\n- \"b'\"\n- echo a \\\n- b\n", want: "text\na\nb\na b\n",
		},
		{
			name:     "an entry sees the exit code of the one before",
			userData: "runcmd:\n- (exit 7)\n- echo $?\n", want: "7\n",
		},
		{
			name:     "an entry that is no command is a command that fails",
			userData: "runcmd:\n- a: b\n- echo $?\n- if true; then\n- c: d\n- fi\n- echo $?\n", want: "1\n1\n",
		},
		{
			name:     "under set -e nothing runs after an entry that is no command",
			userData: "runcmd:\n- trap 'exit 0' EXIT\n- set -e\n- a: b\n- echo not this\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			outcome(t, runcmd, configured(t, m, test.userData))
			same(t, "the output", sh(t, "/bin/sh", m.Text(t, "/var/lib/cloud/instance/scripts/runcmd")), test.want)
		})
	}
}
