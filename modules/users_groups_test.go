package modules

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudseed/guest/sshd/sshdtest"
	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

// makesUsers makes useradd and groupadd enter accounts, as the real ones do.
func (g *guest) makesUsers(t *testing.T) {
	t.Helper()
	enter := func(file, line string) {
		at := filepath.Join(g.Dir, file)
		data, err := os.ReadFile(at)
		if err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(at, append(data, line+"\n"...), 0o644); err != nil {
			t.Error(err)
		}
	}
	next := 2000
	g.On("useradd", func(c host.Command) {
		next++
		enter("/etc/passwd", c.Argv[1]+":x:"+strconv.Itoa(next)+":"+strconv.Itoa(next)+"::/home/"+c.Argv[1]+":/bin/bash")
		enter("/etc/shadow", c.Argv[1]+":!!:20000:0:99999:7:::")
	})
	g.On("groupadd", func(c host.Command) { enter("/etc/group", c.Argv[1]+":x:"+strconv.Itoa(next)+":") })
}

func newUsersGuest(t *testing.T, userData string) *guest {
	t.Helper()
	g := newGuest(t, userData)
	g.Put(t, "/etc/shadow", "root:!locked:20000:0:99999:7:::\ncloud-user:!!:20000:0:99999:7:::\n")
	g.Put(t, "/etc/sudoers", "root ALL=(ALL) ALL\n#includedir /etc/sudoers.d\n")
	for _, shell := range []string{"/bin/bash", "/bin/sh"} {
		g.Put(t, shell, "")
	}
	g.makesUsers(t)
	return g
}

func TestCommandsThatMakeUsersAndGroups(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		userData string
		want     []string
	}{
		"a user by name alone gets a home and no password": {
			"users: [ann]", []string{"useradd ann -m", "passwd -l ann"},
		},
		"all that useradd takes is passed on": {
			"users: [{name: ann, gecos: Ann Lee, homedir: /srv/ann, primary_group: wheel, groups: [adm], uid: 1234, shell: /bin/sh, " +
				"expiredate: 2032-09-01, inactive: 5, selinux_user: staff_u, no_log_init: true, no_user_group: true}]",
			[]string{
				"useradd ann --expiredate 2032-09-01 --comment Ann Lee --groups adm --home /srv/ann --inactive 5 --no-log-init --no-user-group " +
					"--gid wheel --selinux-user staff_u --shell /bin/sh --uid 1234 -m", "passwd -l ann",
			},
		},
		"numbers are those of YAML, however they are written": {
			"users: [{name: ann, uid: 0x7d2, inactive: 1_0}, {name: bob, uid: '2003'}]",
			[]string{"useradd ann --inactive 10 --uid 2002 -m", "passwd -l ann", "useradd bob --uid 2003 -m", "passwd -l bob"},
		},
		"keys with hyphens are the same keys": {
			"users: [{name: ann, primary-group: wheel, lock-passwd: false, no-create-home: true}]",
			[]string{"useradd ann --gid wheel -M"},
		},
		"a system user gets no home": {"users: [{name: ann, system: 'yes'}]", []string{"useradd ann --system -M", "passwd -l ann"}},
		"missing groups are made first, the primary one too": {
			"users: [{name: ann, primary_group: staff, groups: 'adm, dev'}]",
			[]string{"groupadd dev", "groupadd staff", "useradd ann --groups adm,dev --gid staff -m", "passwd -l ann"},
		},
		"create_groups false makes none": {
			"users: [{name: ann, groups: dev, create_groups: false}]", []string{"useradd ann --groups dev -m", "passwd -l ann"},
		},
		"a numeric primary group is a group's number": {
			"users: [{name: ann, primary_group: 4242}]", []string{"useradd ann --gid 4242 -m", "passwd -l ann"},
		},
		"members are added when their users are there": {
			"groups: [dev: [ann, root]]\nusers: [ann]",
			[]string{"groupadd dev", "useradd ann -m", "passwd -l ann", "usermod -a -G dev ann", "usermod -a -G dev root"},
		},
		"an existing group is left alone": {"groups: [wheel]\nusers: []", nil},
		"hashes and passwords go to chpasswd's input": {
			"users: [{name: ann, passwd: $6$salt$hash}, {name: bob, plain_text_passwd: 'p:w', lock_passwd: true}, {name: eve, hashed_passwd: $y$j9T$a$b}]",
			[]string{
				"useradd ann -m", "chpasswd -e < ann:$6$salt$hash", "passwd -l ann",
				"useradd bob -m", "chpasswd < bob:p:w", "passwd -l bob",
				"useradd eve -m", "chpasswd -e < eve:$y$j9T$a$b", "passwd -l eve",
			},
		},
		"an empty password that is given is let in": {
			"users: [{name: ann, plain_text_passwd: '', lock_passwd: false}]", []string{"useradd ann -m", "passwd -d ann"},
		},
		"a name of digits is no user's or group's number": {
			"users: [{name: 1000, groups: '10'}]", []string{"groupadd 10", "useradd 1000 --groups 10 -m", "passwd -l 1000"},
		},
		"false in quotes locks, by the old spelling too": {
			"users: [{name: ann, plain_text_passwd: x, lock-passwd: 'False'}]",
			[]string{"useradd ann -m", "chpasswd < ann:x", "passwd -l ann"},
		},
		"an existing user is not made again, but is unlocked": {
			"users: [{name: root, lock_passwd: false}]", []string{"passwd -u root"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newUsersGuest(t, row.userData)
			g.run(t, usersGroups)
			if diff := cmp.Diff(row.want, g.lines()); diff != "" {
				t.Error(diff)
			}
			g.mustNotShow(t, "$6$salt", "p:w", "$y$j9T")
		})
	}
}

