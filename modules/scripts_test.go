package modules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"
)

// addScript makes an executable file.
func addScript(t *testing.T, m *hosttest.Machine, file string) {
	t.Helper()
	m.Put(t, file, "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(m.Dir, file), 0o700); err != nil {
		t.Fatal(err)
	}
}

const userScripts = "/var/lib/cloud/instance/scripts/"

func TestScriptsRunInTheOrderOfTheirNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		module   Module
		dir      string
		userData string
		prefix   string
	}{
		{name: "of the user data", module: scriptsUser, dir: userScripts},
		{name: "for the instance", module: scriptsPerInstance, dir: "/var/lib/cloud/scripts/per-instance/"},
		{name: "for the boot", module: scriptsPerBoot, dir: "/var/lib/cloud/scripts/per-boot/"},
		{name: "for once", module: scriptsPerOnce, dir: "/var/lib/cloud/scripts/per-once/"},
		{name: "of the vendor data", module: scriptsVendor, dir: userScripts + "vendor/"},
		{
			name: "of the vendor data, with a program before them", module: scriptsVendor, dir: userScripts + "vendor/",
			userData: "vendor_data:\n  enabled: true\n  prefix: [timeout, 30]\n", prefix: "timeout 30 ",
		},
		{
			name: "of the vendor data, with text before them", module: scriptsVendor, dir: userScripts + "vendor/",
			userData: "vendor_data: {prefix: /usr/bin/time}\n", prefix: "/usr/bin/time ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			e := configured(t, m, test.userData)
			same(t, "the report without a directory", outcome(t, test.module, e), "")
			var want []string
			for _, name := range []string{"Z", "a b", "part-001", "part-002", "runcmd"} {
				addScript(t, m, test.dir+name)
				want = append(want, test.prefix+test.dir+name)
			}
			addScript(t, m, test.dir+"directory/x")
			addScript(t, m, test.dir+".runcmd.cloudseed~") // left by a power cut
			same(t, "the report", outcome(t, test.module, e), "")
			same(t, "what ran", strings.Join(m.Lines(), "\n"), strings.Join(want, "\n"))
			for _, c := range m.Calls() {
				if len(c.Env) > 0 {
					t.Errorf("the environment has %v", c.Env)
				}
			}
		})
	}
}

func TestAScriptThatFailsStopsNoOther(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	for _, name := range []string{"1", "2", "3", "4", "runcmd"} {
		addScript(t, m, userScripts+name)
	}
	m.Answer(userScripts+"1", host.Result{Exit: 3}, nil)
	m.Answer(userScripts+"2", host.Result{Exit: -1}, fmt.Errorf("cannot run 2: %w", syscall.ENOEXEC))
	m.Answer(userScripts+"3", host.Result{Exit: -1}, &host.ExitError{Argv: []string{"3"}, Exit: -1, Reason: "signal: killed"})
	m.Answer(userScripts+"runcmd", host.Result{Exit: 127}, nil)
	same(t, "the report", outcome(t, scriptsUser, configured(t, m, "runcmd:\n- nonsense\n")),
		"failed: 4 of 5 scripts failed: 1: exit code 3; 2: it is not a program and does not begin with #!; 3: signal: killed; "+
			"runcmd (user-data:2:1): exit code 127")
	if n := len(m.Calls()); n != 5 {
		t.Errorf("%d scripts were run", n)
	}
}

func TestAScriptThatIsNotExecutableIsReported(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, userScripts+"part-001", "#!/bin/sh\n")
	same(t, "the report", outcome(t, scriptsUser, configured(t, m, "")), "warning: "+userScripts+"part-001 is not executable and was skipped")
}

func TestScriptsHaveAllTheTimeTheyWant(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	addScript(t, m, userScripts+"x")
	m.On(userScripts, func(c host.Command) {
		if !c.Pass || c.Timeout != host.NoTimeout {
			t.Errorf("run as %+v", c)
		}
	})
	outcome(t, scriptsUser, configured(t, m, ""))
}

func TestAfterAPowerCutEachScriptHasBegunOnceAndTheOneItHitIsReported(t *testing.T) {
	t.Parallel()
	names := []string{"1", "2", "3"}
	for limit := range 2 * len(names) {
		m := hosttest.New(t)
		ran := map[string]int{}
		for _, name := range names {
			addScript(t, m, userScripts+name)
			m.On(userScripts+name, func(host.Command) { ran[name]++ })
		}
		steps := &memory{steps: map[string]state.Standing{}}
		cutAfter(t.Context(), scriptsUser, configured(t, m, ""), steps, limit)

		e := configured(t, m, "")
		steps.limit, e.Steps = 1000, steps
		report := outcome(t, scriptsUser, e)
		for _, name := range names {
			if ran[name] != 1 {
				t.Errorf("power cut at %d: script %s ran %d times", limit, name, ran[name])
			}
		}
		want := ""
		if limit%2 == 1 { // between a script's begin and its end
			want = "error: " + userScripts + names[limit/2] + " was interrupted when the system last went down; " +
				"it was not run again, and what it left undone is for you to see to"
		}
		same(t, fmt.Sprintf("the report after a power cut at %d", limit), report, want)
	}
}

func TestAShutdownLeavesTheScriptThatItEndsInterruptedAndTheRestForTheNextBoot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		err   error // of the script that runs when the shutdown begins
		steps map[string]state.Standing
	}{
		{
			name: "a script that was stopped", err: errors.New("it was stopped"),
			steps: map[string]state.Standing{"1": state.Done, "2": state.Interrupted},
		},
		{name: "a script that came to its end, as one that calls reboot does", steps: map[string]state.Standing{"1": state.Done, "2": state.Done}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			for _, name := range []string{"1", "2", "3"} {
				addScript(t, m, userScripts+name)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			e := configured(t, m, "")
			e.Host = host.New(m.Dir, host.Options{Exec: func(_ context.Context, c host.Command) (host.Result, error) {
				if c.Argv[0] != userScripts+"2" {
					return host.Result{}, nil
				}
				cancel(errors.New("the system is going down"))
				return host.Result{}, test.err
			}})
			steps := &memory{steps: map[string]state.Standing{}, limit: 1000}
			e.Steps = steps
			err := scriptsUser.Run(ctx, e)
			if err == nil || !strings.HasSuffix(err.Error(), "from 3 on: the system is going down") {
				t.Errorf("the error is %v", err)
			}
			if !maps.Equal(steps.steps, test.steps) {
				t.Errorf("the steps are %v, want %v", steps.steps, test.steps)
			}
		})
	}
}
