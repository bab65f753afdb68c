package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

// really gives an Env whose commands are run for real, by this machine's shell. All
// that the tests' modules touch is in a directory of the test's own.
func really(t *testing.T, userData string) (e *Env, output func() string) {
	t.Helper()
	return recorded(t, userData, nil)
}

// recorded is really, with what goes to the change log.
func recorded(t *testing.T, userData string, record func(host.Effect)) (e *Env, output func() string) {
	t.Helper()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
	e = configured(t, hosttest.New(t), userData)
	e.Host = host.New("/", host.Options{
		Output: func() (stdout, stderr *os.File) { return out, out },
		Chown:  func(string, int, int) error { return nil }, // whose the files are does not matter here
		Record: record,
	})
	e.Instance.Dir, e.Instance.CloudDir, e.Instance.RunDir = dir+"/instance", dir, dir+"/run"
	return e, func() string {
		data, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(data), dir, "DIR")
	}
}

func TestRuncmdIsRunByScriptsUser(t *testing.T) {
	t.Parallel()
	e, output := really(t, `runcmd:
- cd `+t.TempDir()+`
- name="it's"
- [printf, '%s\n', "$name", 'it''s']
- echo "$name ${INSTANCE_ID-no id}"
- 'false'
- printf '%s\n' "$PWD" | grep -c Runcmd
- exit 4
- echo never
`)
	same(t, "runcmd's report", outcome(t, runcmd, e), "")
	same(t, "the report", outcome(t, scriptsUser, e),
		"note: user-data:6:3: runcmd.4: it failed with exit code 1, and the commands after it were run\n"+
			"failed: 1 of 1 scripts failed: runcmd (user-data:2:1): exit code 4, at runcmd.6 (user-data:8:3)")
	same(t, "the output", output(), "$name\nit's\nit's no id\n1\n")
}

func TestScriptsThatCannotBeRunSaySo(t *testing.T) {
	t.Parallel()
	e, output := really(t, "")
	for name, text := range map[string]string{"1-none": "echo no interpreter\n", "2-gone": "#!/no/such/shell\n", "3-killed": "#!/bin/sh\nkill -9 $$\n", "4-good": "#!/bin/sh\necho good\n"} {
		if _, err := e.Host.WriteFile(e.Instance.Dir+"/scripts/"+name, []byte(text), host.File{Mode: 0o700}); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.ReplaceAll(outcome(t, scriptsUser, e), e.Instance.CloudDir, "DIR")
	for _, want := range []string{"3 of 4 scripts failed", "1-none: it is not a program and does not begin with #!", "2-gone: ", "3-killed: signal: killed"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	same(t, "the output", output(), "good\n")
}

func TestBootcmdIsRun(t *testing.T) {
	t.Parallel()
	e, output := really(t, "bootcmd:\n- echo \"$INSTANCE_ID\"\n- [sh, -c, 'exit 9']\n")
	same(t, "the report", outcome(t, bootcmd, e), "failed: cannot run all of bootcmd (user-data:2:1): /bin/sh failed with exit code 9, at bootcmd.1 (user-data:3:3)")
	same(t, "the output", output(), "i-1\n")
}
