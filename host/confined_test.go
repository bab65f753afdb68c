package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
)

// home is a machine with a home in it, and the home opened.
func home(t *testing.T) (dir string, c *host.Confined, effects *[]host.Effect) {
	t.Helper()
	root := t.TempDir()
	dir = filepath.Join(root, "home/u")
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	effects = new([]host.Effect)
	h := host.New(root, host.Options{
		Record: func(e host.Effect) { *effects = append(*effects, e) },
		Chown:  func(string, int, int) error { return nil },
	})
	c, err := h.Confine("/home/u")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, c, effects
}

func TestAFileInAConfinedDirectoryIsWrittenOnceAndRecorded(t *testing.T) {
	t.Parallel()
	dir, c, effects := home(t)
	if err := c.Mkdir(".ssh", 0o700, "", ""); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		changed, err := c.WriteFile(".ssh/authorized_keys", []byte("key\n"), host.File{Mode: 0o600})
		if err != nil || changed != want {
			t.Fatalf("write %d: got %v, %v", i, changed, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, ".ssh/authorized_keys")); err != nil || string(data) != "key\n" {
		t.Errorf("got %q, %v", data, err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, ".ssh")); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if len(*effects) != 2 || (*effects)[1].Path != "/home/u/.ssh/authorized_keys" || (*effects)[1].Mode != "0600" {
		t.Errorf("got %+v", *effects)
	}
}

func TestNothingLeavesAConfinedDirectory(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(dir string) error{
		"the directory is a link to elsewhere": func(dir string) error {
			return os.Symlink("../../etc", filepath.Join(dir, ".ssh"))
		},
		"the directory is an absolute link": func(dir string) error {
			return os.Symlink(filepath.Join(dir, "../../etc"), filepath.Join(dir, ".ssh"))
		},
		"the file is a link": func(dir string) error {
			if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
				return err
			}
			return os.Symlink("../../../etc/authorized_keys", filepath.Join(dir, ".ssh/authorized_keys"))
		},
		"the file has another name": func(dir string) error {
			if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
				return err
			}
			return os.Link(filepath.Join(dir, "../../etc/authorized_keys"), filepath.Join(dir, ".ssh/authorized_keys"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, c, _ := home(t)
			victim := filepath.Join(dir, "../../etc/authorized_keys")
			if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(dir); err != nil {
				t.Fatal(err)
			}
			if data, err := c.ReadFile(".ssh/authorized_keys"); err == nil {
				t.Errorf("it was read: %q", data)
			}
			if _, err := c.WriteFile(".ssh/authorized_keys", []byte("evil"), host.File{}); err == nil ||
				!strings.Contains(err.Error(), "cannot write /home/u/.ssh/authorized_keys") {
				t.Errorf("got %v", err)
			}
			if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
}
