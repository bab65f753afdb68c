package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays three parts: the tests, the keeper, and the inside with
// a shell script as its argument. A fourth, "caller", is a process that calls Run
// and is then killed.
func TestMain(m *testing.M) {
	KeeperMain()
	switch {
	case os.Args[0] == programPath:
		// The shell takes this process's place, and descriptor 3 with it.
		err := syscall.Exec("/bin/sh", append([]string{"sh", "-c"}, os.Args[1:]...), os.Environ())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	case os.Getenv("SANDBOX_TEST_CALLER") != "":
		callRun(os.Getenv("SANDBOX_TEST_CALLER"))
	}
	os.Exit(m.Run())
}

// callRun runs a script as cmd/cloudseed would: an interrupt ends the context.
func callRun(script string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	res, err := Run(ctx, Options{Args: []string{script}, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(res.Exit)
}

// needRoot leaves a test out, loudly, where it cannot run. CI runs as root and
// sets CLOUDSEED_TEST_ALL, with which nothing may be left out.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CLOUDSEED_TEST_ALL") != "" {
		t.Fatal("the sandbox tests need root")
	}
	fmt.Fprintf(os.Stderr, "LEFT OUT: %s needs root\n", t.Name())
	t.Skip("LEFT OUT: needs root")
}

// inside runs a shell script in a sandbox and returns what came of it; what it
// printed is in out.
func inside(t *testing.T, o Options, script string) (res *Result, out string) {
	t.Helper()
	needRoot(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var buf bytes.Buffer
	o.Args = []string{script}
	o.Stdout, o.Stderr = &buf, &buf
	res, err := Run(ctx, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, &buf)
	}
	return res, strings.TrimSpace(buf.String())
}

func TestSmoke(t *testing.T) {
	res, out := inside(t, Options{}, "id; hostname; cat /proc/self/mountinfo; ls -la /dev /run /run/*; touch /etc/foo; rm /etc/motd; chmod 600 /etc/passwd; useradd -m joe; echo joe:x | chpasswd; grep joe /etc/shadow; echo res >&3; hostname abc; hostname; ps ax; exit 3")
	t.Log(out)
	t.Logf("%+v", res)
}
