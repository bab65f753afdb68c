package modules

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/sshd"
	"cloudseed/guest/sshd/sshdtest"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

// makesKeys makes ssh-keygen write a pair, as the real one does: the key's text is how
// it was made.
func (g *guest) makesKeys(t *testing.T) {
	t.Helper()
	g.On("ssh-keygen -q", func(c host.Command) {
		kind, at := c.Argv[3], filepath.Join(g.Dir, c.Argv[len(c.Argv)-1])
		for suffix, text := range map[string]string{"": "private " + kind + "\n", ".pub": "ssh-" + kind + " AAAA " + c.Argv[7] + "\n"} {
			if err := os.WriteFile(at+suffix, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
}

func newSSHGuest(t *testing.T, userData string) *guest {
	t.Helper()
	g := newGuest(t, userData)
	g.Put(t, "/etc/hostname", "guest\n")
	for _, old := range []string{"rsa_key", "rsa_key.pub", "dsa_key", "ecdsa_key", "rsa_key-cert.pub"} {
		g.Put(t, "/etc/ssh/ssh_host_"+old, "old\n")
	}
	g.makesKeys(t)
	return g
}

// hostKeyFiles are the names in /etc/ssh, with what is in the files.
func (g *guest) hostKeyFiles(t *testing.T) map[string]string {
	t.Helper()
	entries, err := g.ReadDir("/etc/ssh")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			files[e.Name()] = strings.TrimSpace(g.Text(t, path.Join("/etc/ssh", e.Name())))
		}
	}
	return files
}

func TestHostKeysAreMadeAndTheImagesDeleted(t *testing.T) {
	t.Parallel()
	made := func(kinds ...string) map[string]string {
		files := map[string]string{}
		for _, kind := range kinds {
			files["ssh_host_"+kind+"_key"] = "private " + kind
			files["ssh_host_"+kind+"_key.pub"] = "ssh-" + kind + " AAAA root@guest"
		}
		return files
	}
	for name, row := range map[string]struct {
		userData string
		fips     bool
		want     map[string]string
		warns    string
	}{
		"all types":                 {"{}", false, made("rsa", "ecdsa", "ed25519"), ""},
		"no ed25519 in FIPS mode":   {"{}", true, made("rsa", "ecdsa"), ""},
		"the types asked for":       {"ssh_genkeytypes: [ed25519]", false, made("ed25519"), ""},
		"one type, not in a list":   {"ssh_genkeytypes: rsa", false, made("rsa"), ""},
		"true as oVirt writes it":   {"ssh_deletekeys: 'True'", false, made("rsa", "ecdsa", "ed25519"), ""},
		"no types: the old ones go": {"ssh_genkeytypes: []", false, map[string]string{}, ""},
		"a type that is no more": {
			"ssh_genkeytypes: [dsa, rsa]", false, made("rsa"), `there are no host keys of type "dsa": expected rsa, ecdsa or ed25519`,
		},
		"only what is missing when the image's stay": {
			"ssh_deletekeys: 'false'", false, map[string]string{
				"ssh_host_rsa_key": "old", "ssh_host_rsa_key.pub": "old", "ssh_host_rsa_key-cert.pub": "old",
				"ssh_host_dsa_key": "old", "ssh_host_ecdsa_key": "old",
				"ssh_host_ed25519_key": "private ed25519", "ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA root@guest",
			}, "",
		},
	} {
		for _, prepared := range []bool{false, true} {
			when := "now"
			if prepared {
				when = "ahead"
			}
			t.Run(name+", made "+when, func(t *testing.T) {
				t.Parallel()
				g := newSSHGuest(t, row.userData)
				if row.fips {
					g.Put(t, "/proc/sys/crypto/fips_enabled", "1\n")
				}
				if prepared {
					if err := sshModule.Prepare(t.Context(), g.env); err != nil {
						t.Fatal(err)
					}
				}
				reports := strings.Join(g.run(t, sshModule), "\n")
				if (reports == "") != (row.warns == "") || !strings.Contains(reports, row.warns) {
					t.Errorf("reports %q", reports)
				}
				if diff := cmp.Diff(row.want, g.hostKeyFiles(t)); diff != "" {
					t.Error(diff)
				}
				if left, err := g.Glob("/run/cloud-init/host-keys/*"); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v %v", left, err)
				}
				g.mustNotShow(t, "private rsa", "private ecdsa")
			})
		}
	}
}

func TestKeysMadeAheadAreNotMadeAgain(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "fqdn: guest.example")
	for range 2 { // the stage may run twice in a boot
		if err := sshModule.Prepare(t.Context(), g.env); err != nil {
			t.Fatal(err)
		}
	}
	g.clean(t, sshModule)
	var want []string
	for _, kind := range sshd.HostKeyTypes {
		want = append(want, "ssh-keygen -q -t "+kind+" -N  -C root@guest.example -f /run/cloud-init/host-keys/instance-i-1/ssh_host_"+kind+"_key")
	}
	if diff := cmp.Diff(want, g.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsPreparedWhereNoKeyWillBeMade(t *testing.T) {
	t.Parallel()
	for name, userData := range map[string]string{
		"keys are given":        "ssh_keys: {rsa_private: x}",
		"all are there to stay": "ssh_deletekeys: false\nssh_genkeytypes: [rsa, ecdsa]",
	} {
		g := newSSHGuest(t, userData)
		if err := sshModule.Prepare(t.Context(), g.env); err != nil || len(g.Effects()) > 0 {
			t.Errorf("%s: %v %v", name, err, g.Effects())
		}
	}
}

func TestWithoutSSHKeygenTheImagesKeysStay(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "{}")
	before := g.hostKeyFiles(t)
	g.Answer("ssh-keygen -q", host.Result{Exit: -1}, &host.MissingError{Program: "ssh-keygen"})
	if err := sshModule.Prepare(t.Context(), g.env); err == nil {
		t.Error("Prepare says nothing")
	}
	reports := g.run(t, sshModule)
	for _, kind := range sshd.HostKeyTypes { // each a report of its own
		if want := "error: ssh_genkeytypes: cannot create a host key of type " + kind + ": the program ssh-keygen is not installed"; !slices.Contains(reports, want) {
			t.Errorf("%q is not in %q", want, reports)
		}
	}
	if diff := cmp.Diff(before, g.hostKeyFiles(t)); diff != "" {
		t.Error(diff)
	}
}

func TestOneTypeThatCannotBeMadeCostsNoOther(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "{}")
	g.Answer("ssh-keygen -q -t ecdsa", host.Result{Exit: 1, Stderr: "unknown key type ecdsa\n"}, nil)
	reports := g.run(t, sshModule)
	if len(reports) != 1 || !strings.Contains(reports[0], "type ecdsa: ssh-keygen failed with exit code 1: unknown key type ecdsa") {
		t.Errorf("got %q", reports)
	}
	want := []string{"ssh_host_ed25519_key", "ssh_host_ed25519_key.pub", "ssh_host_rsa_key", "ssh_host_rsa_key.pub"}
	var got []string
	for name := range g.hostKeyFiles(t) {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAKeyThatWasCutShortIsMadeAnew(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "ssh_genkeytypes: rsa")
	g.Put(t, "/run/cloud-init/host-keys/instance-i-1/ssh_host_rsa_key", "half of")
	g.Put(t, "/run/cloud-init/host-keys/instance-i-1/ssh_host_rsa_key"+".pub", "ssh-rsa AA")
	g.Put(t, "/etc/ssh/.ssh_host_rsa_key.cloudseed~", "left by a power cut")
	g.clean(t, sshModule)
	want := map[string]string{"ssh_host_rsa_key": "private rsa", "ssh_host_rsa_key.pub": "ssh-rsa AAAA root@guest"}
	if diff := cmp.Diff(want, g.hostKeyFiles(t)); diff != "" {
		t.Error(diff)
	}
}

// TestAtEveryMomentThereIsAKey goes through the changes of /etc/ssh one by one, as a
// power cut would find them.
func TestAtEveryMomentThereIsAKey(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "{}")
	g.clean(t, sshModule)
	present := map[string]bool{"/etc/ssh/ssh_host_rsa_key": true, "/etc/ssh/ssh_host_ecdsa_key": true}
	for _, e := range g.Effects() {
		if !strings.HasSuffix(e.Path, "_key") {
			continue
		}
		present[e.Path] = e.Change != host.Removed
		if !slices.Contains([]bool{present["/etc/ssh/ssh_host_rsa_key"], present["/etc/ssh/ssh_host_ed25519_key"]}, true) {
			t.Errorf("after %s of %s sshd has no key", e.Change, e.Path)
		}
		if e.Change == host.Removed && !present["/etc/ssh/ssh_host_ed25519_key"] {
			t.Errorf("%s is removed before the new keys are there", e.Path)
		}
	}
}

