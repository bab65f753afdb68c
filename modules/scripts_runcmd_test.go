package modules

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/host"
)

func TestEachCommandThatFailsIsTold(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ userData, reports, log, output, runs string }{
		"commands that fail are notes": {
			userData: "runcmd:\n- ls /nonexistent 2>/dev/null\n- echo a\n-\n- [sh, -c, 'exit 7']\n- echo b\n",
			reports: "note: user-data:2:3: runcmd.0: it failed with exit code 2, and the commands after it were run\n" +
				"note: user-data:5:3: runcmd.3: it failed with exit code 7, and the commands after it were run",
			log:    "entry runcmd.0 (user-data:2:3) 2, entry runcmd.3 (user-data:5:3) 7",
			output: "a\nb\n",
		},
		"the last one is the script's error": {
			userData: "runcmd:\n- 'false'\n- (exit 3)\n- '# the end'\n",
			reports: "note: user-data:2:3: runcmd.0: it failed with exit code 1, and the commands after it were run\n" +
				"failed: 1 of 1 scripts failed: runcmd (user-data:2:1): exit code 3, at runcmd.1 (user-data:3:3)",
			log: "entry runcmd.1 (user-data:3:3) 3, entry runcmd.0 (user-data:2:3) 1",
		},
		"one that exits well": {
			userData: "runcmd:\n- exit 0\n- echo never\n",
			reports:  "note: user-data:2:3: runcmd.0: it ended the script with exit code 0: the commands after it were not run",
		},
		"the last one exits well": {userData: "runcmd:\n- echo a\n- exit 0\n", output: "a\n"},
		"set -e": {
			userData: "runcmd:\n- set -e\n- 'false'\n- echo never\n",
			reports:  "failed: 1 of 1 scripts failed: runcmd (user-data:2:1): exit code 1, at runcmd.1 (user-data:3:3)",
			log:      "entry runcmd.1 (user-data:3:3) 1",
		},
		"a signal": {
			userData: "runcmd:\n- kill -KILL $$\n- echo never\n",
			reports:  "failed: 1 of 1 scripts failed: runcmd (user-data:2:1): signal: killed, at runcmd.0 (user-data:2:3)",
			log:      "entry runcmd.0 (user-data:2:3) -1",
		},
		"what is no command is told of once": {
			userData: "runcmd:\n- a: b\n- 'false'\n- echo a\n",
			reports:  "note: user-data:3:3: runcmd.1: it failed with exit code 1, and the commands after it were run",
			log:      "entry runcmd.1 (user-data:3:3) 1",
			output:   "a\n",
		},
		"a string in place of the list": {
			userData: "runcmd: 'false; true'\n",
		},
		"a construct over entries is run as it is": {
			userData: "runcmd:\n- 'false'\n- if true; then\n- echo a\n- fi\n",
			output:   "a\n", runs: "DIR/instance/scripts/runcmd",
		},
		"it stops when told to": {
			userData: "runcmd_on_error: stop\nruncmd:\n- echo a\n- (exit 5)\n- echo never\n",
			reports:  "failed: 1 of 1 scripts failed: runcmd (user-data:3:1): exit code 5, at runcmd.1 (user-data:4:3)",
			log:      "entry runcmd.1 (user-data:4:3) 5",
			output:   "a\n",
		},
		"it need not stop": {
			userData: "runcmd_on_error: stop\nruncmd:\n- echo a\n- echo b\n", output: "a\nb\n",
		},
		"it cannot be stopped in a construct over entries": {
			userData: "runcmd_on_error: stop\nruncmd:\n- 'false'\n- 'echo a \\'\n- b\n",
			reports:  "warning: user-data:3:1: runcmd: it cannot be stopped at the first command that fails: runcmd.1 (user-data:4:3): it is not a whole command by itself",
			output:   "a b\n", runs: "DIR/instance/scripts/runcmd",
		},
		"it goes on": {
			userData: "runcmd_on_error: continue\nruncmd:\n- 'false'\n- echo a\n",
			reports:  "note: user-data:3:3: runcmd.0: it failed with exit code 1, and the commands after it were run",
			log:      "entry runcmd.0 (user-data:3:3) 1",
			output:   "a\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log []string
			runs := ""
			e, output := recorded(t, row.userData, func(effect host.Effect) {
				switch effect.Kind {
				case host.KindEntry:
					log = append(log, fmt.Sprintf("entry %s %d", effect.Value, *effect.Exit))
				case host.KindCommand:
					runs = strings.Join(effect.Argv, " ")
				}
			})
			if err := runcmd.Run(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			e.findings = config.Findings{} // which are not those of scripts_user
			same(t, "the report", outcome(t, scriptsUser, e), row.reports)
			same(t, "the change log", strings.Join(log, ", "), row.log)
			same(t, "the output", output(), row.output)
			if row.runs == "" {
				row.runs = "/bin/sh DIR/run/runcmd.sh"
			}
			same(t, "what is run", strings.ReplaceAll(runs, e.Instance.CloudDir, "DIR"), row.runs)
			if left, err := e.Host.ReadDir(e.Instance.RunDir); err == nil && len(left) > 0 {
				t.Errorf("%s is left", left)
			}
		})
	}
}

func TestAScriptOfRuncmdThatSomebodyChangedIsRunAsItIs(t *testing.T) {
	t.Parallel()
	e, output := really(t, "runcmd:\n- 'false'\n- echo a\n")
	if err := runcmd.Run(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Host.WriteFile(runcmdScript(e), []byte("#!/bin/sh\nfalse\necho mine\n"), host.File{Mode: 0o700}); err != nil {
		t.Fatal(err)
	}
	same(t, "the report", outcome(t, scriptsUser, e), "")
	same(t, "the output", output(), "mine\n")
}

func TestTheScriptOfRuncmdHasNoMarks(t *testing.T) {
	t.Parallel()
	e, _ := really(t, "runcmd_on_error: stop\nruncmd:\n- 'false'\n- [echo, a]\n")
	if err := runcmd.Run(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := scriptsUser.Run(t.Context(), e); err == nil {
		t.Error("it did not stop with an error")
	}
	data, err := e.Host.ReadFile(runcmdScript(e))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the script", string(data), "#!/bin/sh\nfalse\n'echo' 'a'\n")
}

func TestWhatRuncmdDoesOnAnErrorIsChecked(t *testing.T) {
	t.Parallel()
	e, output := really(t, "runcmd_on_error: stpo\nruncmd:\n- 'false'\n- echo a\n")
	same(t, "the report", outcome(t, runcmd, e), `error: user-data:1:18: runcmd_on_error: expected continue or stop, got "stpo" (did you mean stop?)`)
	if err := scriptsUser.Run(t.Context(), e); err != nil {
		t.Error(err)
	}
	same(t, "the output", output(), "a\n")
}
