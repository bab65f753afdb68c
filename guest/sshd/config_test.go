package sshd_test

import (
	"testing"

	"cloudseed/guest/sshd"
	"cloudseed/host/hosttest"
)

const include = "Include /etc/ssh/sshd_config.d/*.conf\n"

func TestWhereAndHowASettingIsWritten(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		before, value string
		at, want      string // the file, and what is in it then
	}{
		"in the drop-in if sshd reads that":  {include + "X y\n", "yes", sshd.DropInPath, "PasswordAuthentication yes\n"},
		"in place if not":                    {"PasswordAuthentication yes\nX y\n", "no", sshd.ConfigPath, "PasswordAuthentication no\nX y\n"},
		"every line that has it":             {"passwordauthentication yes\nPasswordAuthentication=yes\n", "no", sshd.ConfigPath, "PasswordAuthentication no\nPasswordAuthentication no\n"},
		"a comment does not have it":         {"#PasswordAuthentication yes\n", "no", sshd.ConfigPath, "#PasswordAuthentication yes\nPasswordAuthentication no\n"},
		"before the first Match":             {"X y\nMatch User a\n  PasswordAuthentication yes\n", "no", sshd.ConfigPath, "X y\nPasswordAuthentication no\nMatch User a\n  PasswordAuthentication yes\n"},
		"what is set already keeps its form": {"  PasswordAuthentication   no\n", "no", sshd.ConfigPath, "  PasswordAuthentication   no\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, sshd.ConfigPath, row.before)
			changed, err := sshd.Set(m.Host, "PasswordAuthentication", row.value)
			if got := m.Text(t, row.at); got != row.want || err != nil || changed != (row.before != row.want) {
				t.Errorf("got %q, changed %v, %v", got, changed, err)
			}
			if info, err := m.Stat(row.at); row.at == sshd.DropInPath && (err != nil || info.Mode().Perm() != 0o600) {
				t.Errorf("%v %v", info.Mode(), err)
			}
		})
	}
}

func TestASettingIsAddedBesideOthersOfItsKeyword(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, sshd.ConfigPath, "HostCertificate /a\nMatch User a\n")
	for _, value := range []string{"/b", "/a", "/b"} {
		if _, err := sshd.Add(m.Host, "HostCertificate", value); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Text(t, sshd.ConfigPath); got != "HostCertificate /a\nHostCertificate /b\nMatch User a\n" {
		t.Errorf("%q", got)
	}
}

func TestTheFirstValueForAllConnectionsHolds(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if got, err := sshd.Get(m.Host, "StrictModes", "yes"); got != "yes" || err != nil {
		t.Errorf("without a file: %q %v", got, err)
	}
	m.Put(t, sshd.ConfigPath, "#StrictModes maybe\nstrictmodes=no\nStrictModes yes\nMatch User a\nAuthorizedKeysFile /a\n")
	for keyword, want := range map[string]string{"StrictModes": "no", "AuthorizedKeysFile": "absent"} {
		if got, err := sshd.Get(m.Host, keyword, "absent"); got != want || err != nil {
			t.Errorf("%s: %q %v", keyword, got, err)
		}
	}
}

func TestSSHDIsThereByItsProgramOrItsConfiguration(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if !sshd.IsInstalled(m.Host) {
		t.Error("with the program")
	}
	m.Lacks("sshd")
	if sshd.IsInstalled(m.Host) {
		t.Error("with neither")
	}
	m.Put(t, sshd.ConfigPath, "")
	if !sshd.IsInstalled(m.Host) {
		t.Error("with its configuration")
	}
}
