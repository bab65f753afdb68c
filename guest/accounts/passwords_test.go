package accounts

import (
	"errors"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
)

// changes are passwords for users, and what is reported of them.
func changes(reports *[]string, pairs ...string) []PasswordChange {
	var all []PasswordChange
	for _, pair := range pairs {
		user, password, _ := strings.Cut(pair, ":")
		all = append(all, PasswordChange{User: user, Password: secret.New(password), Report: func(err error) {
			*reports = append(*reports, err.Error())
		}})
	}
	return all
}

// inputs are what was given to commands.
func inputs(m *hosttest.Machine) []string {
	var lines []string
	for _, c := range m.Calls() {
		lines = append(lines, c.Line()+" < "+c.Stdin)
	}
	return lines
}

func TestPasswordsAreSetInOneCall(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	var reports []string
	done := SetPasswords(t.Context(), m.Host, changes(&reports, "root:p:w", "cloud-user:x", "ghost:x", "-e:x", "root:a\nb", "root:"), false)
	if diff := cmp.Diff([]string{"root", "cloud-user"}, done); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"chpasswd < root:p:w\ncloud-user:x\n"}, inputs(m)); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"cannot set the password: there is no user of that name", "cannot set the password: there is no user of that name",
		"cannot set the password of root: it has a line break or a NUL in it", "cannot set the password of root: it is empty",
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
}

func TestAfterAFailureOfAllEachUserIsTriedAlone(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Reply("chpasswd", func(c host.Command) host.Result {
		if strings.Contains(string(c.Stdin.Reveal()), "root") {
			return host.Result{Exit: 1, Stderr: "chpasswd: line 1: failed\n"}
		}
		return host.Result{}
	})
	var reports []string
	done := SetPasswords(t.Context(), m.Host, changes(&reports, "root:$6$a$b", "cloud-user:$6$c$d"), true)
	if diff := cmp.Diff([]string{"cloud-user"}, done); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cannot set the password of root: chpasswd failed with exit code 1: chpasswd: line 1: failed"}, reports); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"chpasswd -e < root:$6$a$b\ncloud-user:$6$c$d\n", "chpasswd -e < root:$6$a$b\n", "chpasswd -e < cloud-user:$6$c$d\n",
	}
	if diff := cmp.Diff(want, inputs(m)); diff != "" {
		t.Error(diff)
	}
}

func TestCommandsThatChangeAnAccountsPassword(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		lacks string
		do    func(m *hosttest.Machine) error
		want  string
	}{
		"lock":                {"", func(m *hosttest.Machine) error { return Lock(t.Context(), m.Host, "ann") }, "passwd -l ann"},
		"unlock":              {"", func(m *hosttest.Machine) error { return Unlock(t.Context(), m.Host, "ann") }, "passwd -u ann"},
		"lock without passwd": {"passwd", func(m *hosttest.Machine) error { return Lock(t.Context(), m.Host, "ann") }, "usermod --lock ann"},
		"delete":              {"", func(m *hosttest.Machine) error { return DeletePassword(t.Context(), m.Host, "ann") }, "passwd -d ann"},
		"expire":              {"", func(m *hosttest.Machine) error { return ExpirePassword(t.Context(), m.Host, "ann") }, "passwd --expire ann"},
	} {
		m := hosttest.New(t)
		m.Lacks(row.lacks)
		if err := row.do(m); err != nil || strings.Join(m.Lines(), "; ") != row.want {
			t.Errorf("%s: %v %q", name, err, m.Lines())
		}
		m.Answer("", host.Result{Exit: 1}, errors.New("refused"))
		if err := row.do(m); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: the failure is %v", name, err)
		}
	}
}

func TestThePasswordFieldOfAUser(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if _, err := PasswordField(m.Host, "ann"); err == nil {
		t.Error("there is no /etc/shadow")
	}
	m.Put(t, "/etc/shadow", "root:!!:1:\nann:$6$a$b:1:\nbroken\n")
	for name, want := range map[string]string{"root": "!!", "ann": "$6$a$b"} {
		if got, err := PasswordField(m.Host, name); got != want || err != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for _, name := range []string{"an", "broken", ""} {
		if got, err := PasswordField(m.Host, name); err == nil {
			t.Errorf("%q has %q", name, got)
		}
	}
}

func TestARandomPasswordHasACharacterOfEachClass(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		password, err := RandomPassword()
		if err != nil {
			t.Fatal(err)
		}
		if len(password) != randomPasswordLength || seen[password] {
			t.Errorf("%q has not %d characters, or comes again", password, randomPasswordLength)
		}
		seen[password] = true
		for _, class := range []string{lowerCase, upperCase, digits, punctuation} {
			if !strings.ContainsAny(password, class) {
				t.Errorf("%q has none of %q", password, class)
			}
		}
	}
}

func TestWhatIsAHash(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"$1$salt$hash": true, "$2a$10$saltandhash": true, "$2b$10$x": true, "$2y$10$x": true, "$5$salt$hash": true,
		"$6$rounds=5000$salt$hash": true, "$y$j9T$salt$hash": true, "$gy$j9T$salt$hash": true, "$7$CU$salt$hash": true,
		"$6$salt": false, "$6$$hash": false, "$6$salt$": false, "$3$salt$hash": false, "6$salt$hash": false,
		"$6$salt$ha:sh": false, "": false, "$": false, "$$$": false, "secret": false, "x$6$salt$hash": false,
	} {
		if got := IsHash(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
