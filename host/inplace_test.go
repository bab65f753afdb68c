package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"golang.org/x/sys/unix"
)

func TestAPipeIsWrittenIntoAndNotReplaced(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	pipe := filepath.Join(m.Dir, "etc/pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteFile("/etc/pipe", []byte("x"), host.File{}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("with no reader the error is %v", err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, write := range []func(string, []byte, host.File) (bool, error){m.WriteFile, m.AppendFile} {
		if _, err := write("/etc/pipe", []byte("hello"), host.File{}); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 10)
		if n, err := reader.Read(got); err != nil || string(got[:n]) != "hello" {
			t.Errorf("read %q, %v", got[:n], err)
		}
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode() != fs.ModeNamedPipe|0o600 {
		t.Errorf("it became %v, %v", info.Mode(), err)
	}
}

func TestASettingOfTheKernelIsWrittenInto(t *testing.T) {
	t.Parallel()
	m := host.New("/", host.Options{})
	// The process's own name for the kernel: harmless, and gone with it.
	const setting = "/proc/self/comm"
	before, err := os.ReadFile(setting)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteFile(setting, before, host.File{Mode: 0o600}); err != nil {
		t.Error(err)
	}
}

func TestAFileMayHaveNoPermissionsAtAll(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if _, err := m.WriteFile("/etc/shut", []byte("x"), host.File{Mode: host.NoAccess}); err != nil {
		t.Fatal(err)
	}
	if info, err := m.Stat("/etc/shut"); err != nil || info.Mode() != 0 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

func TestIsTemporary(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{".runcmd.cloudseed~": true, "runcmd": false, ".hidden": false, "x.cloudseed~": false} {
		if got := host.IsTemporary(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
