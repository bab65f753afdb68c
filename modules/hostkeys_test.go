package modules

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/test/needs"
)

// realKeys is a module's environment on this machine, whose /etc/ssh is never written:
// only the making of keys ahead is tried, below a temporary directory.
func realKeys(t *testing.T) *Env {
	t.Helper()
	needs.Programs(t, "ssh-keygen")
	return &Env{
		// A test need not be root.
		Host: host.New("/", host.Options{Chown: func(string, int, int) error { return nil }}), Log: slog.New(slog.DiscardHandler),
		Config:   config.New(config.Layer{Name: "user-data", Value: parsed(t, "user-data", "hostname: guest")}),
		Instance: Instance{ID: "i/1", RunDir: t.TempDir()},
	}
}

func TestTheRealSSHKeygenMakesKeysAheadAndIsWaitedFor(t *testing.T) {
	t.Parallel()
	e := realKeys(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := prepareHostKeys(ctx, e, hostKeyTypes); err != nil {
		t.Fatal(err)
	}
	cancel() // the stage that started them ends
	started := time.Now()
	for _, kind := range hostKeyTypes {
		said, err := e.Host.Wait(t.Context(), preparedPipe(e, kind))
		if err != nil || said != "" {
			t.Fatalf("%s: %q %v", kind, said, err)
		}
		key, err := readHostKey(e.Host, kind, preparedPath(e, kind))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(key.private), "-----BEGIN") || !strings.HasSuffix(string(key.public), " root@guest\n") {
			t.Errorf("%s: the public key is %q", kind, key.public)
		}
	}
	t.Logf("waited %s", time.Since(started))
	if info, err := os.Stat(preparedDir(e)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestWaitingForTheRealSSHKeygenIsWaitingUntilItEnds(t *testing.T) {
	t.Parallel()
	e := realKeys(t)
	dir := t.TempDir()
	// 4096 bits take it a good part of a second: long enough to be seen at work.
	at := filepath.Join(dir, "key")
	c := host.Command{Argv: []string{"ssh-keygen", "-q", "-t", "rsa", "-b", "4096", "-N", "", "-f", at}}
	pipe := filepath.Join(dir, "pipe")
	if err := e.Host.Start(t.Context(), c, pipe); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := e.Host.Wait(ctx, pipe)
	if _, made := os.Stat(at + ".pub"); err == nil && made != nil {
		t.Fatal("Wait returned before the key was there")
	}
	if _, err := e.Host.Wait(t.Context(), pipe); err != nil {
		t.Fatal(err)
	}
	if _, err := readHostKey(e.Host, "rsa", at); err != nil {
		t.Error(err)
	}
}
