package host_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloudseed/host"
)

func TestTheSystemsLogGetsWhatLoggerWouldSend(t *testing.T) {
	t.Parallel()
	// The address of a socket has at most 107 bytes; a test's own directory may have more.
	root, err := os.MkdirTemp("", "syslog")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	now := func() time.Time { return time.Date(2026, 3, 7, 4, 5, 6, 0, time.UTC) }
	machine := host.New(root, host.Options{Runs: true, Now: now})
	line := machine.SyslogLine("cloud-init", "-p a message  ")
	if want := "<14>Mar  7 04:05:06 cloud-init: -p a message  "; line != want {
		t.Errorf("the line is %q, want %q", line, want)
	}
	if err := machine.Syslog(line); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
	if err := host.New(root, host.Options{}).Syslog(line); err != nil {
		t.Errorf("an image: %v", err)
	}
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(root, "dev/log"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := machine.Syslog(line, "another"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{line, "another"} {
		got := make([]byte, 100)
		if err := log.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := log.Read(got)
		if err != nil || string(got[:n]) != want {
			t.Errorf("the log gets %q, want %q; %v", got[:n], want, err)
		}
	}
}
