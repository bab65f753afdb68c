package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

func TestSyncBringsOutWhatLasts(t *testing.T) {
	t.Parallel()
	write := func(h *host.Host, path string) error {
		_, err := h.WriteFile(path, []byte("x"), host.File{})
		return err
	}
	for _, test := range []struct {
		name           string
		do             func(m *hosttest.Machine) error
		syncs, flushes int
	}{
		{"nothing is done", func(*hosttest.Machine) error { return nil }, 0, 0},
		{"a hundred new files", func(m *hosttest.Machine) error {
			var errs []error
			for i := range 100 {
				errs = append(errs, write(m.Host, "/etc/new/"+strings.Repeat("x", i+1)))
			}
			return errors.Join(errs...)
		}, 1, 100},
		{"a file is replaced", func(m *hosttest.Machine) error { return write(m.Host, "/etc/old") }, 1, 1},
		{"a file is as it was", func(m *hosttest.Machine) error {
			_, err := m.WriteFile("/etc/old", []byte("old"), host.File{})
			return err
		}, 0, 0},
		{"a file below /run", func(m *hosttest.Machine) error {
			return errors.Join(write(m.Host, "/run/a/file"), write(m.Host, "/run/old"), write(m.Host, "/var/run/file"))
		}, 0, 0},
		{"what may be lost, but must not be half-written", func(m *hosttest.Machine) error { return write(m.Unsynced(), "/etc/old") }, 0, 1},
		{"a directory", func(m *hosttest.Machine) error { return m.Mkdir("/etc/dir", 0o755, host.Owner{}) }, 1, 0},
		{"a link", func(m *hosttest.Machine) error { return m.Symlink("old", "/etc/link") }, 1, 0},
		{"a mode", func(m *hosttest.Machine) error { return m.Chmod("/etc/old", 0o600) }, 1, 0},
		{"something is renamed", func(m *hosttest.Machine) error { return m.Rename("/etc/old", "/etc/name") }, 1, 0},
		{"something is removed", func(m *hosttest.Machine) error { return m.Remove("/etc/old") }, 1, 0},
		{"a command changes something", func(m *hosttest.Machine) error {
			_, err := m.Run(t.Context(), host.Command{Argv: []string{"useradd", "alice"}})
			return err
		}, 1, 0},
		{"a command in the home directories alone", func(m *hosttest.Machine) error {
			must(t, os.Mkdir(filepath.Join(m.Dir, "home"), 0o755))
			_, err := m.Run(t.Context(), host.Command{Argv: []string{"mkhomedir_helper", "alice"}})
			return err
		}, 1, 0},
		{"a command only asks", func(m *hosttest.Machine) error {
			_, err := m.Run(t.Context(), host.Command{Argv: []string{"id"}, Quiet: true})
			return err
		}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, "/etc/old", "old")
			m.Put(t, "/run/old", "old")
			must(t, os.Mkdir(filepath.Join(m.Dir, "var"), 0o755))
			must(t, os.Symlink("../run", filepath.Join(m.Dir, "var/run")))
			must(t, test.do(m))
			must(t, m.Sync())
			must(t, m.Sync())
			if m.Syncs() != test.syncs || m.Flushes() != test.flushes {
				t.Errorf("%d syncs and %d flushes, want %d and %d", m.Syncs(), m.Flushes(), test.syncs, test.flushes)
			}
		})
	}
}

func TestAFileIsReplacedWhenItsContentIsOnDisk(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := filepath.Join(root, "file")
	must(t, os.WriteFile(file, []byte("old"), 0o644))
	failure := errors.New("the disk is broken")
	var seen []string
	h := host.New(root, host.Options{
		Chown: func(string, int, int) error { return nil },
		Flush: func(int) error {
			data, err := os.ReadFile(file)
			seen = append(seen, string(data))
			if len(seen) > 1 {
				err = failure
			}
			return err
		},
		Sync: func(int) error { return nil },
	})
	_, err := h.WriteFile("/file", []byte("new"), host.File{})
	must(t, err)
	if _, err := h.WriteFile("/file", []byte("newer"), host.File{}); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	if want := []string{"old", "new"}; !slices.Equal(seen, want) {
		t.Errorf("while the content was brought out the file held %q, want %q", seen, want)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("after a failure it holds %q, %v", data, err)
	}
}

func TestWhatDependsOnASyncComesAfterIt(t *testing.T) {
	t.Parallel()
	failure := errors.New("the disk is broken")
	var order []string
	var broken error
	h := host.New(t.TempDir(), host.Options{
		Chown: func(string, int, int) error { return nil },
		Sync:  func(int) error { order = append(order, "sync"); return broken },
		Exec: func(_ context.Context, c host.Command) (r host.Result, err error) {
			order = append(order, c.Argv[0])
			return r, nil
		},
	})
	after := func(what string) { h.AfterSync(func() error { order = append(order, what); return nil }) }
	run := func(c host.Command) {
		_, err := h.Run(t.Context(), c)
		must(t, err)
	}
	run(host.Command{Argv: []string{"ours"}})
	after("semaphore")
	run(host.Command{Argv: []string{"script"}, Pass: true})
	must(t, h.Sync())
	if want := []string{"ours", "sync", "semaphore", "script", "sync"}; !slices.Equal(order, want) {
		t.Errorf("the order is %q, want %q", order, want)
	}
	must(t, h.Mkdir("/dir", 0o755, host.Owner{}))
	order, broken = nil, failure
	after("semaphore")
	if err := h.Sync(); !errors.Is(err, failure) || !slices.Equal(order, []string{"sync"}) {
		t.Errorf("of a disk that fails: %v, %q", err, order)
	}
}