func TestModesOfHostKeys(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		group, version string
		mode           os.FileMode
		owner          string
	}{
		"RHEL 9 has a group for them":       {"ssh_keys:x:995:\n", "unknown option -- V\nOpenSSH_8.7p1, OpenSSL 3.0.7\n", 0o640, "0:995"},
		"a group that sshd 9 has no use of": {"ssh_keys:x:995:\n", "OpenSSH_9.9p1, OpenSSL 3.2\n", 0o600, "0:995"},
		"a system without the group":        {"", "OpenSSH_8.7p1\n", 0o600, "0:0"},
		"an sshd that will not say":         {"ssh_keys:x:995:\n", "usage: sshd\n", 0o600, "0:995"},
		"an sshd whose version is no one":   {"ssh_keys:x:995:\n", "OpenSSH_portable\n", 0o600, "0:995"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newSSHGuest(t, "ssh_genkeytypes: [rsa]")
			g.Put(t, "/etc/group", "root:x:0:\n"+row.group)
			g.Answer("sshd -V", host.Result{Exit: 1, Stderr: row.version}, nil)
			g.clean(t, sshModule)
			for at, mode := range map[string]os.FileMode{sshd.HostKeyPath("rsa"): row.mode, sshd.HostKeyPath("rsa") + ".pub": 0o644} {
				if info, err := g.Stat(at); err != nil || info.Mode().Perm() != mode {
					t.Errorf("%s: %v %v", at, info.Mode(), err)
				}
			}
			if got := g.Owner(sshd.HostKeyPath("rsa")); got != row.owner {
				t.Errorf("the owner is %s", got)
			}
		})
	}
}

