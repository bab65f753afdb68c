package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
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
	testscript.Main(m, map[string]func(){"cloudseed": main, cloudInitName: main, perName: main, fingerprintsName: main, cloudIDName: main, hookHotplugName: main, dsIdentifyName: main})
}

// A user who may not change the machine is told how to, by a line to paste into a shell.
func TestOtherUsersAreToldToUseSudo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"a module by hand": {[]string{"single", "--name", "timezone"}, "needs root: sudo cloudseed single --name timezone"},
		"an argument with a space": {
			[]string{"single", "--name", "timezone", "my zone"},
			"needs root: sudo cloudseed single --name timezone 'my zone'",
		},
		"clean":       {[]string{"clean"}, "needs root: sudo cloudseed clean"},
		"acknowledge": {[]string{"status", "--acknowledge"}, "needs root: sudo cloudseed status --acknowledge"},
		"a stage":     {[]string{"init", "--local"}, "needs root: sudo cloudseed init --local"},
		"the network": {[]string{"network", "apply"}, "needs root: sudo cloudseed network apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
			cmd.Args = append([]string{"cloudseed"}, row.args...)
			if os.Geteuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), row.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
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
