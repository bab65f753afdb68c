package modules

import (
	"errors"
	"os"
	"strings"
	"testing"

	"cloudseed/guest/sshd"

	"github.com/google/go-cmp/cmp"
)

const fingerprintKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e alice@example.com"

// The tables are what cloud-init 26.2 shows for the same lines, where no row says otherwise.
func TestFingerprintsOfAuthorizedKeysAreShown(t *testing.T) {
	t.Parallel()
	const usual = "/home/cloud-user/.ssh/authorized_keys"
	for name, row := range map[string]struct{ userData, file, content, want, report string }{
		"keys, with and without options, and what is none": {
			"{}", usual, "# a comment\n" + fingerprintKey + "\nno-pty,from=\"192.0.2.1\" " + fingerprintKey + "\necdsa-sha2-nistp256 AAAA\nssh-dss AAAA x\njunk\n", `
ci-info: ++++++++++++++++++++++++++++++++++++++++++++Authorized keys from /home/cloud-user/.ssh/authorized_keys for user cloud-user+++++++++++++++++++++++++++++++++++++++++++++
ci-info: +---------------------+-------------------------------------------------------------------------------------------------+-------------------------+-------------------+
ci-info: |       Keytype       |                                       Fingerprint (sha256)                                      |         Options         |      Comment      |
ci-info: +---------------------+-------------------------------------------------------------------------------------------------+-------------------------+-------------------+
ci-info: |     ssh-ed25519     | 18:54:0e:94:a5:26:e6:bd:4d:fd:87:04:fe:e2:76:3b:6a:13:3f:b2:73:ba:41:60:35:42:cf:af:b5:47:75:e8 |            -            | alice@example.com |
ci-info: |     ssh-ed25519     | 18:54:0e:94:a5:26:e6:bd:4d:fd:87:04:fe:e2:76:3b:6a:13:3f:b2:73:ba:41:60:35:42:cf:af:b5:47:75:e8 | no-pty,from="192.0.2.1" | alice@example.com |
ci-info: | ecdsa-sha2-nistp256 | 70:9e:80:c8:84:87:a2:41:1e:1e:e4:df:b9:f2:2a:86:14:92:d2:0c:47:65:15:0c:0c:79:4a:bd:70:f8:14:7c |            -            |         -         |
ci-info: +---------------------+-------------------------------------------------------------------------------------------------+-------------------------+-------------------+
`, "",
		},
		"another hash, in the file that sshd is told to read": {
			"authkey_hash: md5", "/etc/ssh/keys/cloud-user", fingerprintKey, `
ci-info: +++++++++++++++Authorized keys from /etc/ssh/keys/cloud-user for user cloud-user+++++++++++++++
ci-info: +-------------+-------------------------------------------------+---------+-------------------+
ci-info: |   Keytype   |                Fingerprint (md5)                | Options |      Comment      |
ci-info: +-------------+-------------------------------------------------+---------+-------------------+
ci-info: | ssh-ed25519 | 83:96:42:14:a4:ad:bc:82:76:f0:f0:d9:cf:60:ec:02 |    -    | alice@example.com |
ci-info: +-------------+-------------------------------------------------+---------+-------------------+
`, "",
		},
		"data that are not base64, and a comment that is not ASCII": {
			"authkey_hash: sha1", usual, "ssh-rsa not*base64 \"bób\"\n", `
ci-info: Authorized keys from /home/cloud-user/.ssh/authorized_keys for user cloud-user
ci-info: +---------+--------------------+---------+---------+
ci-info: | Keytype | Fingerprint (sha1) | Options | Comment |
ci-info: +---------+--------------------+---------+---------+
ci-info: | ssh-rsa |         ?          |    -    |  "bób"  |
ci-info: +---------+--------------------+---------+---------+
`, "",
		},
		"OpenSSH's own form, which cloud-init does not have": {
			"authkey_hash: openssh", usual, fingerprintKey, `
ci-info: ++++++++++Authorized keys from /home/cloud-user/.ssh/authorized_keys for user cloud-user++++++++++
ci-info: +-------------+----------------------------------------------------+---------+-------------------+
ci-info: |   Keytype   |               Fingerprint (openssh)                | Options |      Comment      |
ci-info: +-------------+----------------------------------------------------+---------+-------------------+
ci-info: | ssh-ed25519 | SHA256:GFQOlKUm5r1N/YcE/uJ2O2oTP7JzukFgNULPr7VHdeg |    -    | alice@example.com |
ci-info: +-------------+----------------------------------------------------+---------+-------------------+
`, "",
		},
		"a comment that would clear the screen": {
			"authkey_hash: md5", "/etc/ssh/keys/cloud-user", "ssh-rsa AAAA \x1b[2Jx\n", `
ci-info: ++++++++Authorized keys from /etc/ssh/keys/cloud-user for user cloud-user+++++++++
ci-info: +---------+-------------------------------------------------+---------+----------+
ci-info: | Keytype |                Fingerprint (md5)                | Options | Comment  |
ci-info: +---------+-------------------------------------------------+---------+----------+
ci-info: | ssh-rsa | 69:3e:9a:f8:4d:3d:fc:c7:1e:64:0e:00:5b:dc:5e:2e |    -    | \x1b[2Jx |
ci-info: +---------+-------------------------------------------------+---------+----------+
`, "",
		},
		"a user without keys": {"{}", "", "", "\nci-info: no authorized SSH keys fingerprints found for user cloud-user.\n", ""},
		"a hash that there is not": {
			"authkey_hash: sha2566", "", "", "\nci-info: no authorized SSH keys fingerprints found for user cloud-user.\n",
			`warning: user-data:1:15: authkey_hash: there is no hash "sha2566" (did you mean sha256?); sha256 is used`,
		},
		"users that have no home by configuration, and one that is not there": {
			"users: [{name: root, system: true}, {name: adm, no_create_home: true}, gone, default]", "", "", "\nci-info: no authorized SSH keys fingerprints found for user cloud-user.\n", "",
		},
		"not wanted":        {"no_ssh_fingerprints: yes", usual, fingerprintKey, "\n", ""},
		"no users are left": {"users: []", usual, fingerprintKey, "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			if row.file != "" {
				g.Put(t, row.file, row.content)
				g.Give(row.file, 1000, 1000)
			}
			if row.file != usual {
				g.Put(t, sshd.ConfigPath, "AuthorizedKeysFile /etc/ssh/keys/%u\n")
			}
			if report := strings.Join(g.run(t, sshAuthKeyFingerprints), "\n"); report != row.report {
				t.Errorf("it reports %q, want %q", report, row.report)
			}
			if diff := cmp.Diff(strings.TrimPrefix(row.want, "\n"), g.console); diff != "" {
				t.Errorf("the console (-want +got):\n%s", diff)
			}
			if made := g.Effects(); len(made) > 0 || len(g.lines()) > 0 {
				t.Errorf("it changes %+v and runs %q", made, g.lines())
			}
			if row.file != usual && g.Exists("/home/cloud-user") {
				t.Error("it creates a home directory")
			}
		})
	}
}

