package modules

import (
	"errors"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

// ovirtUserData is what oVirt's engine writes for "Run Once" with a root password.
const ovirtUserData = `#cloud-config
ssh_pwauth: true
disable_root: 0
ssh_deletekeys: 'True'
output:
  all: '>> /var/log/cloud-init-output.log'
user: root
password: abc123
chpasswd:
  expire: false
runcmd:
- 'sed -i ''/^datasource_list: /d'' /etc/cloud/cloud.cfg; echo ''datasource_list:
  ["NoCloud", "ConfigDrive"]'' >> /etc/cloud/cloud.cfg'
`

func TestPasswordsThatAreSet(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		userData string
		want     []string
	}{
		"oVirt's password is root's and does not expire": {ovirtUserData, []string{"chpasswd < root:abc123"}},
		"a password is the default user's and expires at once": {
			"password: hunter2", []string{"chpasswd < cloud-user:hunter2", "passwd --expire cloud-user"},
		},
		"a password that is a hash is taken as one (Proxmox)": {
			"password: $5$salt$hunter2\nchpasswd: {expire: False}", []string{"chpasswd -e < cloud-user:$5$salt$hunter2"},
		},
		"colons and other scripts are part of a password": {
			"password: 'a:b:é世 界'\nchpasswd: {expire: 0}", []string{"chpasswd < cloud-user:a:b:é世 界"},
		},
		"a number is a password as it is written": {
			"password: 0123\nchpasswd: {expire: no}", []string{"chpasswd < cloud-user:0123"},
		},
		"users of both types take one call each, and hashes expire too": {
			`
chpasswd:
  users:
    - {name: root, password: hunter2, type: text}
    - {name: cloud-user, password: $6$salt$hash}
password: unused
`, []string{
				"chpasswd < root:hunter2", "chpasswd -e < cloud-user:$6$salt$hash",
				"passwd --expire root", "passwd --expire cloud-user",
			},
		},
		"a list tells hashes from passwords, yescrypt among them": {
			"chpasswd: {expire: false, list: ['root:$y$j9T$salt$hash', 'cloud-user:$y$x']}",
			[]string{"chpasswd < cloud-user:$y$x", "chpasswd -e < root:$y$j9T$salt$hash"},
		},
		"a text is a list by lines (virt-install)": {
			"chpasswd:\n  expire: false\n  list: |\n    root:one\n    cloud-user:t:w:o\n",
			[]string{"chpasswd < root:one\ncloud-user:t:w:o"},
		},
		"a hash with a colon is a password": {
			"chpasswd: {expire: false, list: ['root:$6$a$b:c']}", []string{"chpasswd < root:$6$a$b:c"},
		},
		"an entry without quotes is a map, and means the same": {
			"chpasswd:\n  expire: false\n  list:\n    - root: hunter2\n", []string{"chpasswd < root:hunter2"},
		},
		"a map of names means the same": {
			"chpasswd: {expire: false, list: {root: hunter2}}", []string{"chpasswd < root:hunter2"},
		},
		"nothing is nothing": {"chpasswd: {expire: true}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			for _, report := range g.run(t, setPasswords) {
				if !strings.HasPrefix(report, "deprecated: ") {
					t.Error(report)
				}
			}
			if diff := cmp.Diff(row.want, g.lines()); diff != "" {
				t.Error(diff)
			}
			g.mustNotShow(t, "hunter2", "abc123", "$salt$", "t:w:o")
		})
	}
}

func TestAnArgumentIsTheDefaultUsersPassword(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "chpasswd: {list: ['root:x'], expire: false}\npassword: y")
	g.env.Args = []string{"hunter2"}
	g.run(t, setPasswords)
	if diff := cmp.Diff([]string{"chpasswd < cloud-user:hunter2"}, g.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestRandomPasswordsAreShownOnTheConsoleAndNowhereElse(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "chpasswd: {expire: false, users: [{name: root, type: RANDOM}]}")
	g.clean(t, setPasswords)
	entry := strings.TrimPrefix(g.lines()[0], "chpasswd < ")
	if want := "Set the following 'random' passwords\n" + entry + "\n"; g.console != want {
		t.Errorf("the console shows %q, want %q", g.console, want)
	}
	password := strings.TrimPrefix(entry, "root:")
	g.mustNotShow(t, password)
}

