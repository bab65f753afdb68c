package cloudconfig

import (
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// summary is an account in a line: name, "*" for the default user, groups, and where
// it says so its shell.
func summary(u User) string {
	text := u.Name
	if u.IsDefault {
		text += "*"
	}
	if groups := u.Groups(); len(groups) > 0 {
		text += " in " + strings.Join(groups, ",")
	}
	if v := u.Get("shell"); v != nil {
		text += " with " + v.Text()
	}
	return text
}

// systemConfig is what cloud.cfg of the RHEL family says about accounts.
const systemConfig = `
users: [default]
disable_root: true
system_info:
  default_user:
    name: cloud-user
    lock_passwd: true
    gecos: Cloud User
    groups: [adm, systemd-journal]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
`

// users are those of user data on a system of the RHEL family.
func users(t *testing.T, userData string) ([]User, []config.Problem) {
	t.Helper()
	var findings config.Findings
	system := parsed(t, "/etc/cloud/cloud.cfg", systemConfig)
	all := config.New(config.Layer{Name: "/etc/cloud/cloud.cfg", Value: system}, config.Layer{Name: "user-data", Value: parsed(t, "user-data", userData)})
	found := Users(all.Root().At(&findings), system.Path("system_info.default_user"))
	return found, findings.List()
}

func parsed(t *testing.T, file, content string) *config.Value {
	t.Helper()
	v, problems, err := yaml.Parse(file, []byte(content))
	if err != nil || len(problems) > 0 {
		t.Fatalf("%s: %v %v", file, err, problems)
	}
	return v
}

func TestUsersOfEveryFormOfUsers(t *testing.T) {
	t.Parallel()
	const cloudUser = "cloud-user* in adm,systemd-journal with /bin/bash"
	for name, row := range map[string]struct {
		userData string
		want     []string
	}{
		"nothing said is the system's default user": {"{}", []string{cloudUser}},
		"an empty list is nobody":                   {"users: []", nil},
		"the default user is made last":             {"users: [default, ann, bob]", []string{"ann", "bob", cloudUser}},
		"without default there is no default user":  {"users: [ann]", []string{"ann"}},
		"a string is names in order of the alphabet": {
			"users: bob, ann,default", []string{"ann", "bob", cloudUser},
		},
		"a map is users that are true or have keys": {
			"users: {ann: true, bob: no, eve: {shell: /bin/sh}, default: 1}", []string{"ann", "eve with /bin/sh", cloudUser},
		},
		"one item may name several, and a list too": {
			"users: ['ann,bob', [eve, joe]]", []string{"ann", "bob", "eve", "joe"},
		},
		"of two entries for a user the first that says a thing wins": {
			"users: [{name: ann, shell: /bin/a}, {name: ann, shell: /bin/b, groups: wheel}]", []string{"ann in wheel with /bin/a"},
		},
		"an entry without a name is about the default user": {
			"users: [default, {shell: /bin/zsh, groups: [wheel]}]", []string{"cloud-user* in adm,systemd-journal with /bin/zsh"},
		},
		"the entry of the default user's own name goes before that of default": {
			"users: [{name: default, shell: /bin/zsh}, {name: cloud-user, shell: /bin/dash}]", []string{"cloud-user* in adm,systemd-journal with /bin/dash"},
		},
		"both go before user": {
			"{user: {name: me, shell: /bin/csh}, users: [{name: default, shell: /bin/zsh}]}", []string{"me* in adm,systemd-journal with /bin/zsh"},
		},
		"user goes before the system": {
			"{user: {name: me, shell: /bin/csh, groups: a}, users: [{name: me, groups: b}]}", []string{"me* in a,b with /bin/csh"},
		},
		"groups under the default user's own name are added": {
			"users: [default, {name: cloud-user, groups: 'wheel, adm'}]", []string{"cloud-user* in adm,systemd-journal,wheel with /bin/bash"},
		},
		"a number is a name": {"users: [{name: 1000}, 2000]", []string{"1000", "2000"}},
		"user renames the default user (oVirt)": {
			"user: root", []string{"root* in adm,systemd-journal with /bin/bash"},
		},
		"user asks for the default user even if users does not": {
			"user: ann\nusers: [bob]", []string{"bob", "ann* in adm,systemd-journal with /bin/bash"},
		},
		"user as a map is put over the system's default": {
			"user: {name: ann, shell: /bin/sh, groups: wheel}\nusers: []", []string{"ann* in wheel with /bin/sh"},
		},
		"user without a name changes the default user": {
			"user: {shell: /bin/sh}", []string{"cloud-user* in adm,systemd-journal with /bin/sh"},
		},
		"an empty user is none": {"user: ''", []string{cloudUser}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, problems := users(t, row.userData)
			var got []string
			for _, a := range found {
				got = append(got, summary(a))
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			for _, p := range problems {
				if p.Severity != config.Deprecated {
					t.Error(p)
				}
			}
		})
	}
}

func TestTheDefaultUserIsAtWhatIsSaidOfIt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ userData, at string }{
		"its mention, where no more is said":    {"users: [ann, default]", "users.1"},
		"user, where that says what it is":      {"users: [default]\nuser: {shell: /bin/sh}", "user"},
		"user, where users does not mention it": {"user: ann\nusers: [bob]", "user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, _ := users(t, row.userData)
			if at := found[len(found)-1].At.Key(); at != row.at {
				t.Errorf("it is at %q, want %q", at, row.at)
			}
		})
	}
}

func TestUsersThatCannotBeUnderstoodAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ userData, want string }{
		"a name that is null": {
			"users:\n  - default\n  - name:\n    shell: /bin/sh\n",
			"user-data:3:10: users.1.name: expected a name, got nothing, so this user is skipped",
		},
		"a name that is a list": {
			"users:\n  - name: [a, b]\n", "user-data:2:11: users.0.name: expected a name, got a list, so this user is skipped",
		},
		"an item that is null":   {"users:\n  - ann\n  -\n", "user-data:3:4: users.1: expected a name or the keys of a user, got nothing"},
		"users that is a number": {"users: 5", "user-data:1:8: users: expected a list of users, got the number 5; it is ignored"},
		"user that is a list":    {"user: [a]", "user-data:1:7: user: expected a name or a mapping, so it is ignored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := users(t, row.userData)
			if len(problems) != 1 || problems[0].Error() != row.want {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestGroupsOfEveryForm(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		groups string
		want   []Group
	}{
		"a list of names":       {"[a, b]", []Group{{Name: "a"}, {Name: "b"}}},
		"a string":              {"a, b", []Group{{Name: "a"}, {Name: "b"}}},
		"a map":                 {"{a: [x, y], b: x}", []Group{{Name: "a", Members: []string{"x", "y"}}, {Name: "b", Members: []string{"x"}}}},
		"a list with members":   {"[{a: [y, x, y]}, b]", []Group{{Name: "a", Members: []string{"x", "y"}}, {Name: "b"}}},
		"a group without any":   {"[{a: }]", []Group{{Name: "a"}}},
		"a group named twice":   {"[a, {a: x}, {a: y}]", []Group{{Name: "a", Members: []string{"x", "y"}}}},
		"members in one string": {"{a: 'x,y'}", []Group{{Name: "a", Members: []string{"x", "y"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var findings config.Findings
			got := Groups(parsed(t, "user-data", row.groups).At(&findings))
			if problems := findings.List(); len(problems) > 0 {
				t.Error(problems)
			}
			for i := range got {
				got[i].At = config.Cursor{}
			}
			if diff := cmp.Diff(row.want, got, cmpopts.IgnoreTypes(config.Cursor{}), cmp.Transformer("empty", func(s []string) string { return strings.Join(s, ",") })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
