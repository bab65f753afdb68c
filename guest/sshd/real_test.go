package sshd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/sshd"
	"cloudseed/host"
	"cloudseed/test/needs"
)

// The fingerprints are those that ssh-keygen prints of keys that it made.
func TestFingerprintsAreThoseOfSSHKeygen(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "ssh-keygen")
	root := t.TempDir()
	dir := filepath.Join(root, "etc/ssh")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"rsa -b 2048", "rsa -b 3071", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "ed25519"} {
		file := filepath.Join(dir, fmt.Sprintf("ssh_host_%d_key", i))
		args := append([]string{"-q", "-N", "", "-C", "root@vm  of the test", "-f", file, "-t"}, strings.Fields(kind)...)
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	lines, err := sshd.ShowHostKeys(host.New(root, host.Options{}), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	for i := range 6 {
		file := filepath.Join(dir, fmt.Sprintf("ssh_host_%d_key.pub", i))
		out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-l", "-f", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := " cloud-init: " + strings.TrimSpace(string(out)) + "\n"; !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
		public, err := os.ReadFile(file)
		if err != nil || !strings.Contains(text, "\n"+string(public)) {
			t.Errorf("%s is not in:\n%s\n%v", public, text, err)
		}
	}
}