func TestRandomPasswordsOfAListAndOnesThatCannotBeShown(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "chpasswd:\n  expire: false\n  list: ['root:R', 'cloud-user:RANDOM', 'nobody1:R']\n")
	var shown string
	g.env.Console = func(text string) error { shown = text; return errors.New("no console") }
	reports := strings.Join(g.run(t, setPasswords), "\n")
	if strings.Count(shown, ":") != 2 || strings.Contains(shown, "nobody1") {
		t.Errorf("shown: %q", shown)
	}
	for _, want := range []string{
		`user-data:3:41: chpasswd.list.2: cannot set the password: there is no user of that name`,
		"warning: random passwords were set, and nobody was told them: no console",
	} {
		if !strings.Contains(reports, want) {
			t.Errorf("%q is not in %q", want, reports)
		}
	}
}

func TestAPasswordThatCannotBeSetIsNamedByItsPlaceAlone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		userData string
		report   string
		runs     []string
	}{
		"a line break": {
			"chpasswd:\n  expire: false\n  users:\n    - {name: root, type: text, password: \"hunter2\\nx\"}\n    - {name: cloud-user, type: text, password: ok}\n",
			"error: user-data:4:7: chpasswd.users.0: cannot set the password of root: it has a line break or a NUL in it",
			[]string{"chpasswd < cloud-user:ok"},
		},
		"a user nobody knows": {
			"chpasswd:\n  expire: false\n  list: ['hunter2:hunter2', 'root:ok']\n",
			"error: user-data:3:10: chpasswd.list.0: cannot set the password: there is no user of that name",
			[]string{"chpasswd < root:ok"},
		},
		"no colon": {
			"chpasswd:\n  expire: false\n  list: |\n    root:ok\n\n    hunter2\n",
			"error: user-data:3:9: chpasswd.list: line 3: expected name:password, found no colon",
			[]string{"chpasswd < root:ok"},
		},
		"no name": {
			"chpasswd:\n  expire: false\n  users:\n    - {password: hunter2}\n    - {name: root, password: ok, type: text}\n",
			"error: user-data:4:7: chpasswd.users.0.name: expected a name, got nothing, so this password is skipped",
			[]string{"chpasswd < root:ok"},
		},
		"no password": {
			"chpasswd:\n  expire: false\n  users: [{name: root}]\n",
			"error: user-data:3:11: chpasswd.users.0: cannot set the password of root: it is empty", nil,
		},
		"a type that does not exist": {
			"chpasswd:\n  expire: false\n  users: [{name: root, password: hunter2, type: plain}]\n",
			`error: user-data:3:49: chpasswd.users.0.type: expected hash, text or RANDOM, got "plain"`, nil,
		},
		"a user that is only a text": {
			"chpasswd:\n  expire: false\n  users: ['root:hunter2']\n",
			"error: user-data:3:11: chpasswd.users.0: expected a mapping, got a string", nil,
		},
		"all in one text": {
			"chpasswd: root:hunter2\npassword: ok\n", "error: user-data:1:11: chpasswd: expected a mapping, got a string",
			[]string{"chpasswd < cloud-user:ok", "passwd --expire cloud-user"},
		},
		"a password that is a list": {
			"password: [hunter2]", "error: user-data:1:11: password: expected a string, got a list", nil,
		},
		"no default user": {
			"users: []\npassword: hunter2",
			"warning: user-data:2:11: password: there is no default user whose password it could be, so it is ignored", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			var reports []string
			for _, report := range g.run(t, setPasswords) {
				if !strings.HasPrefix(report, "deprecated: ") && !strings.Contains(report, "expected a name, got nothing\n") {
					reports = append(reports, report)
				}
			}
			if len(reports) == 0 || reports[0] != row.report {
				t.Errorf("got %q\nwant %q", reports, row.report)
			}
			if diff := cmp.Diff(row.runs, g.lines()); diff != "" {
				t.Error(diff)
			}
			g.mustNotShow(t, "hunter2")
		})
	}
}

