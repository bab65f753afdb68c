package script_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/script"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// shells are those that guests have as /bin/sh: bash on the RHEL family, which is in POSIX
// mode by that name, and dash.
func shells(t *testing.T) []string {
	t.Helper()
	found := []string{"/bin/sh"}
	for _, name := range []string{"bash", "dash"} {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Logf("LEFT OUT: no %s here", name)
			continue
		}
		sh := filepath.Join(t.TempDir(), "sh")
		if err := os.Symlink(program, sh); err != nil {
			t.Fatal(err)
		}
		found = append(found, sh)
	}
	return found
}

// ran is what a script did.
type ran struct {
	Exit    int
	Output  string
	Outcome script.Outcome
}

// run runs a script; as it is, if plain.
func run(t *testing.T, s script.Script, plain bool) ran {
	t.Helper()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	h := host.New("/", host.Options{Output: func() (stdout, stderr *os.File) { return out, out }})
	s.File = filepath.Join(dir, "it's.sh")
	var r ran
	var result host.Result
	if plain {
		if err := os.WriteFile(s.File, []byte(s.Text()), 0o600); err != nil {
			t.Fatal(err)
		}
		result, err = h.Run(t.Context(), host.Command{Argv: []string{s.Shell, s.File}, Pass: true})
	} else {
		result, r.Outcome, err = s.Run(t.Context(), h)
		for _, file := range []string{s.File, s.File + script.Ended} {
			if h.Exists(file) {
				t.Errorf("%s is left", file)
			}
		}
	}
	if exit := (*host.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	r.Exit, r.Output = result.Exit, strings.ReplaceAll(string(data), dir, "DIR")
	return r
}

func outcome(at int, failed ...script.Failure) script.Outcome {
	return script.Outcome{At: at, Failed: failed, PlainAt: -1}
}

func plainly(entry int, why string) script.Outcome {
	return script.Outcome{At: -1, Plain: why, PlainAt: entry}
}

// These scripts look at all that a mark between two entries could change.
var scripts = map[string]struct {
	entries []string
	want    script.Outcome
}{
	"all is well":                            {[]string{"true", "echo a"}, outcome(2)},
	"one fails, and the script goes on":      {[]string{"false", "echo $?", "true", "echo $?"}, outcome(4, script.Failure{0, 1})},
	"the last one fails":                     {[]string{"true", "ls /nonexistent"}, outcome(2, script.Failure{1, 2})},
	"a program is missing":                   {[]string{"nosuchcommand", "echo $LINENO", "nosuchcommand"}, outcome(3, script.Failure{0, 127}, script.Failure{2, 127})},
	"set -e ends it":                         {[]string{"set -e", "echo a", "false", "echo never"}, outcome(2)},
	"set -e takes no notice of conditions":   {[]string{"set -e", "false && true", "echo $?", "(exit 3) || echo caught", "if false; then :; fi", "! true", "echo $?"}, outcome(7, script.Failure{1, 1}, script.Failure{5, 1})},
	"set -e in a substitution":               {[]string{"set -e", "a=$(exit 9) || echo $?", "a=$(exit 9)", "echo never"}, outcome(2)},
	"set -x shows the script's own commands": {[]string{"set -x", "echo a", "false", "echo $?"}, outcome(4, script.Failure{2, 1})},
	"set -u":                                 {[]string{"set -u", "echo a", "echo $unset", "echo never"}, outcome(2)},
	"exit":                                   {[]string{"exit 4", "echo never"}, outcome(0)},
	"exit without an error":                  {[]string{"echo a", "exit 0", "echo never"}, outcome(1)},
	"exec of another program":                {[]string{"exec echo a", "echo never"}, outcome(0)},
	"exec of other output":                   {[]string{"exec >/dev/null 2>&1", "echo a", "false"}, outcome(3, script.Failure{2, 1})},
	"output that is closed":                  {[]string{"exec 2>&-", "ls /nonexistent", "echo a"}, outcome(3, script.Failure{1, 2})},
	"a signal":                               {[]string{"kill -TERM $$", "echo never"}, outcome(0)},
	"the directory and variables":            {[]string{"cd /", "a='b c'", "echo \"$a\"", "pwd"}, outcome(4)},
	"functions":                              {[]string{"f() { return 7; }", "f", "echo $?"}, outcome(3, script.Failure{1, 7})},
	"a function of the name echo":            {[]string{"echo() { printf 'mine %s\\n' \"$*\"; }", "echo a", "false", "echo b"}, outcome(4, script.Failure{2, 1})},
	"positional parameters":                  {[]string{"set -- a b c", "shift", "echo $# $1"}, outcome(3)},
	"the last argument":                      {[]string{"echo DIR/x", "echo \"${_-}\"", "false", "echo \"${_-}\""}, outcome(4, script.Failure{2, 1})},
	"a program in the background":            {[]string{"sleep 0 &", "wait $!", "echo $?", "echo \"${!:+set}\""}, outcome(4)},
	"a trap at the end":                      {[]string{"trap 'echo bye $?' EXIT", "false"}, outcome(2, script.Failure{1, 1})},
	"a trap at the end, by set -e":           {[]string{"trap 'echo bye $?' EXIT", "set -e", "false", "echo never"}, outcome(2)},
	"a trap for errors":                      {[]string{"trap 'echo ERR $?' ERR 2>/dev/null || true", "false", "true", "(exit 3)"}, outcome(4, script.Failure{1, 1}, script.Failure{3, 3})},
	"a here-document":                        {[]string{"cat <<EOF\na\nEOF", "cat <<'x y'\n$b\nx y"}, outcome(2)},
	"a construct of several lines":           {[]string{"for i in 1 2; do\n  echo $i\ndone", "case a in\n a) false;;\nesac", "echo $?"}, outcome(3, script.Failure{1, 1})},
	"several commands in one entry":          {[]string{"false\ntrue", "true\nfalse"}, outcome(2, script.Failure{1, 1})},
	"comments and nothing":                   {[]string{"# a", "false", "# b\n  # c", "", "  echo $? # d"}, outcome(5, script.Failure{1, 1})},
	"nothing but comments":                   {[]string{"# a", ""}, outcome(2)},
	"comments at its end":                    {[]string{"false", "# a"}, outcome(2, script.Failure{0, 1})},
	"no entry":                               {nil, outcome(0)},
	"other separators, no patterns":          {[]string{"IFS=12", "set -f", "false", "echo * $?"}, outcome(4, script.Failure{2, 1})},
	"variables that are exported":            {[]string{"set -a", "A=1", "env | grep -c ^A="}, outcome(3)},
	"files that are not overwritten":         {[]string{"set -C", "false", "echo a"}, outcome(3, script.Failure{1, 1})},
	"an alias":                               {[]string{"alias ll='echo aliased'", "ll x || true"}, outcome(2)},
	"standard input":                         {[]string{"read -r a || echo none", "echo $a"}, outcome(2)},
	"few files":                              {[]string{"umask 077", "ulimit -n 20", "false", "echo a"}, outcome(4, script.Failure{2, 1})},
	"what looks like a mark":                 {[]string{"echo '1 1'", "echo 0 7 >&2"}, outcome(2)},

	"a here-document over entries":     {[]string{"cat <<EOF", "a", "EOF", "false"}, plainly(0, "it is not a whole command by itself")},
	"a quote over entries":             {[]string{"true", "echo 'a", "b'"}, plainly(1, "it is not a whole command by itself")},
	"a construct over entries":         {[]string{"if true; then", "echo a", "fi"}, plainly(0, "it is not a whole command by itself")},
	"a line that goes on":              {[]string{`echo a \`, "b"}, plainly(0, "it is not a whole command by itself")},
	"an operator at the end":           {[]string{"false ||", "echo b"}, plainly(0, "it is not a whole command by itself")},
	"a mistake":                        {[]string{"echo a", "echo b)", "echo c"}, plainly(1, "it is not a whole command by itself")},
	"braces the wrong way round":       {[]string{"echo a", "}; echo b; {", "echo c"}, plainly(1, "it is not a whole command by itself")},
	"a trap that sees all commands":    {[]string{"trap 'echo x' DEBUG", "true"}, plainly(0, "it uses DEBUG")},
	"a script that is shown as it is":  {[]string{"set -ev", "true"}, plainly(0, "it uses set -ev")},
	"a script that knows its own name": {[]string{"true", `basename "$0"`}, plainly(1, "it uses $0")},
}

func TestAScriptDoesTheSameWithMarks(t *testing.T) {
	t.Parallel()
	for _, shell := range shells(t) {
		for name, row := range scripts {
			t.Run(name+" in "+filepath.Base(filepath.Dir(shell)), func(t *testing.T) {
				t.Parallel()
				s := script.Script{Entries: row.entries, Shell: shell}
				got, want := run(t, s, false), run(t, s, true)
				want.Outcome = row.want
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-plain +marked):\n%s", diff)
				}
			})
		}
	}
}

func TestAScriptStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	for _, shell := range shells(t) {
		for name, row := range map[string]struct {
			entries []string
			want    ran
		}{
			"none":                           {[]string{"echo a", "true"}, ran{Output: "a\n", Outcome: outcome(2)}},
			"the first":                      {[]string{"echo a; (exit 7)", "echo never"}, ran{7, "a\n", outcome(0)}},
			"one that a condition hides":     {[]string{"set -e", "false && true", "echo never"}, ran{1, "", outcome(1)}},
			"one before comments":            {[]string{"false", "# a", "echo never"}, ran{1, "", outcome(0)}},
			"the last":                       {[]string{"echo a", "(exit 7)"}, ran{7, "a\n", outcome(1)}},
			"the end's trap still runs":      {[]string{"trap 'echo bye $? >&2' EXIT", "(exit 7)", "echo never"}, ran{7, "bye 7\n", outcome(1)}},
			"a failure in the middle of one": {[]string{"false\necho a", "echo b"}, ran{0, "a\nb\n", outcome(2)}},
		} {
			t.Run(name+" in "+filepath.Base(filepath.Dir(shell)), func(t *testing.T) {
				t.Parallel()
				got := run(t, script.Script{Entries: row.entries, Shell: shell, Stop: true}, false)
				if diff := cmp.Diff(row.want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}