func TestUnlockingAUserWhosePasswordIsSetLaterIsNoWarning(t *testing.T) {
	t.Parallel()
	for name, userData := range map[string]string{
		"by chpasswd.users":         "users: [{name: ann, lock_passwd: false}]\nchpasswd: {users: [{name: ann, password: $6$salt$hash}]}",
		"by a random password":      "users: [{name: ann, lock_passwd: false}]\nchpasswd: {users: [{name: ann, type: RANDOM}]}",
		"by chpasswd.list":          "users: [{name: ann, lock_passwd: false}]\nchpasswd: {list: ['ann:p:w']}",
		"by the default user's key": "user: {name: ann, lock_passwd: false}\npassword: p:w",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newUsersGuest(t, userData)
			g.clean(t, usersGroups)
		})
	}
}

func TestOVirtsUserRootIsLockedGivenSudoAndNotMade(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, ovirtUserData)
	g.clean(t, usersGroups)
	if diff := cmp.Diff([]string{"passwd -l root", "visudo -c -q -f /run/cloud-init/sudo-rules"}, g.lines()); diff != "" {
		t.Error(diff)
	}
	if got := g.Text(t, "/etc/sudoers.d/90-cloud-init-users"); !strings.HasSuffix(got, "\n\n# User rules for root\nroot ALL=(ALL) NOPASSWD:ALL\n") {
		t.Errorf("got %q", got)
	}
}

func TestRulesOfUsersAreWritten(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "users: [{name: ann, sudo: 'ALL=(ALL) ALL'}, {name: bob, sudo: [ALL=/bin/a, ALL=/bin/b], doas: [permit bob]}, {name: eve, sudo: null}, {name: joe, sudo: false}]")
	g.clean(t, usersGroups)
	want := "# Created by cloudseed from the instance's configuration\n\n# User rules for ann\nann ALL=(ALL) ALL\n\n# User rules for bob\nbob ALL=/bin/a\nbob ALL=/bin/b\n"
	if diff := cmp.Diff(want, g.Text(t, "/etc/sudoers.d/90-cloud-init-users")); diff != "" {
		t.Error(diff)
	}
	if got := g.Text(t, "/etc/doas.conf"); !strings.HasSuffix(got, "\n# User rules for bob\npermit bob\n") {
		t.Error(got)
	}
}

func TestANullTakesTheDefaultUsersSudoRuleAway(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "user: {name: root, sudo: null}")
	g.clean(t, usersGroups)
	if g.Exists("/etc/sudoers.d/90-cloud-init-users") {
		t.Error(g.Text(t, "/etc/sudoers.d/90-cloud-init-users"))
	}
}

