package modules

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

const importedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e"

// servers answer as GitHub and Launchpad do.
func servers(asked *[]string) func(context.Context, string, map[string]string) ([]byte, error) {
	return func(_ context.Context, url string, _ map[string]string) ([]byte, error) {
		*asked = append(*asked, url)
		text, known := map[string]string{
			"https://github.com/alice.keys":                importedKey + "\n",
			"https://launchpad.net/~alice/+sshkeys":        importedKey + " alice@home\r\n\r\n",
			"https://github.com/empty.keys":                "",
			"https://github.com/page.keys":                 "<html>\n",
			"https://github.com/mixed.keys":                importedKey + " \x1b[2Jx\nfrom=\"192.0.2.1\" " + importedKey + "\njunk\n",
			"https://github.com/large.keys":                strings.Repeat("#", 2<<20),
			"https://launchpad.net/~a+b.c-d/+sshkeys":      importedKey + "\n",
			"https://launchpad.net/~0123/+sshkeys":         importedKey + "\n",
			"https://launchpad.net/~private/+sshkeys":      "-----BEGIN OPENSSH PRIVATE KEY-----\n",
			"https://launchpad.net/~cloud-admin/+sshkeys":  importedKey + "\n",
			"https://launchpad.net/~root/+sshkeys":         importedKey + "\n",
			"https://launchpad.net/~someone-else/+sshkeys": importedKey + "\n",
		}[url]
		if !known {
			return nil, errors.New("cannot fetch " + url + ": 404 Not Found")
		}
		return []byte(text), nil
	}
}

