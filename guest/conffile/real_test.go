package conffile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"
)

// TestRealProgramsCheckTheirFiles has the real programs judge files in a directory of the
// test's own.
func TestRealProgramsCheckTheirFiles(t *testing.T) {
	t.Parallel()
	chronyd := Program{Argv: func(c string) []string { return []string{"chronyd", "-p", "-f", c} }, Unable: []string{"invalid option"}}
	rsyslogd := Program{Argv: func(c string) []string { return []string{"rsyslogd", "-N1", "-f", c} }, Main: "rsyslog.conf"}
	for name, row := range map[string]struct {
		program   Program
		file      string
		good, bad string
		said      string
	}{
		"chronyd":  {chronyd, "chrony.conf", "pool 0.rhel.pool.ntp.org iburst\nallow 10.0.0.0/8\n", "pool a\nbogus 1\n", "Invalid directive at line 2 in file DIR/chrony.conf"},
		"rsyslogd": {rsyslogd, "rsyslog.d/a.conf", "*.* @@192.0.2.1:514\n", "good.* /x\nbogus line\n", "error during parsing file DIR/rsyslog.d/a.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs.Programs(t, row.program.Argv("")[0])
			dir := t.TempDir()
			main := "module(load=\"imuxsock\")\n$IncludeConfig " + dir + "/rsyslog.d/*.conf\n*.* " + dir + "/log\n"
			if err := os.WriteFile(filepath.Join(dir, "rsyslog.conf"), []byte(main), 0o600); err != nil {
				t.Fatal(err)
			}
			if row.program.Main != "" {
				row.program.Main = filepath.Join(dir, row.program.Main)
			}
			h := host.New("/", host.Options{Chown: func(string, int, int) error { return nil }})
			file := File{Path: filepath.Join(dir, row.file), Data: []byte(row.good), Mode: 0o440}
			changed, err := Write(t.Context(), h, row.program, file)
			if err != nil || len(changed) != 1 {
				t.Fatalf("changed %q, %v", changed, err)
			}
			file.Data = []byte(row.bad)
			_, err = Write(t.Context(), h, row.program, file)
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, "DIR"), row.said) {
				t.Errorf("the error is %v, want one with %q", err, row.said)
			}
			if data, err := os.ReadFile(file.Path); err != nil || string(data) != row.good {
				t.Errorf("the file has %q, %v", data, err)
			}
		})
	}
}

func TestAFileKeepsItsOwnerAndMode(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	h, at := host.New("/", host.Options{}), filepath.Join(t.TempDir(), "c.conf")
	if err := os.WriteFile(at, []byte("old\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(at, 7, 8); err != nil {
		t.Fatal(err)
	}
	anything := Program{Argv: func(c string) []string { return []string{"test", "-s", c} }}
	for _, path := range []string{at, at + ".new"} {
		if _, err := Write(t.Context(), h, anything, File{Path: path, Data: []byte("new\n"), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{at: "-rw-r----- 7:8", at + ".new": "-rw------- 0:0"} {
		info, err := h.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := h.Owner(path, info)
		if got := fmt.Sprintf("%v %d:%d", info.Mode(), owner.UID, owner.GID); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
