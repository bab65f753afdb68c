package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/test/needs"
)

// callerEnv holds a call, JSON, for a test binary that is to be a caller of Run.
const callerEnv = "SANDBOX_TEST_CALL"

// The test binary plays four parts: the tests; a caller, a process in a mount
// namespace of its own that prepares file systems there, then calls Run; the
// keeper; the inside, which becomes a shell with a script.
func TestMain(m *testing.M) {
	KeeperMain()
	if os.Args[0] == programPath {
		fmt.Fprintln(os.Stderr, beInside(os.Args[1:]))
		os.Exit(127)
	}
	if text := os.Getenv(callerEnv); text != "" {
		if err := beCaller(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beInside does what the first argument says; it returns only when it fails, but
// for the two parts that a script calls by the program's path.
func beInside(args []string) error {
	switch args[0] {
	case "setcap": // cap_net_raw=ep, as setcap(8) would
		value := []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
		if err := unix.Setxattr(args[1], "security.capability", value, 0); err != nil {
			return err
		}
		os.Exit(0)
	case "connect":
		if _, err := net.Dial("unix", args[1]); err != nil {
			return err
		}
		os.Exit(0)
	}
	// The shell takes this process's place, and OutputFD with it.
	return syscall.Exec("/bin/sh", []string{"sh", "-c", args[0]}, os.Environ())
}

// call is what a caller does.
type call struct {
	Setup    string // a script, in the caller's mount namespace
	Script   string // run inside
	Seed     string
	Limit    int64
	Socket   string        // where the caller listens meanwhile
	Deadline time.Duration // 0: a minute
	DropCaps bool          // give up CAP_SYS_ADMIN first
	Chroot   string        // chroot(2) to this directory after the setup
}

// answer is what a caller prints on its standard output.
type answer struct {
	Result   Result               // but its Changes: secrets do not come through JSON
	Output   string               // what the script wrote to OutputFD
	Changes  []string             // kind, path and mode
	Contents map[string][2]string // path: before, after
	Out      string               // what the script printed
	Err      string
}

func beCaller(text string) error {
	var c call
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if c.DropCaps {
		c.DropCaps = false
		return withoutSysAdmin(c)
	}
	if c.Setup != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		cmd := exec.Command("/bin/sh", "-ec", c.Setup)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("setup: %w", err)
		}
	}
	if c.Chroot != "" {
		if err := errors.Join(unix.Chroot(c.Chroot), os.Chdir("/")); err != nil {
			return err
		}
	}
	if c.Socket != "" {
		l, err := net.Listen("unix", c.Socket)
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.Deadline == 0 {
		c.Deadline = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, c.Deadline)
	defer cancel()
	var out, output strings.Builder
	printed := teeTo(&out, os.Stderr)
	res, err := Run(ctx, Options{Args: []string{c.Script}, Seed: c.Seed, ContentLimit: c.Limit, Stdout: printed, Stderr: printed, Output: &output})
	a := answer{Contents: map[string][2]string{}}
	if res != nil {
		a.Result = *res
		a.Result.Changes = nil
		for _, ch := range res.Changes {
			a.Changes = append(a.Changes, fmt.Sprintf("%s %s %v", ch.Kind, ch.Path, ch.Mode))
			if ch.HasContent {
				a.Contents[ch.Path] = [2]string{string(ch.Before.Reveal()), string(ch.After.Reveal())}
			}
		}
	}
	a.Output = output.String()
	a.Out = strings.TrimSpace(out.String())
	if err != nil {
		a.Err = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			a.Err = "DEADLINE " + a.Err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// withoutSysAdmin starts this program again without CAP_SYS_ADMIN.
func withoutSysAdmin(c call) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
		return err
	}
	// Root's inheritable set, which some containers fill, would bring it back.
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&head, &caps[0]); err != nil {
		return err
	}
	caps[0].Inheritable, caps[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &caps[0]); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, []string{"PATH=" + os.Getenv("PATH"), callerEnv + "=" + string(text)})
}

// caller makes a caller that is not started yet, in its own mount namespace.
func caller(t *testing.T, c call) *exec.Cmd {
	t.Helper()
	needs.Root(t)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{"caller"}
	cmd.Env = append(os.Environ(), callerEnv+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return cmd
}

// make has a caller do c and returns its answer.
func (c call) make(t *testing.T) answer {
	t.Helper()
	cmd := caller(t, c)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the caller failed: %v\n%s", err, &stderr)
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return a
}

// changed tells whether there is a change of that kind to path.
func (a answer) changed(kind Kind, path string) bool {
	return slices.ContainsFunc(a.Changes, func(line string) bool {
		return strings.HasPrefix(line, string(kind)+" "+path+" ")
	})
}