func TestSSHImportID(t *testing.T) {
	t.Parallel()
	const on = "unverified_modules: [ssh-import-id]\n"
	const skipped = ": no keys are imported on this system unless unverified_modules lists ssh_import_id"
	const github, launchpad = importedKey + " # ssh-import-id gh:alice\n", importedKey + " alice@home # ssh-import-id lp:alice\n"
	for name, row := range map[string]struct {
		userData      string
		args          []string
		before, after string // of the default user's authorized_keys
		asked, report string
	}{
		"GitHub":                      {on + "ssh_import_id: [gh:alice]", nil, "", github, "https://github.com/alice.keys", ""},
		"Launchpad":                   {on + "ssh_import_id: [lp:alice]", nil, "", launchpad, "https://launchpad.net/~alice/+sshkeys", ""},
		"Launchpad without its name":  {on + "ssh_import_id: alice", nil, "", launchpad, "https://launchpad.net/~alice/+sshkeys", ""},
		"an account that is a number": {on + "ssh_import_id: [0123]", nil, "", importedKey + " # ssh-import-id lp:0123\n", "https://launchpad.net/~0123/+sshkeys", ""},
		"twice the same":              {on + "ssh_import_id: [alice, 'lp:alice']", nil, "", launchpad, "https://launchpad.net/~alice/+sshkeys", ""},
		"off by default":              {"ssh_import_id: [gh:alice]", nil, "", "", "", "note: user-data:1:17: ssh_import_id.0" + skipped},
		"off for a user by default":   {"users: [{name: cloud-user, ssh_import_id: [gh:alice]}]", nil, "", "", "", "note: user-data:1:44: users.0.ssh_import_id.0" + skipped},
		"other modules are on":        {"unverified_modules: [snap]\nssh_import_id: [gh:alice]", nil, "", "", "", "note: user-data:2:17: ssh_import_id.0" + skipped},
		"of a user by name":           {on + "users: [{name: cloud-user, ssh_import_id: 'gh:alice'}]", nil, "", github, "https://github.com/alice.keys", ""},
		"of a user, in an older word": {on + "users: [{name: cloud-user, ssh-import-id: ['gh:alice']}]", nil, "", github, "https://github.com/alice.keys", ""},
		"of the default user's own":   {on + "user: {ssh_import_id: [gh:alice]}", nil, "", github, "https://github.com/alice.keys", ""},
		"not for others than default": {on + "ssh_import_id: [gh:alice]\nusers: [{name: root}]", nil, "", "", "", "warning: user-data:2:16: ssh_import_id: there is no default user, who could log in by these accounts' keys; none is imported"},
		"by arguments":                {on + "ssh_import_id: [gh:gone]", []string{"cloud-user", "gh:alice"}, "", github, "https://github.com/alice.keys", ""},
		"a key that is there":         {on + "ssh_import_id: [gh:alice]", nil, "from=\"192.0.2.1\" " + importedKey + " mine\n", "from=\"192.0.2.1\" " + importedKey + " mine\n", "https://github.com/alice.keys", ""},
		"beside other keys":           {on + "ssh_import_id: [gh:alice]", nil, "# mine\nssh-rsa AAAA x\n", "# mine\nssh-rsa AAAA x\n" + github, "https://github.com/alice.keys", ""},
		"one that fails, and another": {
			on + "ssh_import_id: [gh:gone, gh:alice]", nil, "", github, "https://github.com/gone.keys\nhttps://github.com/alice.keys",
			"error: user-data:2:17: ssh_import_id.0: cannot import the keys of gh:gone for cloud-user: cannot fetch https://github.com/gone.keys: 404 Not Found",
		},
		"an account without keys": {
			on + "ssh_import_id: [gh:empty]", nil, "", "", "https://github.com/empty.keys",
			"error: user-data:2:17: ssh_import_id.0: cannot import the keys of gh:empty for cloud-user: https://github.com/empty.keys has no public keys",
		},
		"a page of a proxy's": {
			on + "ssh_import_id: [gh:page]", nil, "", "", "https://github.com/page.keys",
			"error: user-data:2:17: ssh_import_id.0: cannot import the keys of gh:page for cloud-user: https://github.com/page.keys has something else than public keys",
		},
		"a private key": {
			on + "ssh_import_id: [private]", nil, "", "", "https://launchpad.net/~private/+sshkeys",
			"error: user-data:2:17: ssh_import_id.0: cannot import the keys of lp:private for cloud-user: https://launchpad.net/~private/+sshkeys has something else than public keys",
		},
		"an answer without an end": {
			on + "ssh_import_id: [gh:large]", nil, "", "", "https://github.com/large.keys",
			"error: user-data:2:17: ssh_import_id.0: cannot import the keys of gh:large for cloud-user: https://github.com/large.keys has more than 1048576 bytes",
		},
		"what moves the cursor, has options or is no key": {
			on + "ssh_import_id: [gh:mixed]", nil, "", importedKey + " \\x1b[2Jx # ssh-import-id gh:mixed\n", "https://github.com/mixed.keys",
			"warning: user-data:2:17: ssh_import_id.0: 2 lines of https://github.com/mixed.keys are not public keys without options; skipped",
		},
		"a user that is not there": {
			on + "users: [{name: gone, ssh_import_id: [alice]}]", nil, "", "", "",
			`error: user-data:2:38: users.0.ssh_import_id.0: cannot import the keys of lp:alice for gone: there is no user "gone"`,
		},
		"names that are none": {
			on + "ssh_import_id: ['gh:../x', 'gh:-a', 'lp:a/b', 'lp:', \"gh:a\\nb\", 'gl:alice', {}, ~, 'https://x/y']", nil, "", "", "", `error: user-data:2:17: ssh_import_id.0: "../x" is not the name of an account; skipped
error: user-data:2:28: ssh_import_id.1: "-a" is not the name of an account; skipped
error: user-data:2:37: ssh_import_id.2: "a/b" is not the name of an account; skipped
error: user-data:2:47: ssh_import_id.3: "" is not the name of an account; skipped
error: user-data:2:54: ssh_import_id.4: "a\nb" is not the name of an account; skipped
error: user-data:2:65: ssh_import_id.5: there is no server "gl": expected gh:NAME or lp:NAME; skipped
error: user-data:2:77: ssh_import_id.6: expected an account, such as gh:alice, got a mapping; skipped
error: user-data:2:81: ssh_import_id.7: expected an account, such as gh:alice, got nothing; skipped
error: user-data:2:84: ssh_import_id.8: there is no server "https": expected gh:NAME or lp:NAME; skipped`,
		},
		"all characters of names": {on + "ssh_import_id: [a+b.c-d]", nil, "", importedKey + " # ssh-import-id lp:a+b.c-d\n", "https://launchpad.net/~a+b.c-d/+sshkeys", ""},
		"nothing":                 {"{}", nil, "", "", "", ""},
		"no accounts":             {on + "ssh_import_id: []", nil, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const file = "/home/cloud-user/.ssh/authorized_keys"
			g := newGuest(t, row.userData)
			var asked []string
			g.env.Args, g.env.Fetch = row.args, servers(&asked)
			if row.before != "" {
				g.Put(t, file, row.before)
				g.Give(file, 1000, 1000)
			}
			if diff := cmp.Diff(row.report, strings.Join(g.run(t, sshImportID), "\n")); diff != "" {
				t.Errorf("the report (-want +got):\n%s", diff)
			}
			if got := strings.Join(asked, "\n"); got != row.asked {
				t.Errorf("it fetches %q, want %q", got, row.asked)
			}
			after := ""
			if g.Exists(file) {
				after = g.Text(t, file)
			}
			if diff := cmp.Diff(row.after, after); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
			if row.before == row.after && slices.ContainsFunc(g.Lines(), func(string) bool { return true }) {
				t.Errorf("it runs %q", g.Lines())
			}
		})
	}
}

func TestImportedKeysAreImportedOnce(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "unverified_modules: [ssh_import_id]\nssh_import_id: [gh:alice, lp:alice]\n")
	var asked []string
	g.env.Fetch = servers(&asked)
	g.clean(t, sshImportID)
	before := len(g.Effects())
	g.clean(t, sshImportID)
	if again := g.Effects()[before:]; len(again) > 0 {
		t.Errorf("a second time it changes %+v", again)
	}
}

func TestTheExampleOfSSHImportIDIsDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, sshImportID.Example)
	g.Put(t, "/etc/passwd", hosttest.Passwd+"bob:x:1001:1001::/home/bob:/bin/bash\n")
	var asked []string
	answer := servers(&asked)
	g.env.Fetch = func(ctx context.Context, url string, headers map[string]string) ([]byte, error) {
		return answer(ctx, strings.Replace(url, "~bob", "~alice", 1), headers)
	}
	g.clean(t, sshImportID)
	for user, want := range map[string]string{"cloud-user": importedKey + " # ssh-import-id gh:alice\n", "bob": importedKey + " alice@home # ssh-import-id lp:bob\n"} {
		if got := g.Text(t, "/home/"+user+"/.ssh/authorized_keys"); got != want {
			t.Errorf("%s has %q, want %q", user, got, want)
		}
	}
}
