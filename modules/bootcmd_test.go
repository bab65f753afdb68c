package modules

import (
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"
)

func TestBootcmdRunsOneScript(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	var script string
	m.On("/bin/sh", func(c host.Command) {
		if script = m.Text(t, c.Argv[1]); m.Text(t, c.Argv[1]+".ended") != "" {
			t.Error("marks are there before any command has ended")
		}
		m.Put(t, c.Argv[1]+".ended", "0 0\n1 0\n")
		if !c.Pass || c.Timeout != host.NoTimeout || len(c.Env) != 1 || c.Env[0] != "INSTANCE_ID=i-1" {
			t.Errorf("run as %+v", c)
		}
	})
	same(t, "the report", outcome(t, bootcmd, configured(t, m, "bootcmd:\n- echo hunter2\n- [a, b]\n")), "")
	for i, part := range []string{"#!/bin/sh\n", "; echo hunter2\n", "; 'a' 'b'\n"} {
		if line := strings.SplitAfter(script, "\n")[i]; !strings.HasSuffix(line, part) {
			t.Errorf("line %d is %q, want %q at its end", i, line, part)
		}
	}
	if m.Exists("/run/cloud-init/bootcmd.sh") || m.Exists("/run/cloud-init/bootcmd.sh.ended") {
		t.Error("the script is still there")
	}
	noSecretsIn(t, m, "hunter2")
	if bootcmd.Frequency != state.Always {
		t.Errorf("it runs %s", bootcmd.Frequency)
	}
}

func TestBootcmdFailsWithItsScript(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("/bin/sh", host.Result{Exit: 3}, nil)
	same(t, "the report", outcome(t, bootcmd, configured(t, m, "bootcmd:\n- exit 3\n")),
		"failed: cannot run all of bootcmd (user-data:2:1): /bin/sh failed with exit code 3, at bootcmd.0 (user-data:2:3)")
}

func TestEachCommandOfBootcmdThatFailsIsTold(t *testing.T) {
	t.Parallel()
	e, output := really(t, "bootcmd:\n- 'false'\n- cd /\n- echo $INSTANCE_ID $PWD\n- [sh, -c, 'exit 9']\n- 'true'\n")
	same(t, "the report", outcome(t, bootcmd, e), "note: user-data:2:3: bootcmd.0: it failed with exit code 1, and the commands after it were run\n"+
		"note: user-data:5:3: bootcmd.3: it failed with exit code 9, and the commands after it were run")
	same(t, "the output", output(), "i-1 /\n")
}
