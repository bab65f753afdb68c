package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// directives reads the directives of a unit: those of all its sections, each with all its words.
func directives(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = append(all[name], strings.Fields(value)...)
		}
	}
	return all
}

// A shell is a process more on the way to a login.
func TestUnitsStartThisProgramAndNothingElse(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../systemd/*.service")
	if err != nil || len(files) < 5 {
		t.Fatalf("units: %v %v", files, err)
	}
	for _, file := range files {
		for name, words := range directives(t, file) {
			if strings.HasPrefix(name, "Exec") && (name != "ExecStart" || words[0] != "/usr/bin/cloudseed") {
				t.Errorf("%s: %s=%s", file, name, strings.Join(words, " "))
			}
		}
	}
}

// What waits for the network must not be on the way to a login: the stage asks for it if it
// has to be.
func TestNoUnitBeforeSshdWaitsForTheNetwork(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cloud-init-local.service", "cloud-init.service"} {
		u := directives(t, "../systemd/"+name)
		for _, directive := range []string{"After", "Wants", "Requires", "BindsTo"} {
			for _, other := range u[directive] {
				if strings.Contains(other, "online") || other == "network.service" || other == "network.target" {
					t.Errorf("%s: %s=%s", name, directive, other)
				}
			}
		}
	}
	if before := directives(t, "../systemd/cloud-init.service")["Before"]; !slices.Contains(before, "sshd.service") {
		t.Errorf("the network stage comes before %v, and not before sshd", before)
	}
	for _, name := range []string{"cloud-config.service", "cloud-final.service"} {
		if !slices.Contains(directives(t, "../systemd/"+name)["After"], "network-online.target") {
			t.Errorf("%s does not come after network-online.target, as cloud-init's does", name)
		}
	}
}
