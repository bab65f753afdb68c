package sshd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/sshd/sshdtest"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

func TestLinesOfAuthorizedKeys(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]AuthorizedKey{
		"ssh-rsa AAAA":                        {Kind: "ssh-rsa", Base64: "AAAA"},
		"ssh-ed25519 AAAA me at home\r\n":     {Kind: "ssh-ed25519", Base64: "AAAA", Comment: "me at home"},
		"  sk-ssh-ed25519@openssh.com\tAAAA ": {Kind: "sk-ssh-ed25519@openssh.com", Base64: "AAAA"},
		`from="10.0.0.0/8",command="echo \"a b\"" ecdsa-sha2-nistp256 AAAA c`: {
			Options: `from="10.0.0.0/8",command="echo \"a b\""`, Kind: "ecdsa-sha2-nistp256", Base64: "AAAA", Comment: "c",
		},
		"rsa AAAA":          {Kind: "rsa", Base64: "AAAA"},
		"ssh-rsa":           {},
		"# ssh-rsa AAAA":    {},
		"":                  {},
		`command="open ssh`: {},
		"AAAA ssh-rsa":      {},
	} {
		got := parseAuthorizedKey(line)
		got.text = ""
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(AuthorizedKey{})); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func FuzzAuthorizedKeys(f *testing.F) {
	f.Add("ssh-rsa AAAA c\n# x\n", `command="a b" ssh-rsa AAAA`)
	f.Add("\"\\\"", "x")
	f.Fuzz(func(t *testing.T, content, line string) {
		keys, _ := ParseKeys(line)
		keys = Distinct(keys)
		once := mergeKeys(content, keys)
		if twice := mergeKeys(once, keys); twice != once {
			t.Errorf("merging again changes %q to %q", once, twice)
		}
		for _, k := range keys {
			if !strings.Contains(once, k.Base64) {
				t.Errorf("%q is not in %q", k.Base64, once)
			}
		}
	})
}

