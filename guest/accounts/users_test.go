package accounts

import (
	"errors"
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

func TestAUserIsNotedWhileItIsCreated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		user   User
		noted  string
		failed error
	}{
		"with a home that is created": {User{Name: "ann"}, "ann\n/home/ann\n", nil},
		"with a home that is there":   {User{Name: "ann", Home: "/etc"}, "ann\n", nil},
		"and no longer if it cannot":  {User{Name: "ann", Home: "/etc"}, "", errors.New("refused")},
	} {
		m := hosttest.New(t)
		c := Creation{Host: m.Host, Note: note}
		m.Answer("useradd", host.Result{}, row.failed)
		if err := c.Begin(row.user); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(t.Context(), row.user); (err == nil) != (row.failed == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if row.noted == "" {
			if m.Exists(note) {
				t.Errorf("%s: it is noted", name)
			}
			continue
		}
		if got := m.Text(t, note); got != row.noted {
			t.Errorf("%s: noted %q", name, got)
		}
		if err := c.End(); err != nil || m.Exists(note) {
			t.Errorf("%s: the note is left: %v", name, err)
		}
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
		"with its home":                  {"cloud-user\n/home/cloud-user\n", true, true, []string{"userdel cloud-user"}},
		"not with a home from before":    {"cloud-user\n", true, false, []string{"userdel cloud-user"}},
		"its home before it was entered": {"ann\n/home/cloud-user\n", true, true, nil},
		"not one that nobody wants":      {"cloud-user\n/home/cloud-user\n", false, false, nil},
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