func TestGivenHostKeysAreUsedAndNoOthersMade(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, `
ssh_keys:
  rsa_private: |
    -----BEGIN RSA PRIVATE KEY-----
    aHVudGVyMg==
    -----END RSA PRIVATE KEY-----
  rsa_certificate: ssh-rsa-cert CERT
  ecdsa_private: "-----BEGIN EC PRIVATE KEY-----\naHVudGVyMg==\n-----END EC PRIVATE KEY-----"
  ecdsa_public: ecdsa PUB
  ecdsa_certificate: ecdsa-cert CERT
  dsa_private: old
  rsa_privat: typo
`)
	g.Put(t, sshd.ConfigPath, "HostCertificate /mine\n")
	g.Answer("ssh-keygen -y -f /etc/ssh/ssh_host_rsa_key", host.Result{Stdout: "ssh-rsa DERIVED\n"}, nil)
	reports := g.run(t, sshModule)
	want := []string{
		"warning: user-data:12:3: ssh_keys.rsa_privat: unknown key (did you mean rsa_private?); it was ignored",
		"warning: user-data:11:16: ssh_keys.dsa_private: OpenSSH no longer takes DSA keys, so it is ignored",
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
	files := map[string]string{
		"ssh_host_rsa_key": "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----", "ssh_host_rsa_key.pub": "ssh-rsa DERIVED root@localhost",
		"ssh_host_rsa_key-cert.pub": "ssh-rsa-cert CERT",
		"ssh_host_ecdsa_key":        "-----BEGIN EC PRIVATE KEY-----\naHVudGVyMg==\n-----END EC PRIVATE KEY-----", "ssh_host_ecdsa_key.pub": "ecdsa PUB", "ssh_host_ecdsa_key-cert.pub": "ecdsa-cert CERT",
		"sshd_config": "HostCertificate /mine\nHostCertificate /etc/ssh/ssh_host_rsa_key-cert.pub\nHostCertificate /etc/ssh/ssh_host_ecdsa_key-cert.pub",
	}
	if diff := cmp.Diff(files, g.hostKeyFiles(t)); diff != "" {
		t.Error(diff)
	}
	if info, err := g.Stat(sshd.HostKeyPath("ecdsa")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	g.mustNotShow(t, "aHVudGVyMg")
}

func TestWithoutAPrivateKeyAmongTheGivenOnesKeysAreMade(t *testing.T) {
	t.Parallel()
	for userData, report := range map[string]string{
		"ssh_keys: -----BEGIN hunter2":           "error: user-data:1:11: ssh_keys: expected a mapping, got a string",
		"ssh_keys: {}":                           "",
		"ssh_keys: {ed25519_private: hunter2}":   "error: user-data:1:29: ssh_keys.ed25519_private: this is not a private key in PEM; it is not written",
		"ssh_keys: {rsa_certificate: ssh-rsa-c}": "",
	} {
		g := newSSHGuest(t, userData)
		if err := sshModule.Prepare(t.Context(), g.env); err != nil {
			t.Error(err)
		}
		if got := strings.Join(g.run(t, sshModule), "\n"); got != report {
			t.Errorf("%s: got %q", userData, got)
		}
		if got := g.hostKeyFiles(t)["ssh_host_rsa_key"]; got != "private rsa" {
			t.Errorf("%s: got %q", userData, got)
		}
		g.mustNotShow(t, "hunter2")
	}
}

func TestTheImagesKeysStayIfAGivenOneCannotBeUsed(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "ssh_keys: {ed25519_private: \"-----BEGIN OPENSSH PRIVATE KEY-----\\neA==\\n-----END OPENSSH PRIVATE KEY-----\"}")
	g.Answer("ssh-keygen -y", host.Result{Exit: 255, Stderr: "Load key: invalid format\n"}, nil)
	want := []string{
		"error: user-data:1:11: ssh_keys: cannot derive the public key of /etc/ssh/ssh_host_ed25519_key: " +
			"ssh-keygen failed with exit code 255: Load key: invalid format",
	}
	if diff := cmp.Diff(want, g.run(t, sshModule)); diff != "" {
		t.Error(diff)
	}
	if got := g.hostKeyFiles(t)["ssh_host_rsa_key"]; got != "old" {
		t.Errorf("got %q", got)
	}
}