func TestWhatGoesWrongWithOneUserCostsThatUserOnly(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		userData string
		report   string
		runs     string // and this still happens
	}{
		"useradd fails": {
			"users:\n  - name: bad\n  - ann\n",
			"error: user-data:2:5: users.0: cannot create the user bad: useradd failed with exit code 9: no", "useradd ann -m",
		},
		"a name with a control character": {
			"users:\n  - name: \"a\\e[31m\"\n  - ann\n",
			`error: user-data:2:5: users.0: "a\x1b[31m" cannot be the name of a user or group`, "useradd ann -m",
		},
		"a name that is an option": {
			"users:\n  - name: -D\n  - ann\n",
			`error: user-data:2:5: users.0: "-D" cannot be the name of a user or group`, "useradd ann -m",
		},
		"keys without a home": {
			"users:\n  - {name: bad, system: true, ssh_authorized_keys: [ssh-rsa AAAA]}\n  - ann\n",
			"error: user-data:2:5: users.0: cannot create the user bad: SSH keys need a home directory, which system and no_create_home leave out",
			"useradd ann -m",
		},
		"a password with a line break": {
			"users:\n  - name: ann\n    plain_text_passwd: \"hunter2\\nroot:x\"\n  - joe\n",
			"error: user-data:3:24: users.0.plain_text_passwd: cannot set the password of ann: it has a line break or a NUL in it", "useradd joe -m",
		},
		"a key that does not exist": {
			"users:\n  - name: ann\n    lock_paswd: false\n",
			"warning: user-data:3:5: users.0.lock_paswd: unknown key (did you mean lock_passwd?); it was ignored", "useradd ann -m",
		},
		"a hash for a user who exists": {
			"users:\n  - name: root\n    passwd: $6$a$hunter2\n  - ann\n",
			"warning: user-data:3:13: users.0.passwd: it is for new users only, and root exists already, so it is ignored: use hashed_passwd", "useradd ann -m",
		},
		"unlocking a user without a password": {
			"users:\n  - name: ann\n    lock_passwd: false\n",
			"warning: user-data:3:18: users.0.lock_passwd: the password of ann stays locked, since it has none", "useradd ann -m",
		},
		"a lock that is no in quotes": {
			"users:\n  - name: ann\n    plain_text_passwd: hunter2\n    lock_passwd: 'no'\n",
			`warning: user-data:4:18: users.0.lock_passwd: "no" in quotes locks the password, as in cloud-init; write false without quotes to leave it unlocked`, "passwd -l ann",
		},
		"a member nobody knows": {
			"groups:\n  - wheel: [nobody1]\nusers: [ann]\n",
			`warning: user-data:2:5: groups.0: cannot add "nobody1" to the group wheel: there is no such user`, "useradd ann -m",
		},
		"a public key that is none": {
			"users:\n  - name: ann\n    ssh_authorized_keys: [not a key]\n  - joe\n",
			`error: user-data:3:27: users.0.ssh_authorized_keys.0: this is not a public key; it is not written`, "useradd joe -m",
		},
		"a rule for somebody else": {
			"users:\n  - name: ann\n    doas: [permit bob]\n",
			`error: user-data:3:11: users.0.doas: a doas rule is about "bob" instead of ann, so no doas rule is written`, "useradd ann -m",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newUsersGuest(t, row.userData)
			g.Answer("useradd bad", host.Result{Exit: 9, Stderr: "no\n"}, nil)
			reports := g.run(t, usersGroups)
			if len(reports) != 1 || reports[0] != row.report {
				t.Errorf("got %q\nwant %q", reports, row.report)
			}
			if !strings.Contains(strings.Join(g.lines(), "\n"), row.runs) {
				t.Errorf("%q was not run: %q", row.runs, g.lines())
			}
			g.mustNotShow(t, "hunter2")
		})
	}
}

func TestAMissingProgramIsAClearErrorAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "users: [{name: root, sudo: 'ALL=(ALL) ALL'}, ann]")
	g.Answer("useradd", host.Result{Exit: -1}, &host.MissingError{Program: "useradd"})
	g.Lacks("passwd")
	reports := g.run(t, usersGroups)
	want := []string{"error: user-data:1:46: users.1: cannot create the user ann: the program useradd is not installed"}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"usermod --lock root", "visudo -c -q -f /run/cloud-init/sudo-rules", "useradd ann -m"}, g.lines()); diff != "" {
		t.Error(diff)
	}
	if !g.Exists("/etc/sudoers.d/90-cloud-init-users") {
		t.Error("root's rule is not written")
	}
}

