package main

import (
	"fmt"
	"os"
	"testing"

	"cloudseed/datasource/media"
	"cloudseed/sandbox"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary also the program: the sandbox and the confined reader
// start it again, and scripts call it by its name.
func TestMain(m *testing.M) {
	sandbox.KeeperMain()
	media.ChildMain()
	if len(os.Args) > 1 && os.Args[1] == insideName {
		main() // in the sandbox it has another name
	}
	testscript.Main(m, map[string]func(){"cloudseed": main, perName: main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// Commands of the session are about this root, never about the machine.
			e.Setenv("ROOT", e.WorkDir+"/root")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond != "root" {
				return false, fmt.Errorf("there is no condition %q", cond)
			}
			if os.Geteuid() != 0 {
				fmt.Fprintln(os.Stderr, "LEFT OUT: a session that needs root")
			}
			return os.Geteuid() == 0, nil
		},
	})
}