func TestWhoMayLogInWithTheInstancesKeys(t *testing.T) {
	t.Parallel()
	const disabled = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,` +
		`command="echo 'Please login as the user \"USER\" rather than the user \"root\".';echo;sleep 10;exit 142" `
	meta, own := "ssh-rsa AAAAmeta m\n", "from=\"10.0.0.1\" ssh-rsa AAAAown o\n"
	for name, row := range map[string]struct {
		userData   string
		user, root string
	}{
		"the default user may, root is told to be it": {
			"", meta + own, strings.ReplaceAll(disabled+"ssh-rsa AAAAmeta m\n"+disabled+"ssh-rsa AAAAown o\n", "USER", "cloud-user"),
		},
		"root too if it is not disabled (oVirt's 0)": {"disable_root: 0", meta + own, meta + own},
		"root alone if nobody is the default user": {
			"users: []", "", strings.ReplaceAll(disabled+"ssh-rsa AAAAmeta m\n"+disabled+"ssh-rsa AAAAown o\n", "USER", "NONE"),
		},
		"other options for root": {
			"disable_root_opts: no-pty,command=\"$USER$DISABLE_USER\"", meta + own,
			"no-pty,command=\"cloud-userroot\" ssh-rsa AAAAmeta m\nno-pty,command=\"cloud-userroot\" ssh-rsa AAAAown o\n",
		},
		"not the metadata's keys":      {"allow_public_ssh_keys: false\ndisable_root: false", own, own},
		"root is not told to use root": {"user: root", "", meta + own},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newSSHGuest(t, row.userData+"\nssh_authorized_keys:\n  - from=\"10.0.0.1\" ssh-rsa AAAAown o\n")
			g.env.Instance.PublicKeys = []string{sshdtest.Valid("ssh-rsa AAAAmeta m\n")}
			g.clean(t, sshModule)
			if diff := cmp.Diff(sshdtest.Valid(row.root), g.Text(t, "/root/.ssh/authorized_keys")); diff != "" {
				t.Error(diff)
			}
			if row.user == "" {
				if g.Exists("/home/cloud-user/.ssh/authorized_keys") {
					t.Error("cloud-user has keys")
				}
				return
			}
			if diff := cmp.Diff(sshdtest.Valid(row.user), g.Text(t, "/home/cloud-user/.ssh/authorized_keys")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOVirtsSeedMakesKeysForRoot(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, ovirtUserData)
	g.clean(t, sshModule)
	if got := g.Text(t, "/root/.ssh/authorized_keys"); got != "" {
		t.Errorf("got %q", got)
	}
	if _, old := g.hostKeyFiles(t)["ssh_host_dsa_key"]; old {
		t.Error("the image's keys are still there")
	}
}

func TestKeysThatAreNoneAreReportedAndTheOthersUsed(t *testing.T) {
	t.Parallel()
	g := newSSHGuest(t, "ssh_authorized_keys: ssh-rsa AAAA one text is one key")
	g.env.Instance.PublicKeys = []string{"nonsense"}
	want := []string{`warning: key 1 of the public keys in the metadata: this is not a public key; it is not written`}
	if diff := cmp.Diff(want, g.run(t, sshModule)); diff != "" {
		t.Error(diff)
	}
	if got := g.Text(t, "/home/cloud-user/.ssh/authorized_keys"); got != sshdtest.Valid("ssh-rsa AAAA one text is one key\n") {
		t.Errorf("got %q", got)
	}
}
