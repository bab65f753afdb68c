package cloudconfig

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config"

	"github.com/google/go-cmp/cmp"
)

func TestPasswordsOfEveryForm(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		userData string
		args     []string
		want     string // users, kinds (0 plain, 1 hash, 2 random) and values
		found    string
	}{
		"nothing":                               {"{}", nil, "", ""},
		"the default user's":                    {"password: a:b", nil, "cloud-user 0 a:b", ""},
		"a hash tells itself":                   {"password: $6$a$b", nil, "cloud-user 1 $6$a$b", ""},
		"so does a random one":                  {"password: R", nil, "cloud-user 2 R", ""},
		"not beside users":                      {"{password: x, chpasswd: {users: [{name: a, password: b}]}}", nil, "a 1 b", ""},
		"not beside a list":                     {"{password: x, chpasswd: {list: [a:b]}}", nil, "a 0 b", ""},
		"an argument goes before the list":      {"{password: x, chpasswd: {list: [a:b]}}", []string{"y"}, "cloud-user 0 y", ""},
		"a user says what its password is":      {"chpasswd: {users: [{name: a, password: $6$a$b, type: text}, {name: b, type: RANDOM}]}", nil, "a 0 $6$a$b, b 2 ", ""},
		"a type that there is not is not set":   {"chpasswd: {users: [{name: a, password: b, type: c}]}", nil, "", ""},
		"a list in one string":                  {"chpasswd: {list: \"a:b\\r\\n\\nc:d\"}", nil, "a 0 b, c 0 d", ""},
		"mappings are pairs":                    {"chpasswd: {list: [{a: b}, 'c:d']}", nil, "a 0 b, c 0 d", ""},
		"a list of mistakes is a list":          {"{password: x, chpasswd: {list: \"\\na\"}}", nil, "", "user-data:1:32: chpasswd.list: line 2: expected name:password, found no colon"},
		"a space is part of the password":       {"chpasswd: {list: ['a: b']}", nil, "a 0  b", "user-data:1:19: chpasswd.list.0: the password begins with a space, which is part of it"},
		"without a name":                        {"chpasswd: {users: [{password: b}]}", nil, "", "user-data:1:20: chpasswd.users.0.name: expected a name, got nothing, so this password is skipped"},
		"without a default user it is nobody's": {"{password: x, users: [ann]}", nil, "", "user-data:1:12: password: there is no default user whose password it could be, so it is ignored"},
	} {
		var findings config.Findings
		system := parsed(t, "/etc/cloud/cloud.cfg", systemConfig)
		all := config.New(config.Layer{Name: "/etc/cloud/cloud.cfg", Value: system}, config.Layer{Name: "user-data", Value: parsed(t, "user-data", row.userData)})
		var got []string
		for _, p := range Passwords(all.Root().At(&findings), system.Path("system_info.default_user"), row.args) {
			got = append(got, fmt.Sprintf("%s %d %s", p.User, p.Kind, p.Value.Reveal()))
		}
		var found []string
		for _, p := range findings.List() {
			found = append(found, p.Error())
		}
		if diff := cmp.Diff([]string{row.want, row.found}, []string{strings.Join(got, ", "), strings.Join(found, "\n")}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
