package host_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/test/needs"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	write := func(want bool, data string, f host.File) {
		t.Helper()
		changed, err := m.WriteFile("/etc/a/b.conf", []byte(data), f)
		if err != nil {
			t.Fatal(err)
		}
		if changed != want {
			t.Errorf("writing %q: changed is %v", data, changed)
		}
	}
	write(true, "one\n", host.File{Mode: 0o600, Owner: host.Owner{UID: 1000, GID: 1000}})
	write(false, "one\n", host.File{Mode: 0o600, Owner: host.Owner{UID: 1000, GID: 1000}})
	write(true, "two\n", host.File{KeepMeta: true})
	if got := m.Text(t, "/etc/a/b.conf"); got != "two\n" {
		t.Errorf("content is %q", got)
	}
	info, err := m.Stat("/etc/a/b.conf")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("KeepMeta made the mode %s", info.Mode())
	}
	write(true, "two\n", host.File{Mode: 0o644})

	var got []string
	for _, e := range m.Effects() {
		got = append(got, string(e.Kind)+" "+string(e.Change)+" "+e.Path+" "+e.Mode)
	}
	want := []string{
		"dir added /etc/a 0755", "file added /etc/a/b.conf 0600",
		"file modified /etc/a/b.conf 0600", "file modified /etc/a/b.conf 0644",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("effects are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if diff := m.Effects()[2].Diff; !strings.Contains(diff, "-one\n+two\n") {
		t.Errorf("diff is %q", diff)
	}
	if entries, err := m.ReadDir("/etc/a"); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestWriteFileOfASecretLeavesNoTraceInTheLedger(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	for _, content := range []string{"hunter2\n", "hunter3\n"} {
		if _, err := m.WriteFile("/etc/key", []byte(content), host.File{Secret: true}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range m.Effects() {
		if e.Before != "" || e.After != "" || e.Diff != "" {
			t.Errorf("the effect tells of the content: %+v", e)
		}
	}
}

func TestWriteFileThatFailsLeavesTheOldContentAndNoOther(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/motd", "old\n")
	refusal := errors.New("it is not to change")
	m.Guard(func(string) error { return refusal })
	if _, err := m.WriteFile("/etc/motd", []byte("new\n"), host.File{}); !errors.Is(err, refusal) {
		t.Fatalf("error is %v", err)
	}
	m.Guard(nil)
	if got := m.Text(t, "/etc/motd"); got != "old\n" {
		t.Errorf("content is %q", got)
	}
	if _, err := m.WriteFile("/etc", nil, host.File{}); err == nil || err.Error() != "cannot write /etc: it is a directory" {
		t.Errorf("error is %v", err)
	}
}

func TestWriteFileFollowsALinkAtTheEnd(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/run/real.conf", "old\n")
	if err := m.Symlink("../run/real.conf", "/etc/link.conf"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteFile("/etc/link.conf", []byte("new\n"), host.File{}); err != nil {
		t.Fatal(err)
	}
	if got := m.Text(t, "/run/real.conf"); got != "new\n" {
		t.Errorf("the link's target holds %q", got)
	}
	if to, err := m.Readlink("/etc/link.conf"); err != nil || to != "../run/real.conf" {
		t.Errorf("the link is now %q, %v", to, err)
	}
}

func TestAnImagesLinksNeverLeadOutOfItsRoot(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	outside := t.TempDir()
	if err := os.MkdirAll(filepath.Join(m.Dir, outside), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"absolute": outside, "relative": strings.Repeat("../", 40) + outside} {
		if err := os.Symlink(target, filepath.Join(m.Dir, "etc", name)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.WriteFile("/etc/"+name+"/x", []byte("x"), host.File{}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(outside, "x")); err == nil {
			t.Errorf("the %s link let a file out of the root", name)
		}
		if got := m.Text(t, outside+"/x"); got != "x" {
			t.Errorf("below the root there is %q", got)
		}
	}
}

func TestALinkThatLeadsToItselfIsAnError(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if err := os.Symlink("loop", filepath.Join(m.Dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteFile("/loop", []byte("x"), host.File{}); err == nil {
		t.Error("writing through it was no error")
	}
}

func TestRemoveRecordsOnlyWhatWasThere(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/var/x/y", "")
	for range 2 {
		if err := m.RemoveAll("/var/x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Effects(); len(got) != 1 || got[0].Change != host.Removed || got[0].Kind != host.KindDir {
		t.Errorf("effects are %+v", got)
	}
}

func TestOwnersAreNamesOrNumbers(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, owner, group, want, fails string }{
		{name: "nobody named is root", want: "0:0"},
		{name: "a user brings its group", owner: "cloud-user", want: "1000:1000"},
		{name: "a group beside the user", owner: "cloud-user", group: "adm", want: "1000:4"},
		{name: "a group alone", group: "wheel", want: "0:10"},
		{name: "numbers that no account has", owner: "4711", group: "4712", want: "4711:4712"},
		{name: "an unknown user", owner: "ghost", fails: `there is no user "ghost"`},
		{name: "an unknown group", group: "ghosts", fails: `there is no group "ghosts"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			owner, err := m.FindOwner(t.Context(), test.owner, test.group)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("error is %v, want %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%d:%d", owner.UID, owner.GID); got != test.want {
				t.Errorf("owner is %s, want %s", got, test.want)
			}
		})
	}
}

func TestANewFileHasItsOwnGroupInADirectoryOfAnother(t *testing.T) {
	needs.Root(t)
	t.Parallel()
	root := t.TempDir()
	for dir, mode := range map[string]os.FileMode{"plain": 0o755, "setgid": 0o755 | os.ModeSetgid} {
		at := filepath.Join(root, dir)
		must(t, os.Mkdir(at, 0o755))
		must(t, os.Chown(at, 0, 1000))
		must(t, os.Chmod(at, mode))
		h := host.New(root, host.Options{})
		_, err := h.WriteFile("/"+dir+"/file", []byte("x"), host.File{})
		must(t, err)
		info, err := h.Stat("/" + dir + "/file")
		must(t, err)
		if got := h.Owner("/"+dir+"/file", info); got != (host.Owner{}) {
			t.Errorf("in the directory %s it belongs to %+v", dir, got)
		}
	}
}

func TestModeOf(t *testing.T) {
	t.Parallel()
	if got, want := host.ModeOf(0o4755), fs.FileMode(0o755)|fs.ModeSetuid; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