func TestAUserHalfMadeByAPowerCutIsMadeAnew(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "users: [{name: cloud-user, passwd: $6$a$b}]")
	g.Put(t, creation(g.env).Note, "cloud-user\n")
	g.On("userdel cloud-user", func(host.Command) { g.Put(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n") })
	g.clean(t, usersGroups)
	want := []string{"userdel cloud-user", "useradd cloud-user -m", "chpasswd -e < cloud-user:$6$a$b", "passwd -l cloud-user"}
	if diff := cmp.Diff(want, g.lines()); diff != "" {
		t.Error(diff)
	}
	if err := g.Sync(); err != nil || g.Exists(creation(g.env).Note) {
		t.Errorf("the note of the half made user is still there: %v", err)
	}
}

// useradd copies /etc/skel into a home that it creates, and into no other.
func TestAHomeThatAPowerCutLeftIncompleteIsCreatedAnew(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"it was not there before": false, "it was there before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newUsersGuest(t, "users: [{name: ann, homedir: /srv/ann}]")
			if before {
				g.Put(t, "/srv/ann/precious", "x")
			}
			cut := true
			g.On("useradd ann", func(host.Command) {
				if cut { // the power goes while it copies
					g.Put(t, "/etc/passwd", hosttest.Passwd+"ann:x:1001:1001::/srv/ann:/bin/bash\n")
					g.Put(t, "/srv/ann/.bash_logout", "x")
					runtime.Goexit()
				}
			})
			g.On("userdel ann", func(host.Command) { g.Put(t, "/etc/passwd", hosttest.Passwd) })
			done := make(chan struct{})
			go func() { defer close(done); _ = usersGroups.Run(t.Context(), g.env) }()
			<-done
			cut = false
			g.clean(t, usersGroups)
			if there := g.Exists("/srv/ann/.bash_logout"); there != before {
				t.Errorf("what the first run left is there: %v", there)
			}
			if before && !g.Exists("/srv/ann/precious") {
				t.Error("a file from before is gone")
			}
		})
	}
}

func TestASecondRunChangesNothingAndWarnsOfNothing(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "users: [{name: ann, passwd: $6$a$b, lock_passwd: false, ssh_authorized_keys: [ssh-rsa AAAA]}, {name: sys, system: true, ssh_authorized_keys: []}]")
	g.On("chpasswd -e", func(host.Command) { g.Put(t, "/etc/shadow", "ann:$6$a$b:20000:0:99999:7:::\nsys:!!:::::::\n") })
	g.clean(t, usersGroups)
	if err := g.Sync(); err != nil {
		t.Fatal(err)
	}
	first := len(g.Effects())
	g.clean(t, usersGroups)
	for _, e := range g.Effects()[first:] {
		if line := strings.Join(e.Argv, " "); line != "passwd -l sys" {
			t.Errorf("again: %+v", e)
		}
	}
	if g.Exists("/home/sys") {
		t.Error("a system user has a home")
	}
}

func TestKeysOfUsersAreAuthorizedAndRedirected(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, `
users:
  - default
  - name: ann
    ssh_authorized_keys: {a: ssh-ed25519 AAAAann ann@home}
  - name: bob
    ssh_redirect_user: true
`)
	g.env.Instance.PublicKeys = []string{sshdtest.Valid("ssh-rsa AAAAcloud admin@cloud")}
	g.clean(t, usersGroups)
	if got := g.Text(t, "/home/ann/.ssh/authorized_keys"); got != sshdtest.Valid("ssh-ed25519 AAAAann ann@home\n") {
		t.Errorf("got %q", got)
	}
	want := `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,` +
		`command="echo 'Please login as the user \"cloud-user\" rather than the user \"bob\".';echo;sleep 10;exit 142" ` +
		"ssh-rsa AAAAcloud admin@cloud\n"
	if diff := cmp.Diff(sshdtest.Valid(want), g.Text(t, "/home/bob/.ssh/authorized_keys")); diff != "" {
		t.Error(diff)
	}
}

