package boot_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/needs"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
)

// withPython gives the guest the Python of the machine that tests run on. The guest's
// paths are given to it as this machine has them.
func withPython(t *testing.T, g *guest) {
	t.Helper()
	needs.Programs(t, "python3")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	g.Reply("python3", func(c host.Command) host.Result {
		var task map[string]any
		if err := json.Unmarshal(c.Stdin.Reveal(), &task); err != nil {
			t.Error(err)
		}
		task["file"] = filepath.Join(g.Dir, task["file"].(string))
		input, err := json.Marshal(task)
		if err != nil {
			t.Error(err)
		}
		cmd := exec.CommandContext(t.Context(), python, filepath.Join(g.Dir, c.Argv[1]))
		cmd.Env = append(os.Environ(), "OUT="+filepath.Join(g.Dir, "said"))
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Error(err)
		}
		return host.Result{Stdout: stdout.String(), Stderr: stderr.String(), Exit: cmd.ProcessState.ExitCode()}
	})
}

// telling is the beginning of a handler that writes what it is given to a file.
const telling = `#part-handler
import os
def say(*what):
    with open(os.environ["OUT"], "a") as f:
        print(*what, file=f)
`

// handlers is user data of parts, each with its type.
func handlers(parts ...string) string {
	text := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n"
	for i := 0; i+1 < len(parts); i += 2 {
		text += "--b\nContent-Type: " + parts[i] + "\nX-Mine: yes\n\n" + parts[i+1] + "\n"
	}
	return text + "--b--\n"
}

func said(t *testing.T, g *guest) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.Dir, "said"))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestPartHandlersOfEachVersionAreCalledAsCloudInitCallsThem(t *testing.T) {
	t.Parallel()
	first := telling + `
def list_types():
    return ["text/x-one", "application/x-one"]
def handle_part(data, ctype, filename, payload):
    say(1, data.get_instance_id(), ctype, filename, repr(payload))
`
	second := telling + `
handler_version = 2
frequency = "always"
def list_types():
    return ["text/x-two"]
def handle_part(data, ctype, filename, payload, frequency):
    say(2, ctype, filename, payload, frequency)
`
	third := telling + `
handler_version = 3
def list_types():
    return ["text/x-three", "text/cloud-config"]
def handle_part(data, ctype, filename, payload, frequency, headers):
    print("printed by the handler")
    say(3, ctype, filename, payload, frequency, headers["Content-Type"], headers.get("X-Mine"))
`
	g := newGuest(t, seed.NoCloud("i-1", handlers(
		"text/part-handler", first, "text/part-handler", second, "text/part-handler", third,
		"text/x-one", "a\xffb", "text/x-two", "two", "text/x-three", "three", "application/x-one", "c", "text/cloud-config", "timezone: taken",
	)))
	withPython(t, g)
	if r := g.boot(t); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("errors %q, warnings %q", r.Errors, r.Warnings)
	}
	want := `1 i-1 __begin__ None None
1 i-1 text/x-one part-004 'a\udcffb'
1 i-1 application/x-one part-007 b'c'
1 i-1 __end__ None None
2 __begin__ None None once-per-instance
2 text/x-two part-005 two once-per-instance
2 __end__ None None once-per-instance
3 __begin__ None None once-per-instance __begin__ None
3 text/x-three part-006 three once-per-instance text/x-three yes
3 text/cloud-config part-008 timezone: taken once-per-instance text/cloud-config yes
3 __end__ None None once-per-instance __end__ None
`
	if diff := cmp.Diff(want, said(t, g)); diff != "" {
		t.Errorf("what handlers were given differs (-want +got):\n%s", diff)
	}
	if !strings.Contains(g.console.String(), "printed by the handler\n") {
		t.Errorf("what a handler prints is not in the output: %q", g.console.String())
	}
	if g.Exists("/etc/localtime") {
		t.Error("a part that a handler took was applied")
	}
	for i, program := range []string{first, second, third} {
		file := state.InstanceDir("i-1") + "/handlers/part-handler-00" + string(rune('0'+i)) + ".py"
		info, err := g.Stat(file)
		if err != nil || info.Mode() != 0o600 || strings.TrimSpace(g.Text(t, file)) != strings.TrimSpace(program) {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}

	if err := os.Remove(filepath.Join(g.Dir, "said")); err != nil {
		t.Fatal(err)
	}
	if r := g.boot(t); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("at the second boot: errors %q, warnings %q", r.Errors, r.Warnings)
	}
	if diff := cmp.Diff("2 __begin__ None None always\n2 text/x-two part-005 two always\n2 __end__ None None always\n", said(t, g)); diff != "" {
		t.Errorf("what handlers were given at the second boot differs (-want +got):\n%s", diff)
	}
}

func TestAHandlerOfTheMachineComesBeforeWhatIsBuiltIn(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#!/bin/sh\necho\n"))
	withPython(t, g)
	g.Put(t, "/var/lib/cloud/handlers/mine.py", telling+`
def list_types():
    return ["text/x-shellscript"]
def handle_part(data, ctype, filename, payload):
    say(ctype, filename, repr(payload))
`)
	if r := g.boot(t); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("errors %q, warnings %q", r.Errors, r.Warnings)
	}
	if diff := cmp.Diff("__begin__ None None\ntext/x-shellscript part-001 '#!/bin/sh\\necho\\n'\n__end__ None None\n", said(t, g)); diff != "" {
		t.Errorf("what the handler was given differs (-want +got):\n%s", diff)
	}
	if _, err := g.Stat(state.InstanceDir("i-1") + "/scripts/part-001"); err == nil {
		t.Error("the script is there all the same")
	}
}

