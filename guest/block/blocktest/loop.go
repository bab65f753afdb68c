package blocktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/test/needs"
)

// Loop makes a loop device of a new file with a partition table by sfdisk, and makes it larger
// than the table knows. Options are losetup's. It leaves the test out where this machine has no loop devices.
func Loop(t testing.TB, before, after int64, table string, options ...string) string {
	t.Helper()
	needs.Root(t)
	needs.Programs(t, "losetup", "sfdisk", "partx")
	file := filepath.Join(t.TempDir(), "disk")
	Sized(t, file, before)
	if table != "" {
		cmd := exec.CommandContext(t.Context(), "sfdisk", "-q", file)
		cmd.Stdin = strings.NewReader(table)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("sfdisk: %v: %s", err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), "losetup", append([]string{"--find", "--show", "--partscan", file}, options...)...).CombinedOutput()
	if err != nil {
		needs.LeftOut(t, "loop devices: "+strings.TrimSpace(string(out)))
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if _, err := os.Stat(device + "p1"); err == nil {
			Undo(t, "partx", "--delete", device)
		}
		Undo(t, "losetup", "--detach", device)
	})
	if table != "" {
		// The kernel may read no partition tables by itself.
		_ = exec.CommandContext(t.Context(), "partx", "--add", device).Run()
		if _, err := os.Stat(device + "p1"); err != nil {
			needs.LeftOut(t, "partitions of loop devices")
		}
	}
	if after > 0 {
		Sized(t, file, after)
		Do(t, "losetup", "--set-capacity", device)
	}
	return device
}

// Sized makes a file, or one of another size.
func Sized(t testing.TB, file string, mib int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(mib << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Do runs a program for real.
func Do(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

// Undo is Do for a test's cleanup, when its context is over. It tries again while a copy of the
// machine's mounts, which another test made, keeps a device busy.
func Undo(t testing.TB, argv ...string) {
	t.Helper()
	var out []byte
	var err error
	for range 120 {
		if out, err = exec.Command(argv[0], argv[1:]...).CombinedOutput(); err == nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Errorf("%q: %v: %s", argv, err, out)
}
