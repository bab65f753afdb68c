package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
)

func TestACursorReportsWithItsPlaceAndPath(t *testing.T) {
	t.Parallel()
	v, _, err := yaml.Parse("doc", []byte("users:\n- name: ann\n  uid: [1]\n- default\n"))
	if err != nil {
		t.Fatal(err)
	}
	var found config.Findings
	users := v.At(&found).Get("users")
	users.Items()[0].Get("uid").Errorf("expected %s", "a number")
	users.Path("0.shell").Warnf("it is not given") // at the place of what it would be in
	users.Get("7").Notef("there is no such user")
	users.Items()[0].Entries()[0].Value.Deprecatedf("an old spelling")
	users.Get("1").Fail(errors.Join(fs.ErrExist, errors.Join(nil, fs.ErrClosed)))
	users.Fail(nil)
	first := users.Items()[0]
	first.AtKey("uid").Errorf("a key's place")
	first.AtKey("gid").Errorf("an absent key's is its mapping's")
	first.Get("name").Under(users).Errorf("part of users, at %s", first.Get("name").Pos())
	found.At(config.Pos{File: "interfaces", Line: 3}, "mtu").Warnf("a line of another language")
	want := `error doc:3:8: users.0.uid: expected a number
warning doc:2:3: users.0.shell: it is not given
note doc:2:1: users.7: there is no such user
deprecated doc:2:9: users.0.name: an old spelling
error doc:4:3: users.1: file already exists
error doc:4:3: users.1: file already closed
error doc:3:3: users.0.uid: a key's place
error doc:2:3: users.0.gid: an absent key's is its mapping's
error doc:2:9: users: part of users, at doc:2:9
warning interfaces:3: mtu: a line of another language
`
	var got strings.Builder
	for _, p := range found.List() {
		fmt.Fprintln(&got, p.Severity, p.Error())
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	if list := found.List(); !errors.Is(list[4], fs.ErrExist) {
		t.Error("the cause of an error is lost")
	}
}
