package power_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

var changes = map[string]struct {
	change power.Change
	argv   []string // nil: it is refused
	named  string
}{
	"at once":                           {power.Change{Mode: power.Reboot}, []string{"shutdown", "-r", "now"}, "reboot"},
	"at once, said":                     {power.Change{Mode: power.Halt, When: "now"}, []string{"shutdown", "-H", "now"}, "halt"},
	"in some minutes, with a message":   {power.Change{Mode: power.PowerOff, When: "+5", Message: "good\nnight"}, []string{"shutdown", "-P", "+5", "good\nnight"}, "poweroff in 5 min"},
	"a message that would cancel it":    {power.Change{Mode: power.Reboot, Message: "-c"}, []string{"shutdown", "-r", "--", "now", "-c"}, "reboot"},
	"a message that writes on terminal": {power.Change{Mode: power.Reboot, Message: "\x1b[2Jbye\x00"}, []string{"shutdown", "-r", "now", `\x1b[2Jbye\x00`}, "reboot"},
	"no mode":                           {power.Change{}, nil, ""},
	"an option as the mode":             {power.Change{Mode: "-k"}, nil, "-k"},
	"a time of the day":                 {power.Change{Mode: power.Reboot, When: "23:00"}, nil, "reboot in 23:00 min"},
	"an option as the time":             {power.Change{Mode: power.Reboot, When: "-c"}, nil, "reboot in -c min"},
	"more minutes than can be counted":  {power.Change{Mode: power.Reboot, When: "+1234567890"}, nil, "reboot in 1234567890 min"},
}

func TestAChangeIsOneCommandOfShutdown(t *testing.T) {
	t.Parallel()
	for name, row := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			err := power.Of(m.Host).Apply(t.Context(), row.change)
			if (err == nil) != (row.argv != nil) {
				t.Errorf("the error is %v", err)
			}
			var got []string
			for _, c := range m.Calls() {
				got = append(got, c.Argv...)
			}
			if diff := cmp.Diff(row.argv, got); diff != "" {
				t.Error(diff)
			}
			if got := row.change.String(); got != row.named {
				t.Errorf("it is named %q, want %q", got, row.named)
			}
		})
	}
}

func TestAChangeThatFailsSaysWhich(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("shutdown", host.Result{Exit: 1, Stderr: "Failed to connect to bus\n"}, nil)
	err := power.Of(m.Host).Apply(t.Context(), power.Change{Mode: power.PowerOff, When: "+2"})
	if want := "cannot poweroff in 2 min: shutdown failed with exit code 1: Failed to connect to bus"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// The real shutdown would end the machine that tests: a program in its place is run for real.
func TestAStandInForShutdownIsRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shutdown"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" > "+dir+"/said\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir) // alone: the real one must not be found
	for _, row := range changes {
		if row.argv == nil {
			continue
		}
		if err := power.Of(host.New("/", host.Options{})).Apply(t.Context(), row.change); err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(filepath.Join(dir, "said"))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(row.argv[1:], "\n") + "\n"; string(said) != want {
			t.Errorf("it was given %q, want %q", said, want)
		}
	}
}

func TestASystemThatDoesNotRunIsNotTurnedOff(t *testing.T) {
	t.Parallel()
	var ran []string
	image := host.New(t.TempDir(), host.Options{Exec: func(_ context.Context, c host.Command) (host.Result, error) {
		ran = append(ran, c.Argv...)
		return host.Result{}, nil
	}})
	err := power.Of(image).Apply(t.Context(), power.Change{Mode: power.Reboot})
	if err == nil || !strings.Contains(err.Error(), "does not run") || len(ran) > 0 {
		t.Errorf("ran %q: %v", ran, err)
	}
}
