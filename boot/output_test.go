package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/host/hosttest"

	"golang.org/x/sys/unix"
)

// outputOf is what commands' output becomes with a configuration of the key "output".
func outputOf(t *testing.T, m *hosttest.Machine, target string) *Output {
	t.Helper()
	o := NewOutput(m.Host)
	o.Configure(t.Context(), config.New(config.Layer{Name: "test", Value: config.FromAny("test", map[string]any{"output": map[string]any{"all": target}})}), "init")
	return o
}

func TestAnOutputFileIsForTheGroupAdmToRead(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	o := outputOf(t, m, ">> /var/log/out.log")
	stdout, _ := o.Files()
	if _, err := stdout.WriteString("said\n"); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := m.Stat("/var/log/out.log")
	if err != nil || info.Mode().Perm() != 0o640 || m.Owner("/var/log/out.log") != "0:4" || m.Text(t, "/var/log/out.log") != "said\n" {
		t.Errorf("%v, %s, %v", info, m.Owner("/var/log/out.log"), err)
	}
}

func TestASingleArrowReplacesWhatTheOutputFileHeld(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{"> /out": "new", ">> /out": "old new", "/out": "old new"} {
		m := hosttest.New(t)
		m.Put(t, "/out", "old ")
		o := outputOf(t, m, target)
		stdout, _ := o.Files()
		if _, err := stdout.WriteString("new"); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil || m.Text(t, "/out") != want {
			t.Errorf("%s: %q, %v", target, m.Text(t, "/out"), err)
		}
	}
}

func TestAPipeInThePlaceOfTheOutputFileDoesNotStopTheBoot(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if err := unix.Mkfifo(filepath.Join(m.Dir, "out"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := outputOf(t, m, ">> /out")
	if stdout, _ := o.Files(); stdout != os.Stdout {
		t.Error("the output does not go to this process's own")
	}
	if err := o.Close(); err == nil || !strings.Contains(err.Error(), `cannot write commands' output to ">> /out"`) {
		t.Errorf("got %v", err)
	}
}

func TestTheOutputFilterHasTheCleanEnvironmentOfAllCommands(t *testing.T) {
	t.Setenv("CLOUDSEED_TEST_LEAK", "leaked")
	t.Setenv("LD_PRELOAD", "")
	m := hosttest.New(t)
	m.Put(t, "/etc/group", "root:x:0:\n") // no adm: a test need not be root
	at := filepath.Join(t.TempDir(), "environment")
	o := outputOf(t, m, "| env >"+at+"; cat >/dev/null")
	o.Files()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	var data []byte
	for range 100 { // the filter may still be writing
		data, _ = os.ReadFile(at)
		if strings.Contains(string(data), "HOME=") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if text := string(data); strings.Contains(text, "leaked") || !strings.Contains(text, "HOME=/root") {
		t.Errorf("the environment is %q, want %q", text, host.Environment())
	}
}

// The agent's own messages need no process where the output is what cloud.cfg.d says.
func TestWhatTheAgentSaysIsInTheOutputFile(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		target string
		opened bool
	}{
		"of tee":                                {"| tee -a /var/log/out.log", false},
		"of a file":                             {">> /var/log/out.log", false},
		"of a file that commands write to also": {">> /var/log/out.log", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			o := outputOf(t, m, row.target)
			if row.opened {
				o.Files()
			}
			for _, message := range []string{"one\n", "two\n"} {
				if err := o.Say(message); err != nil {
					t.Fatal(err)
				}
			}
			if len(o.filters) > 0 {
				t.Errorf("%d processes were started", len(o.filters))
			}
			if err := o.Close(); err != nil || m.Text(t, "/var/log/out.log") != "one\ntwo\n" {
				t.Errorf("%q, %v", m.Text(t, "/var/log/out.log"), err)
			}
		})
	}
}