func TestAPartHandlerThatFailsCostsItselfOrThePart(t *testing.T) {
	t.Parallel()
	const usual = `
def list_types():
    return ["text/x-one"]
def handle_part(data, ctype, filename, payload):
`
	for name, test := range map[string]struct {
		handler string
		want    []string
	}{
		"a part that it fails at": {
			usual + "    if payload == 'one': raise RuntimeError('no such way')\n    if ctype == '__end__': undefined()\n",
			[]string{
				"user-data: part handler part-handler-000.py: part-002: RuntimeError in line 5",
				"user-data: part handler part-handler-000.py: __end__: NameError: name 'undefined' is not defined in line 6",
			},
		},
		"an error with a word of the part": {
			usual + "    if payload: int(payload + 'xyz')\n",
			[]string{"user-data: part handler part-handler-000.py: part-002: ValueError: invalid literal for int() with base 10: 'onexyz' in line 5", "user-data: part handler part-handler-000.py: part-003: ValueError in line 5"},
		},
		"a library that is not there": {
			"import cloudinit_is_not_here\n" + usual + "    pass\n",
			[]string{"user-data part-001:1:1: it is a part handler, a Python program, which cannot be used: ModuleNotFoundError: No module named 'cloudinit_is_not_here' in line 2; it was skipped"},
		},
		"a syntax error": {
			usual + "    pass pass\n",
			[]string{"user-data part-001:1:1: it is a part handler, a Python program, which cannot be used: SyntaxError: invalid syntax in line 5; it was skipped"},
		},
		"no list_types": {
			"def handle_part(): pass\n",
			[]string{"user-data part-001:1:1: it is a part handler, a Python program, which cannot be used: AttributeError: module 'part-handler-000' has no attribute 'list_types'; it was skipped"},
		},
		"a version that there is not": {
			"handler_version = 7\n" + usual + "    pass\n",
			[]string{
				"user-data: part handler part-handler-000.py: __begin__: ValueError: there is no handler_version 7",
				"user-data: part handler part-handler-000.py: part-002: ValueError: there is no handler_version 7",
				"user-data: part handler part-handler-000.py: part-003: ValueError: there is no handler_version 7",
				"user-data: part handler part-handler-000.py: __end__: ValueError: there is no handler_version 7",
			},
		},
		"one that ends its process": {
			"import os\n" + usual + "    os._exit(3)\n",
			[]string{"user-data: part handler part-handler-000.py: its process ended with exit code 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", handlers("text/part-handler", "#part-handler\n"+strings.TrimPrefix(test.handler, "\n"),
				"text/x-one", "one", "text/x-one", "12345ab", "text/x-shellscript", "#!/bin/sh\n")))
			withPython(t, g)
			r := g.boot(t)
			if diff := cmp.Diff(test.want, r.Errors); diff != "" {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
			if _, err := g.Stat(state.InstanceDir("i-1") + "/scripts/part-004"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithoutPythonAPartHandlerIsOneProblem(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", handlers("text/part-handler", "#part-handler\n")))
	g.Lacks("python3", "/usr/libexec/platform-python")
	want := []string{"user-data part-001:1:1: it is a part handler, a Python program, which cannot be used: this machine has no python3 to run it; it was skipped"}
	if diff := cmp.Diff(want, g.boot(t).Errors); diff != "" {
		t.Errorf("errors differ (-want +got):\n%s", diff)
	}
}

func TestInterruptedPartHandlersAreNotRunAgain(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", handlers("text/part-handler", telling+`
def list_types():
    return []
def handle_part(data, ctype, filename, payload):
    say(ctype)
`)))
	withPython(t, g)
	g.boot(t)
	sem := filepath.Join(g.Dir, state.InstanceDir("i-1"), "sem", "consume_data")
	if err := os.Rename(sem, sem+".started"); err != nil {
		t.Fatal(err)
	}
	want := []string{"the part handlers were interrupted in an earlier boot; those that run once for an instance were not run again"}
	if diff := cmp.Diff(want, g.boot(t).Errors); diff != "" {
		t.Errorf("errors differ (-want +got):\n%s", diff)
	}
	if got := said(t, g); got != "__begin__\n__end__\n" {
		t.Errorf("the handler was given %q", got)
	}
	if got := g.boot(t).Errors; len(got) > 0 {
		t.Errorf("at the third boot: %q", got)
	}
}

func TestAPartHandlerIsNotRunBeforeTheNetworkStage(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", handlers("text/part-handler", telling+"say('imported')\n")))
	withPython(t, g)
	g.run(t, state.StageLocal)
	if _, err := os.Stat(filepath.Join(g.Dir, "said")); !os.IsNotExist(err) {
		t.Errorf("it was: %v", err)
	}
	if slices.ContainsFunc(g.Lines(), func(l string) bool { return strings.HasPrefix(l, "python3") }) {
		t.Errorf("commands: %q", g.Lines())
	}
}
