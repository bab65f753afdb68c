package boot

import (
	"log/slog"
	"strings"
	"testing"

	"cloudseed/datasource"
	"cloudseed/host/hosttest"
	"cloudseed/secret"
)

func TestAConfigDrivesFilesAreWrittenForANewInstanceOnly(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	b := New(Options{Host: m.Host, Log: slog.New(slog.DiscardHandler)})
	b.instance.seed = &datasource.Seed{InstanceID: "i-1", Files: []datasource.File{
		{Path: "/etc/passwd/x", Content: secret.NewBytes([]byte("a file is in the way"))},
		{Path: "/etc/new/a", Content: secret.NewBytes([]byte("a\x00"))},
	}}
	if err := b.injectFiles(t.Context()); err == nil || !strings.Contains(err.Error(), "/etc/passwd/x") {
		t.Errorf("got the error %v", err)
	}
	if got := m.Text(t, "/etc/new/a"); got != "a\x00" {
		t.Errorf("got %q", got)
	}
	if info, err := m.Stat("/etc/new/a"); err != nil || info.Mode() != 0o660 {
		t.Errorf("got the mode %v, %v", info.Mode(), err)
	}
	m.Put(t, "/etc/new/a", "changed since")
	m.Put(t, "/var/lib/cloud/data/instance-id", "i-1\n")
	if err := b.injectFiles(t.Context()); err != nil || m.Text(t, "/etc/new/a") != "changed since" {
		t.Errorf("at the next boot: got %v, %q", err, m.Text(t, "/etc/new/a"))
	}
}
