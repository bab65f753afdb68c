package modules

import (
	"os"
	"strings"
	"testing"
)

func TestWhereAndHowSSHPwauthIsWritten(t *testing.T) {
	t.Parallel()
	const include = "Include /etc/ssh/sshd_config.d/*.conf\n"
	for name, row := range map[string]struct {
		before, value string
		at, want      string // the file, and what is in it then
	}{
		"in the drop-in if sshd reads that":    {include + "X y\n", "true", sshdDropInPath, "PasswordAuthentication yes\n"},
		"no, as a number":                      {include, "0", sshdDropInPath, "PasswordAuthentication no\n"},
		"in place if not":                      {"PasswordAuthentication yes\nX y\n", "false", sshdConfigPath, "PasswordAuthentication no\nX y\n"},
		"every line that says it":              {"passwordauthentication yes\nPasswordAuthentication=yes\n", "'no'", sshdConfigPath, "PasswordAuthentication no\nPasswordAuthentication no\n"},
		"a comment is not it":                  {"#PasswordAuthentication yes\n", "no", sshdConfigPath, "#PasswordAuthentication yes\nPasswordAuthentication no\n"},
		"before the first Match":               {"X y\nMatch User a\n  PasswordAuthentication yes\n", "no", sshdConfigPath, "X y\nPasswordAuthentication no\nMatch User a\n  PasswordAuthentication yes\n"},
		"unchanged leaves it":                  {"X y\n", "unchanged", sshdConfigPath, "X y\n"},
		"null leaves it":                       {"X y\n", "null", sshdConfigPath, "X y\n"},
		"what is set already is left as it is": {"  PasswordAuthentication   no\n", "no", sshdConfigPath, "  PasswordAuthentication   no\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "ssh_pwauth: "+row.value)
			g.Put(t, sshdConfigPath, row.before)
			g.clean(t, setPasswords)
			if got := g.Text(t, row.at); got != row.want {
				t.Errorf("got %q", got)
			}
			if info, err := g.Stat(row.at); row.at == sshdDropInPath && (err != nil || info.Mode().Perm() != os.FileMode(0o600)) {
				t.Errorf("%v %v", info.Mode(), err)
			}
		})
	}
}

func TestWithoutSSHPwauthSSHDIsLeftAlone(t *testing.T) {
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
	if g.Exists(sshdConfigPath) {
		t.Error("it was written all the same")
	}
}
