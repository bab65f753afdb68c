package sshd

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/test/needs"
)

// realKeys makes keys on this machine, whose /etc/ssh is never written:
// only the making of keys ahead is tried, below a temporary directory.
func realKeys(t *testing.T) Keygen {
	t.Helper()
	needs.Programs(t, "ssh-keygen")
	return Keygen{
		// A test need not be root.
		Host: host.New("/", host.Options{Chown: func(string, int, int) error { return nil }}), Log: slog.New(slog.DiscardHandler),
		RunDir: t.TempDir(), Instance: "i/1", Hostname: "guest",
	}
}

func TestTheRealSSHKeygenMakesKeysAheadAndIsWaitedFor(t *testing.T) {
	t.Parallel()
	k := realKeys(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := k.Prepare(ctx, HostKeyTypes); err != nil {
		t.Fatal(err)
	}
	cancel() // the stage that started them ends
	started := time.Now()
	for _, kind := range HostKeyTypes {
		said, err := k.Host.Wait(t.Context(), k.pipe(kind))
		if err != nil || said != "" {
			t.Fatalf("%s: %q %v", kind, said, err)
		}
		key, err := readHostKey(k.Host, kind, k.prepared(kind))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key.Private.Reveal(), "-----BEGIN") || !strings.HasSuffix(key.Public, " root@guest\n") {
			t.Errorf("%s: the public key is %q", kind, key.Public)
		}
	}
	t.Logf("waited %s", time.Since(started))
	if info, err := os.Stat(k.dir()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestWaitingForTheRealSSHKeygenIsWaitingUntilItEnds(t *testing.T) {
	t.Parallel()
	k := realKeys(t)
	dir := t.TempDir()
	// 4096 bits take it a good part of a second: long enough to be seen at work.
	at := filepath.Join(dir, "key")
	c := host.Command{Argv: []string{"ssh-keygen", "-q", "-t", "rsa", "-b", "4096", "-N", "", "-f", at}}
	pipe := filepath.Join(dir, "pipe")
	if err := k.Host.Start(t.Context(), c, pipe); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := k.Host.Wait(ctx, pipe)
	if _, made := os.Stat(at + ".pub"); err == nil && made != nil {
		t.Fatal("Wait returned before the key was there")
	}
	if _, err := k.Host.Wait(t.Context(), pipe); err != nil {
		t.Fatal(err)
	}
	if _, err := readHostKey(k.Host, "rsa", at); err != nil {
		t.Error(err)
	}
}