func TestNewKeysJoinTheOldOnes(t *testing.T) {
	t.Parallel()
	old := "# mine\nssh-rsa AAAAold old\nssh-rsa AAAAsame before\nno key at all\nssh-rsa AAAAlast no newline"
	keys, faults := ParseKeys(sshdtest.Valid("ssh-rsa AAAAnew new\nssh-rsa AAAAnew again\nfrom=\"1.2.3.4\" ssh-rsa AAAAsame after\nno-pty ssh-rsa AAAAnew third"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := "# mine\nssh-rsa AAAAold old\nfrom=\"1.2.3.4\" ssh-rsa AAAAsame after\nno key at all\nssh-rsa AAAAlast no newline\n" +
		"ssh-rsa AAAAnew new\nno-pty ssh-rsa AAAAnew third\n"
	keys = Distinct(keys)
	once := mergeKeys(sshdtest.Valid(old), keys)
	if diff := cmp.Diff(sshdtest.Valid(want), once); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(once, mergeKeys(once, keys)); diff != "" {
		t.Errorf("merging again changes it:\n%s", diff)
	}
}

// guest is a machine on which a user's key is authorized.
type guest struct {
	*hosttest.Machine
	warnings string
}

func (g *guest) warn(format string, args ...any) { g.warnings += fmt.Sprintf(format, args...) }

func newGuest(t *testing.T, configuration string) *guest {
	t.Helper()
	g := &guest{Machine: hosttest.New(t)}
	if configuration != "" {
		g.Put(t, ConfigPath, configuration)
	}
	if err := os.MkdirAll(filepath.Join(g.Dir, "home/cloud-user"), 0o700); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *guest) authorize(t *testing.T) error {
	t.Helper()
	keys, faults := ParseKeys(sshdtest.Valid("ssh-rsa AAAA me"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return Authorize(t.Context(), g.Host, "cloud-user", keys, g.warn)
}

func TestTheFileThatKeysGoInto(t *testing.T) {
	t.Parallel()
	const usual = "/home/cloud-user/.ssh/authorized_keys"
	for name, row := range map[string]struct {
		sshd    string
		prepare func(t *testing.T, g *guest)
		at      string
		warns   string
	}{
		"the usual one without a configuration":       {at: usual},
		"the usual one as RHEL writes it":             {sshd: "AuthorizedKeysFile\t.ssh/authorized_keys\n", at: usual},
		"another one in the home":                     {sshd: "AuthorizedKeysFile %h/.keys/ssh\n", at: "/home/cloud-user/.keys/ssh"},
		"one outside, by name":                        {sshd: "authorizedkeysfile=/etc/ssh/keys/%u\n", at: "/etc/ssh/keys/cloud-user"},
		"one outside, by number, with a percent sign": {sshd: "AuthorizedKeysFile /etc/ssh/%%/%u.%U\n", at: "/etc/ssh/%/cloud-user.1000"},
		"the first that is this user's alone":         {sshd: "AuthorizedKeysFile /etc/ssh/all .ssh/authorized_keys .ssh/two\n", at: usual},
		"none at all is the usual one":                {sshd: "AuthorizedKeysFile none\n", at: usual},
		"what a Match block says is not for all":      {sshd: "Match User x\nAuthorizedKeysFile /etc/ssh/%u\n", at: usual},
		"not one behind a link": {
			sshd: "AuthorizedKeysFile /etc/keys/%u .ssh/authorized_keys\n", at: usual,
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				if err := os.Symlink("/tmp", filepath.Join(g.Dir, "etc/keys")); err != nil {
					t.Fatal(err)
				}
			},
		},
		"not one that others may write to": {
			sshd: "AuthorizedKeysFile /etc/keys/%u\n", at: usual, warns: "others may write to /etc/keys",
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				at := filepath.Join(g.Dir, "etc/keys")
				if err := os.Mkdir(at, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(at, 0o777); err != nil {
					t.Fatal(err)
				}
			},
		},
		"not one that the user may not read": {
			sshd: "AuthorizedKeysFile /etc/keys/%u\n", at: usual, warns: "cloud-user may not read /etc/keys",
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(g.Dir, "etc/keys"), 0o750); err != nil {
					t.Fatal(err)
				}
				g.Give("/etc/keys", 0, 0)
			},
		},
		"one that the user may read as its group": {
			sshd: "AuthorizedKeysFile /etc/keys/%u\n", at: "/etc/keys/cloud-user",
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(g.Dir, "etc/keys"), 0o750); err != nil {
					t.Fatal(err)
				}
				g.Give("/etc/keys", 0, 1000)
			},
		},
		"the usual one even if sshd's StrictModes will not have it": {
			at: usual, warns: "/home/cloud-user/.ssh belongs to neither root nor cloud-user",
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(g.Dir, "home/cloud-user/.ssh"), 0o700); err != nil {
					t.Fatal(err)
				}
				g.Give("/home/cloud-user/.ssh", 1234, 1234)
			},
		},
		"without a warning where StrictModes is off": {
			sshd: "StrictModes no\n", at: usual,
			prepare: func(t *testing.T, g *guest) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(g.Dir, "home/cloud-user/.ssh"), 0o700); err != nil {
					t.Fatal(err)
				}
				g.Give("/home/cloud-user/.ssh", 1234, 1234)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.sshd)
			if row.prepare != nil {
				row.prepare(t, g)
			}
			if err := g.authorize(t); err != nil {
				t.Fatal(err)
			}
			if got := g.Text(t, row.at); got != sshdtest.Valid("ssh-rsa AAAA me\n") {
				t.Errorf("got %q", got)
			}
			if info, err := g.Stat(row.at); err != nil || info.Mode().Perm() != 0o600 || g.Owner(row.at) != "1000:1000" {
				t.Errorf("%v %s %v", info.Mode(), g.Owner(row.at), err)
			}
			if (g.warnings == "") != (row.warns == "") || !strings.Contains(g.warnings, row.warns) {
				t.Errorf("warned of %q", g.warnings)
			}
		})
	}
}

