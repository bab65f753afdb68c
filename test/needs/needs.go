// Package needs leaves a test out where this machine lacks what the test needs, and says
// so on standard error, where "go test" shows it without -v. With CLOUDSEED_TEST_ALL in
// the environment, as in CI, that is a failure: there, nothing may be skipped.
package needs

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// All reports whether everything is to be tested, as in CI: tests with very many cases may
// take some of them elsewhere.
func All() bool { return os.Getenv("CLOUDSEED_TEST_ALL") != "" }

// LeftOut ends a test that needs what is not here.
func LeftOut(t testing.TB, needed string) {
	t.Helper()
	if All() {
		t.Fatalf("this test needs %s, and nothing may be skipped", needed)
	}
	Rare(t, needed)
}

// Rare ends a test that needs what machines of CI may lack too, such as a capability. It
// is said there, and is no failure.
func Rare(t testing.TB, needed string) {
	t.Helper()
	fmt.Fprintf(os.Stderr, "LEFT OUT: %s needs %s\n", t.Name(), needed)
	t.Skipf("LEFT OUT: needs %s", needed)
}

// Root leaves a test out that is not run by root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		LeftOut(t, "root")
	}
}

// Programs leaves a test out where one of these is not installed.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			LeftOut(t, "the program "+name)
		}
	}
}

// Network gives the test's thread a network of its own, with no device in it but lo.
func Network(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // the thread is not used again: its network is another one
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		LeftOut(t, fmt.Sprintf("a network of its own (root): %v", err))
	}
}
