package script

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

// What is in the file of marks is for any script to change.
func TestMarksThatTheScriptChangedAreNoHarm(t *testing.T) {
	t.Parallel()
	s := Script{Entries: []string{"a", "b", "c"}, File: "/run/x.sh"}
	for name, row := range map[string]struct {
		marks string // "": the file is removed
		want  Outcome
	}{
		"nothing was changed":       {"0 1\n1 0\n2 0\n", Outcome{PlainAt: -1, At: 3, Failed: []Failure{{0, 1}}}},
		"removed":                   {"", Outcome{PlainAt: -1, At: -1, Plain: "the script removed x.sh.ended"}},
		"lines that are no marks":   {"x\n0 1\n1\n-1 1\n1 x\n\x00\n", Outcome{PlainAt: -1, At: 1, Failed: []Failure{{0, 1}}}},
		"entries that do not exist": {"0 1\n99 1\n1 0\n", Outcome{PlainAt: -1, At: 2, Failed: []Failure{{0, 1}}}},
		"an entry that came before": {"1 1\n0 1\n1 1\n", Outcome{PlainAt: -1, At: 2, Failed: []Failure{{1, 1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.On("/bin/sh /run/x.sh", func(host.Command) {
				file := filepath.Join(m.Dir, s.File+Ended)
				if row.marks == "" {
					if err := os.Remove(file); err != nil {
						t.Error(err)
					}
				} else {
					m.Put(t, s.File+Ended, row.marks)
				}
			})
			_, got, err := s.Run(t.Context(), m.Host)
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			for _, e := range m.Effects() {
				if e.Kind != host.KindCommand {
					t.Errorf("the change log has %+v", e)
				}
			}
		})
	}
}

func TestAScriptsTextIsWhatCloudInitWrites(t *testing.T) {
	t.Parallel()
	if got, want := (Script{Entries: []string{"a", "", "b\nc"}}).Text(), "#!/bin/sh\na\n\nb\nc\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestACommandOfWordsIsSimple(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]bool{
		"systemctl enable --now httpd": true, "echo 'it is' \"$HOME/x\" > /etc/x": true, "a && b || c | d; e": true,
		"ls /nonexistent 2>&1": true, "A=1 b": true, "[ -f /x ] && rm /x": true, "cat </x >>y": true, "'sh' '-c' 'exit 9'": true,
		"": false, "a &": false, "a;": false, "&& a": false, "a\nb": false, "echo 'a": false, `echo "a`: false, `a \`: false,
		`echo "a\" b`: false, "echo $(a)": false, "echo `a`": false, "a <<EOF": false, "echo ${a}": false, "(a)": false,
		"if a": false, "a; then": false, "while x": false, "done": false, "{ a": false, "! a": false, "a # it's b": true, "a#b": false, "a # b\nc": false, "false # runcmd.0 was skipped: it is not a command": true,
		`echo $'a\'b'`: false, "case x in": false, "[[ a ]]": false, "echo if": false, "f()": false, `echo "$(a)"`: false,
	} {
		if got := isSimple(entry); got != want {
			t.Errorf("%q: %v", entry, got)
		}
	}
}

// A full /run does not keep the user's commands from running.
func TestAScriptWhoseCopyCannotBeWrittenRunsPlainly(t *testing.T) {
	t.Parallel()
	for _, full := range []string{"/run/a.sh", "/run/a.sh" + Ended} {
		m := hosttest.New(t)
		writes := 0
		m.Guard(func(path string) error {
			if path != full {
				return nil
			}
			if writes++; writes == 1 { // what follows removes it
				return syscall.ENOSPC
			}
			return nil
		})
		started := 0
		s := Script{
			Entries: []string{"echo a"}, File: "/run/a.sh", Plainly: []string{"/scripts/a"}, Starting: func() { started++ },
		}
		_, o, err := s.Run(t.Context(), m.Host)
		lines := m.Lines()
		if err != nil || started != 1 || !strings.Contains(o.Plain, "no space left on device") || o.At != -1 || lines[len(lines)-1] != "/scripts/a" {
			t.Errorf("full is %s: %v, %+v, started %d times, ran %q", full, err, o, started, lines)
		}
		if m.Exists("/run/a.sh") {
			t.Error("a part of the copy is left behind")
		}
	}
}