func TestDirectoriesThatAreMissingAreMade(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "")
	if err := g.authorize(t); err != nil {
		t.Fatal(err)
	}
	if info, err := g.Stat("/home/cloud-user/.ssh"); err != nil || info.Mode().Perm() != 0o700 || g.Owner("/home/cloud-user/.ssh") != "1000:1000" {
		t.Errorf("%v %s %v", info.Mode(), g.Owner("/home/cloud-user/.ssh"), err)
	}
}

func TestAUsersLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]string{
		"the directory": "home/cloud-user/.ssh",
		"the file":      "home/cloud-user/.ssh/authorized_keys",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "")
			g.Put(t, "/root/secret/authorized_keys", "precious\n")
			at := filepath.Join(g.Dir, link)
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			target := "../../root/secret"
			if filepath.Base(at) == "authorized_keys" {
				target = "../../../root/secret/authorized_keys"
			}
			if err := os.Symlink(target, at); err != nil {
				t.Fatal(err)
			}
			if err := g.authorize(t); err == nil {
				t.Error("it was done")
			}
			if got := g.Text(t, "/root/secret/authorized_keys"); got != "precious\n" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestAnExistingFileKeepsItsMode(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "")
	const at = "/home/cloud-user/.ssh/authorized_keys"
	g.Put(t, at, "ssh-rsa BBBB you\n")
	if err := os.Chmod(filepath.Join(g.Dir, at), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.authorize(t); err != nil {
		t.Fatal(err)
	}
	if got := g.Text(t, at); got != sshdtest.Valid("ssh-rsa BBBB you\nssh-rsa AAAA me\n") {
		t.Errorf("got %q", got)
	}
	if info, err := g.Stat(at); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestKeysForAUserNobodyKnows(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "")
	err := Authorize(t.Context(), g.Host, "ghost", nil, g.warn)
	if err == nil || err.Error() != `cannot set the authorized keys of ghost: there is no user "ghost"` {
		t.Errorf("got %v", err)
	}
}

func TestDataOfPublicKeysAreChecked(t *testing.T) {
	t.Parallel()
	good := sshdtest.Valid("ssh-ed25519 AAAAx")
	for name, row := range map[string]struct{ line, want string }{
		"a key":                           {good, ""},
		"a key of a device":               {"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEd8iIS1kzVIGz3aQ1BtC7pGb2IYvRLAVQ0J4RmzXG9nAAAABHNzaDo=", ""},
		"a placeholder":                   {"ssh-ed25519 AAAA_REPLACE_WITH_YOUR_PUBLIC_KEY user@hostname", "its data are not valid base64"},
		"a word":                          {"ssh-rsa KEYGOESHERE", "its data are not valid base64"},
		"a key that was cut off":          {good[:len(good)-8], "its data are longer or shorter than a key of its type"},
		"a key of another type":           {strings.Replace(good, "ssh-ed25519", "ssh-rsa", 1), "its data are of another type than ssh-rsa"},
		"a key of a type of later":        {"ssh-mldsa65 AAAAC3NzaC1tbGRzYTY1AAAAAXg=", ""},
		"a certificate":                   {"ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAAXg=", ""},
		"data that claim to be very long": {"ssh-rsa /////w==", "its data end early"},
	} {
		k := parseAuthorizedKey(row.line)
		if !k.isKey() || k.fault() != row.want {
			t.Errorf("%s: it is a key: %v, its fault %q, want %q", name, k.isKey(), k.fault(), row.want)
		}
	}
}

func TestAKeyThatIsGivenTwiceIsWrittenOnce(t *testing.T) {
	t.Parallel()
	one, other := parseAuthorizedKey("ssh-ed25519 AAAA me"), parseAuthorizedKey("ssh-rsa BBBB")
	for content, want := range map[string]string{
		"":                       "ssh-ed25519 AAAA me\nssh-rsa BBBB\n",
		"ssh-ed25519 AAAA old\n": "ssh-ed25519 AAAA me\nssh-rsa BBBB\n",
	} {
		if got := mergeKeys(content, []AuthorizedKey{one, other, one}); got != want {
			t.Errorf("with %q: got %q, want %q", content, got, want)
		}
	}
}
