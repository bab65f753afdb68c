package accounts

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

func TestNamesThatProgramsWouldReadAsSomethingElse(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"ann": true, "1000": true, "a.b$": true, "": false, "-r": false, "a b": false, "a:b": false, "a,b": false, "a/b": false, "a\nb": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestANumberIsNotTheNameOfItsUserOrGroup(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if !HasUser(t.Context(), m.Host, "root") || HasUser(t.Context(), m.Host, "0") || HasUser(t.Context(), m.Host, "ghost") {
		t.Error("users")
	}
	if !HasGroup(t.Context(), m.Host, "wheel") || HasGroup(t.Context(), m.Host, "10") || HasGroup(t.Context(), m.Host, "ghost") {
		t.Error("groups")
	}
}

func TestGroupsAreCreatedAndGetMembers(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if err := errors.Join(CreateGroup(t.Context(), m.Host, "dev"), AddMember(t.Context(), m.Host, "dev", "ann")); err != nil {
		t.Error(err)
	}
	if err := CreateGroup(t.Context(), m.Host, "-r"); err == nil {
		t.Error("an option is taken for a group")
	}
	if got := strings.Join(m.Lines(), "; "); got != "groupadd dev; usermod -a -G dev ann" {
		t.Error(got)
	}
	m.Answer("", host.Result{Exit: -1}, errors.New("refused"))
	for want, err := range map[string]error{
		"cannot create the group dev: refused":     CreateGroup(t.Context(), m.Host, "dev"),
		"cannot add ann to the group dev: refused": AddMember(t.Context(), m.Host, "dev", "ann"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestHomesAreThoseOfUseradd(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "/home/ann", "/srv/ann/": "/srv/ann", "srv/../ann": "/ann"} {
		if got := HomeOf("ann", given); got != want {
			t.Errorf("%q: %s", given, got)
		}
	}
}

const note = "/var/lib/cloud/instance/creating-user"

func TestUsersAreNotedUntilTheirHomesAreOnDisk(t *testing.T) {
	t.Parallel()
	var notedAtSync []string
	h := host.New(t.TempDir(), host.Options{Exec: func(context.Context, host.Command) (host.Result, error) { return host.Result{}, nil }})
	text := func() string {
		data, err := h.ReadFile(note)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return string(data)
	}
	synced := host.New(h.Root(), host.Options{
		Sync: func(int) error { notedAtSync = append(notedAtSync, text()); return nil },
		Exec: func(context.Context, host.Command) (host.Result, error) { return host.Result{}, nil },
	})
	if _, err := h.WriteFile("/etc/hosts", nil, host.File{}); err != nil {
		t.Fatal(err)
	}
	c, users := Creation{Host: synced, Note: note}, []User{{Name: "ann"}, {Name: "bob", Home: "/etc"}}
	if err := c.Begin(users...); err != nil {
		t.Fatal(err)
	}
	want := []string{"ann:/home/ann\nbob:\n"}
	if diff := cmp.Diff(want, notedAtSync); diff != "" {
		t.Errorf("before the first is created: %s", diff)
	}
	for _, u := range users {
		if err := c.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	c.End()
	if got := text(); got != want[0] {
		t.Errorf("when all are created, but not yet on disk, the note has %q", got)
	}
	if err := synced.Sync(); err != nil || text() != "" {
		t.Errorf("when all are on disk the note has %q: %v", text(), err)
	}
}

func TestAUserWhoseCreationWasInterruptedIsRemoved(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		noted   string
		wanted  bool
		removes bool // the home directory
		lines   []string
	}{
		"nothing was interrupted":        {"", true, false, nil},
		"with its home":                  {"cloud-user:/home/cloud-user\n", true, true, []string{"userdel cloud-user"}},
		"not with a home from before":    {"cloud-user:\n", true, false, []string{"userdel cloud-user"}},
		"its home before it was entered": {"ann:/home/cloud-user\n", true, true, nil},
		"one of several":                 {"ann:/home/ann\ncloud-user:/home/cloud-user\n", true, true, []string{"userdel cloud-user"}},
		"not one that nobody wants":      {"cloud-user:/home/cloud-user\n", false, false, nil},
	} {
		m := hosttest.New(t)
		m.Put(t, "/home/cloud-user/.bashrc", "")
		if row.noted != "" {
			m.Put(t, note, row.noted)
		}
		c := Creation{Host: m.Host, Note: note}
		if err := c.Resume(t.Context(), func(string) bool { return row.wanted }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(row.lines, m.Lines()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if m.Exists(note) || m.Exists("/home/cloud-user") == row.removes {
			t.Errorf("%s: the note is there: %v, the home: %v", name, m.Exists(note), m.Exists("/home/cloud-user"))
		}
	}
}

func TestAllThatIsSaidOfAUserIsGivenToUseradd(t *testing.T) {
	t.Parallel()
	all := User{
		Name: "ann", Comment: "Ann Lee", Home: "/srv/ann", Shell: "/bin/sh", UID: "1234", PrimaryGroup: "wheel", Groups: []string{"adm", "dev"},
		ExpireDate: "2032-09-01", Inactive: "5", SELinuxUser: "staff_u", System: true, NoUserGroup: true, NoLogInit: true, NoCreateHome: true,
	}
	want := []string{
		"useradd", "ann", "--expiredate", "2032-09-01", "--comment", "Ann Lee", "--groups", "adm,dev", "--home", "/srv/ann", "--inactive", "5",
		"--no-log-init", "--no-user-group", "--gid", "wheel", "--selinux-user", "staff_u", "--shell", "/bin/sh", "--system", "--uid", "1234", "-M",
	}
	if diff := cmp.Diff(want, all.useradd()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"useradd", "ann", "-m"}, User{Name: "ann"}.useradd()); diff != "" {
		t.Error(diff)
	}
}
