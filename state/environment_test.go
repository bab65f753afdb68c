package state_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/host/hosttest"
	"cloudseed/state"
)

// A seed's own strings are only values, whatever they hold: a unit and a shell read the file.
func TestTheFileForUnitsIsReadByAShellAsItIs(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"plain":          "i-0123",
		"for the shell":  `$(touch x) ` + "`touch y`" + ` "q" \ 'z' $HOME`,
		"nothing at all": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			if err := state.New(m.Host).WriteInstanceData(state.Facts{InstanceID: id, Hostname: "vm.example.com", Platform: "nocloud"}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(m.Dir, state.EnvironmentFile)
			script := `. "$1"; printf '%s|%s|%s' "$CLOUDSEED_INSTANCE_ID" "$CLOUDSEED_HOSTNAME" "$CLOUDSEED_PLATFORM"`
			out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", file).Output()
			if want := id + "|vm|nocloud"; err != nil || string(out) != want {
				t.Errorf("a shell reads %q, want %q: %v\n%s", out, want, err, m.Text(t, state.EnvironmentFile))
			}
		})
	}
}
