package sshd_test

import (
	"regexp"
	"strings"
	"testing"

	"cloudseed/guest/sshd"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

const (
	ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e root@vm"
	ecdsa   = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="
)

// shown returns what is shown of the keys of a machine, without the time.
func shown(t *testing.T, m *hosttest.Machine, hiddenFingerprints, hiddenKeys []string) (string, error) {
	t.Helper()
	lines, err := sshd.ShowHostKeys(m.Host, hiddenFingerprints, hiddenKeys)
	text := strings.Join(lines, "\n")
	return regexp.MustCompile(`(?m)^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d cloud-init: `).ReplaceAllString(text, "log: "), err
}

func TestHostKeysAreShown(t *testing.T) {
	t.Parallel()
	const frame = "log: #############################################################\n"
	const fingerprints = frame + "log: -----BEGIN SSH HOST KEY FINGERPRINTS-----\n" +
		"log: 256 SHA256:GFQOlKUm5r1N/YcE/uJ2O2oTP7JzukFgNULPr7VHdeg root@vm (ED25519)\n" +
		"log: -----END SSH HOST KEY FINGERPRINTS-----\n" + frame
	const keys = "-----BEGIN SSH HOST KEY KEYS-----\n" + ed25519 + "\n-----END SSH HOST KEY KEYS-----"
	for name, row := range map[string]struct {
		hiddenFingerprints, hiddenKeys []string
		want                           string
	}{
		"fingerprints and keys":          {nil, nil, fingerprints + keys},
		"without a type of fingerprints": {[]string{"ssh-rsa", "ssh-ed25519"}, nil, keys},
		"without a type of keys":         {nil, []string{"ssh-ed25519"}, strings.TrimSuffix(fingerprints, "\n")},
		"without both":                   {[]string{"ssh-ed25519"}, []string{"ssh-ed25519"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, "/etc/ssh/ssh_host_ed25519_key.pub", ed25519+"\n")
			m.Put(t, "/etc/ssh/ssh_host_ed25519_key", "the private one")
			m.Put(t, "/etc/ssh/ssh_host_ed25519_key-cert.pub", "the certificate")
			got, err := shown(t, m, row.hiddenFingerprints, row.hiddenKeys)
			if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
				t.Errorf("(-want +got):\n%s%v", diff, err)
			}
			if len(m.Calls()) > 0 || len(m.Effects()) > 0 {
				t.Errorf("it runs %q and changes %v", m.Lines(), m.Effects())
			}
		})
	}
}

func TestWhatIsNoHostKeyDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"junk":                         "/etc/ssh/ssh_host_ecdsa_key.pub holds no public key: its data are of another type",
		"ssh-rsa ***":                  "/etc/ssh/ssh_host_ecdsa_key.pub holds no public key: its data are not valid base64",
		"ssh-rsa AAAAB3NzaC1yc2E=":     "/etc/ssh/ssh_host_ecdsa_key.pub holds no public key: its data end early",
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5": "/etc/ssh/ssh_host_ecdsa_key.pub holds no public key: its data are of another type",
		strings.Repeat("x", 65<<10):    "cannot read the host key /etc/ssh/ssh_host_ecdsa_key.pub: ",
		ed25519[:20] + "\x1b[2J" + "x": "/etc/ssh/ssh_host_ecdsa_key.pub holds no public key: its data are not valid base64",
	} {
		m := hosttest.New(t)
		m.Put(t, "/etc/ssh/ssh_host_ecdsa_key.pub", content)
		m.Put(t, "/etc/ssh/ssh_host_ed25519_key.pub", ed25519+"\n")
		got, err := shown(t, m, nil, nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.30q: the error is %v, want %s", content, err, want)
		}
		if !strings.Contains(got, "(ED25519)") || strings.Contains(got, "\x1b") {
			t.Errorf("%.30q: it shows %q", content, got)
		}
	}
}

func TestAHostKeyOfAnotherTypeIsShownWithoutItsBits(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/ssh/ssh_host_new_key.pub", "ssh-new AAAAB3NzaC1uZXc= root@vm")
	const want = "log: SHA256:Em5au2D262AqCpSF2mktRbWqbBxAli4x5IrFn18jLnI root@vm (ssh-new)\n"
	if got, err := shown(t, m, nil, nil); err != nil || !strings.Contains(got, want) {
		t.Errorf("it shows %q, %v, want %q", got, err, want)
	}
}

func TestAHostKeyWithoutACommentHasNone(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/ssh/ssh_host_ecdsa_key.pub", ecdsa)
	got, err := shown(t, m, nil, nil)
	if err != nil || !strings.Contains(got, " no comment (ECDSA)\n") {
		t.Errorf("it shows %q, %v", got, err)
	}
}

func TestAGuestWithoutHostKeysShowsNothing(t *testing.T) {
	t.Parallel()
	if got, err := shown(t, hosttest.New(t), nil, nil); got != "" || err != nil {
		t.Errorf("it shows %q, %v", got, err)
	}
}