func TestWhatUsersSaysOfTheDefaultUserCounts(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		users    string
		sudoers  bool
		unlocked bool
	}{
		"the system's word":                  {"[default]", true, false},
		"no sudo":                            {"[{name: default, sudo: false}]", false, false},
		"no sudo under the user's own name":  {"[default, {name: cloud-user, sudo: false}]", false, false},
		"a password under the own name":      {"[default, {name: cloud-user, hashed_passwd: $6$x$y, lock_passwd: false}]", true, true},
		"a password under the name default":  {"[{name: default, hashed_passwd: $6$x$y, lock_passwd: false}]", true, true},
		"the own name contradicts the other": {"[{name: default, lock_passwd: false}, {name: cloud-user, lock_passwd: true}]", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "users: "+row.users)
			g.makesUsers(t)
			g.run(t, usersGroups)
			if got := g.Exists("/etc/sudoers.d/90-cloud-init-users"); got != row.sudoers {
				t.Errorf("a rule of sudo: %v", got)
			}
			locked := slices.Contains(g.Lines(), "passwd -l cloud-user")
			if locked == row.unlocked {
				t.Errorf("the password is locked: %v; %q", locked, g.Lines())
			}
		})
	}
}

func TestARuleThatSudoCannotReadIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rule, want string
		check      bool // told before the boot too
	}{
		"visudo refuses it": {"ALL=(ALL) NOPASWD:ALL", "error: user-data:1:28: users.0.sudo: the sudo rules are not written, since visudo refuses them: visudo failed with exit code 1: syntax error", false},
		"it has no form":    {"NOPASSWD", "error: user-data:1:28: users.0.sudo: a sudo rule has the form HOST=(USER) COMMAND, such as ALL=(ALL) NOPASSWD:ALL, got \"NOPASSWD\"; it is not written", true},
		"true":              {"true", "error: user-data:1:28: users.0.sudo: expected a rule or a list of rules, got true; no rule is written", true},
		"a mapping":         {"{ann: ALL}", "error: user-data:1:28: users.0.sudo: expected a rule or a list of rules, got a mapping; no rule is written", true},
		"two lines":         {`"ALL=(ALL) ALL\nx"`, "error: user-data:1:28: users.0.sudo: a rule must be one line; no rule is written", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newUsersGuest(t, "users: [{name: ann, sudo:  "+row.rule+"}]")
			g.Answer("visudo", host.Result{Exit: 1, Stderr: "syntax error"}, &host.ExitError{Argv: []string{"visudo"}, Exit: 1, Reason: "syntax error"})
			if got := g.run(t, usersGroups); !slices.Contains(got, row.want) {
				t.Errorf("got  %q\nwant %s", got, row.want)
			}
			if g.Exists("/etc/sudoers.d/90-cloud-init-users") || g.Exists("/run/cloud-init/sudo-rules") {
				t.Error("the rule is there")
			}
			if !slices.Contains(g.lines(), "useradd ann -m") {
				t.Errorf("the user was not created: %q", g.lines())
			}
			usersGroups.Check(g.env)
			told := 0
			for _, p := range g.env.Problems() {
				if p.Severity.String()+": "+p.Error() == row.want {
					told++
				}
			}
			if before := told > 1; before != row.check {
				t.Errorf("told before the boot: %v", before)
			}
		})
	}
}

func TestKeysOfAUserThatCloudInitIgnores(t *testing.T) {
	t.Parallel()
	g := newUsersGuest(t, "users: [{name: ann, inactive: true, expiredate: false, groups: [ann, adm]}, {name: bob, groups: bob}]")
	g.clean(t, usersGroups)
	if got := g.lines(); !slices.Contains(got, "useradd ann --groups adm -m") || !slices.Contains(got, "useradd bob -m") {
		t.Errorf("got %q", got)
	}
}

func TestAShellThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ userData, want string }{
		"is a warning": {
			"users: [{name: ann, shell: /bin/zsh}]", "warning: user-data:1:28: users.0.shell: there is no /bin/zsh in this guest, without which the user ann cannot log in",
		},
		"is a note where packages may bring it": {
			"packages: [zsh]\nusers: [{name: ann, shell: /bin/zsh}]", "note: user-data:2:28: users.0.shell: there is no /bin/zsh in this guest, without which the user ann cannot log in",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newUsersGuest(t, row.userData).run(t, usersGroups); len(got) != 1 || got[0] != row.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