func TestAMissingChpasswdIsSaidOfEachPassword(t *testing.T) {
	t.Parallel()
	g := newGuest(t, ovirtUserData)
	g.Answer("chpasswd", host.Result{Exit: -1}, &host.MissingError{Program: "chpasswd"})
	want := []string{"error: user-data:8:11: password: cannot set the password of root: the program chpasswd is not installed"}
	if diff := cmp.Diff(want, g.run(t, setPasswords)); diff != "" {
		t.Error(diff)
	}
	if got := g.Text(t, sshd.ConfigPath); got != "PasswordAuthentication yes\n" {
		t.Errorf("the rest was not done: %q", got)
	}
}

func TestSSHPwauthIsWritten(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"true": "PasswordAuthentication yes\nX y\n", "'no'": "PasswordAuthentication no\nX y\n", "0": "PasswordAuthentication no\nX y\n",
		"unchanged": "PasswordAuthentication maybe\nX y\n", "null": "PasswordAuthentication maybe\nX y\n",
	} {
		g := newGuest(t, "ssh_pwauth: "+value)
		g.Put(t, sshd.ConfigPath, "PasswordAuthentication maybe\nX y\n")
		g.clean(t, setPasswords)
		if got := g.Text(t, sshd.ConfigPath); got != want {
			t.Errorf("%s: got %q", value, got)
		}
	}
}

func TestWithoutSSHPwauthSSHDIsUnchanged(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	g.clean(t, setPasswords)
	if effects := g.Effects(); len(effects) > 0 {
		t.Error(effects)
	}
}

func TestSSHPwauthThatMakesNoSenseOrHasNoSSHD(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ssh_pwauth: maybe")
	if got := g.run(t, setPasswords); len(got) != 1 || !strings.HasPrefix(got[0], "error: user-data:1:13: ssh_pwauth: expected true, false or unchanged") {
		t.Error(got)
	}
	g = newGuest(t, "ssh_pwauth: yes")
	g.Lacks("sshd")
	if got := g.run(t, setPasswords); len(got) != 1 || got[0] != "warning: user-data:1:13: ssh_pwauth: sshd is not installed, so it is ignored" {
		t.Error(got)
	}
	if g.Exists(sshd.ConfigPath) {
		t.Error("it was written all the same")
	}
}

func TestTheExpiryThatFailsIsReported(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "password: hunter2")
	g.Answer("passwd", host.Result{Exit: -1}, &host.MissingError{Program: "passwd"})
	want := []string{"error: user-data:1:1: chpasswd.expire: cannot expire the password of cloud-user: the program passwd is not installed"}
	if diff := cmp.Diff(want, g.run(t, setPasswords)); diff != "" {
		t.Error(diff)
	}
}

func TestAPasswordThatBeginsWithASpaceIsWarnedOf(t *testing.T) {
	t.Parallel()
	for userData, want := range map[string]string{
		"chpasswd: {list: ['root: hunter2']}":                "warning: user-data:1:19: chpasswd.list.0: the password begins with a space, which is part of it",
		"chpasswd:\n  list: |\n    root:hunter2\n    a: b\n": "warning: user-data:2:9: chpasswd.list: line 2: the password begins with a space, which is part of it",
	} {
		g := newGuest(t, userData)
		setPasswords.Check(g.env)
		var got []string
		for _, p := range g.env.Problems() {
			if p.Severity == config.Warning {
				got = append(got, p.Severity.String()+": "+p.Error())
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", userData, got, want)
		}
	}
}
