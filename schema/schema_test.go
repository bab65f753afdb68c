package schema

import (
	"slices"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules"

	"github.com/google/go-cmp/cmp"
)

// checked is what is wrong with a document, a line each.
func checked(t *testing.T, check func(*config.Value) []config.Problem, document string) string {
	t.Helper()
	v, problems, err := yaml.Parse("doc", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range append(problems, check(v)...) {
		lines = append(lines, p.Severity.String()+": "+p.Error())
	}
	return strings.Join(lines, "\n")
}

func TestCloudConfigIsCheckedByTheModulesKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, document, want string }{
		{"a document that says nothing wrong", "hostname: web1\nruncmd:\n- [ls, -l]\n- ls\nusers: [default, {name: ann, sudo: null}]\n", ""},
		{"an empty document", "", ""},
		{"a list in place of keys", "- ls\n", "error: doc:1:1: expected a mapping, such as hostname: web1; nothing of it was applied"},
		{"an unknown key", "hostnam: web1\n", "warning: doc:1:1: hostnam: unknown key (did you mean hostname?); it was ignored"},
		{"a key of a module that is not here", "packages: [vim]\nsnap: {commands: [x]}\n", ""},
		{"a key inside a list", "write_files:\n- path: /x\n  contents: a\n", "warning: doc:3:3: write_files.0.contents: unknown key (did you mean content?); it was ignored"},
		{"a key of a user", "users:\n- name: ann\n  shel: /bin/sh\n", "warning: doc:3:3: users.0.shel: unknown key (did you mean shell?); it was ignored"},
		{"a deprecated spelling", "users:\n- name: ann\n  lock-passwd: false\n", "deprecated: doc:3:3: users.0.lock-passwd: deprecated since cloud-init 22.3: write lock_passwd"},
		{"a wrong type", "ssh_deletekeys: perhaps\n", `error: doc:1:17: ssh_deletekeys: expected a boolean, got "perhaps"`},
		{"a word that is none of those there are", "chpasswd:\n  users:\n  - {name: a, password: b, type: hsh}\n", `error: doc:3:34: chpasswd.users.0.type: expected hash, text or RANDOM, got "hsh" (did you mean hash?)`},
		{"an entry that is no command, in the module's words", "runcmd:\n- echo a: b\n", "error: doc:2:3: runcmd.0: expected a command as a string or a list, got a mapping; it was skipped (a command with a colon and a space in it must be quoted)"},
		{"commands as a number", "runcmd: 5\n", "error: doc:1:9: runcmd: expected a list of commands, got the number 5; none was run"},
		{"nothing in a list of files", "write_files:\n-\n", "error: doc:2:2: write_files.0: expected a mapping, got nothing"},
		{"a password as a list is not shown", "password: [secret]\n", "error: doc:1:11: password: expected a string, got a list"},
		{"a hostname that no machine can have", "hostname: a b\n", `error: doc:1:11: hostname: "a b" has the character ' ', and a hostname can have letters a to z, digits, '-', '_' and '.'; the hostname was unchanged`},
		{"base64 that is none", "write_files:\n- path: /x\n  encoding: b64\n  content: abc\n", "error: doc:4:12: write_files.0.content: cannot decode the content as base64: it is not complete; nothing was written"},
		{"a password of the default user, whom the system's configuration names", "password: a\n", ""},
		{"a password of the default user, who is not to be made", "users: [ann]\npassword: a\n", "warning: doc:2:11: password: there is no default user whose password it could be, so it is ignored"},
		{"null counts as absent", "runcmd:\nusers:\nhostname: ~\nchpasswd:\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, checked(t, CloudConfig, test.document)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNetworkConfigIsCheckedWithoutAMachine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, document, want string }{
		{"an interface of whatever machine", "version: 2\nethernets:\n  a:\n    match: {driver: virtio_net}\n    dhcp4: true\n  b:\n    match: {macaddress: '52:54:00:00:00:01'}\n    set-name: lan\n", ""},
		{"a version that there is not", "network: {version: 3}\n", `error: doc:1:20: network.version: expected 1 or 2, got "3"`},
		{"an address that is none", "version: 2\nethernets: {eth0: {addresses: [10.0.0.300/24]}}\n", "error: doc:2:13: ethernets.eth0: none of its addresses can be used; the device was skipped\n" +
			`error: doc:2:32: ethernets.eth0.addresses.0: expected an IP address, got "10.0.0.300/24"; it was skipped`},
		{"an interface by a pattern", "version: 2\nethernets:\n  a:\n    match: {name: en*}\n    dhcp4: true\n", ""},
		{"no document", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, checked(t, NetworkConfig, test.document)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheExamplesOfModulesAreValid(t *testing.T) {
	t.Parallel()
	for _, m := range modules.All() {
		v, problems, err := yaml.Parse(m.Name, []byte(m.Example))
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", m.Name, err, problems)
		}
		for _, p := range CloudConfig(v) {
			t.Errorf("the example is not valid: %v", p)
		}
		given := func(key string) bool { return v.Get(key) != nil }
		if len(m.ActiveIf) > 0 && m.Example != "" && !slices.ContainsFunc(m.ActiveIf, given) {
			t.Errorf("the example of %s has none of its keys", m.Name)
		}
	}
}
