package boot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/state"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// damages are the ways in which a file of the state may be spoiled.
var damages = []struct {
	name string
	do   func(at string) error
}{
	{"empty", func(at string) error { return os.WriteFile(at, nil, 0o600) }},
	{"truncated", func(at string) error {
		data, err := os.ReadFile(at)
		if err == nil {
			err = os.WriteFile(at, data[:len(data)/2], 0o600)
		}
		return err
	}},
	{"garbled", func(at string) error { return os.WriteFile(at, []byte("\x00\xff{]\n"), 0o600) }},
	{"a directory", func(at string) error {
		if err := os.Remove(at); err != nil {
			return err
		}
		return os.Mkdir(at, 0o755)
	}},
	{"a dangling link", func(at string) error {
		if err := os.Remove(at); err != nil {
			return err
		}
		return os.Symlink("nowhere/at/all", at)
	}},
}

// TestADamagedFileOfTheStateIsSkippedAlone damages each file of the state in each way, and
// boots with the seed attached: the guest is the same, nothing of the user's runs twice,
// and the boot after it has nothing to say any more.
func TestADamagedFileOfTheStateIsSkippedAlone(t *testing.T) {
	t.Parallel()
	whole := newGuest(t, busySeed("net"))
	whole.boot(t)
	want := guestFiles(t, whole.Dir)
	for i, file := range stateFiles(t, whole) {
		for j, damage := range damages {
			if !needs.All() && i%len(damages) != j {
				continue // one way for each file
			}
			t.Run(file+" is "+damage.name, func(t *testing.T) {
				t.Parallel()
				g := newGuest(t, busySeed("net"))
				g.boot(t)
				if err := damage.do(filepath.Join(g.Dir, file)); err != nil {
					t.Fatal(err)
				}
				ran := len(g.Lines())
				g.boot(t)
				if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
					t.Errorf("the guest differs (-whole +damaged):\n%s", diff)
				}
				if slices.Contains(g.Lines()[ran:], runsRuncmd) {
					t.Error("runcmd ran again")
				}
				if r := g.boot(t); len(r.Errors)+len(r.Warnings) > 0 {
					t.Errorf("the boot after it: errors %q, warnings %q", r.Errors, r.Warnings)
				}
			})
		}
	}
}

// stateFiles are the files of the state, but for the seed and the change log.
func stateFiles(t *testing.T, g *guest) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(g.Dir, state.CloudDir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, strings.TrimPrefix(path, g.Dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