func TestALinkInPlaceOfAuthorizedKeysIsNotRead(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	g.Put(t, "/root/secret", "ssh-rsa AAAA of-root\n")
	g.Put(t, "/home/cloud-user/.ssh/other", "")
	if err := os.Symlink("/root/secret", g.Dir+"/home/cloud-user/.ssh/authorized_keys"); err != nil {
		t.Fatal(err)
	}
	err := sshAuthKeyFingerprints.Run(t.Context(), g.env)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot read the authorized keys of cloud-user: ") || g.console != "" {
		t.Errorf("it ends with %v and shows %q", err, g.console)
	}
}

func TestWithoutAConsoleFingerprintsAreInTheOutput(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	var output strings.Builder
	g.env.Console, g.env.Output = func(string) error { return errors.New("no console") }, &output
	g.clean(t, sshAuthKeyFingerprints)
	if want := "ci-info: no authorized SSH keys fingerprints found for user cloud-user.\n"; output.String() != want {
		t.Errorf("the output is %q, want %q", output.String(), want)
	}
}

func TestTheExampleOfFingerprintsIsDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, sshAuthKeyFingerprints.Example)
	g.Put(t, "/home/cloud-user/.ssh/authorized_keys", fingerprintKey+"\n")
	g.clean(t, sshAuthKeyFingerprints)
	if !strings.Contains(g.console, " Fingerprint (sha512) ") {
		t.Errorf("the console has:\n%s", g.console)
	}
}
