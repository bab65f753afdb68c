// Package check looks into a running guest for what a seed should have done to it.
//
// In comes a guest that takes shell scripts, out go test failures. It looks as a user
// would - by logging in, by asking sshd and NetworkManager - and never knows whether
// the guest is a container or a virtual machine.
package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/test/seed"
)

// Guest is a running guest.
type Guest interface {
	// Shell runs a script that must succeed and returns its output.
	Shell(script string) string
}

// Equal fails the test unless the script prints what is wanted.
func Equal(t testing.TB, g Guest, script, want string) {
	t.Helper()
	if got := g.Shell(script); got != want {
		t.Errorf("in the guest: %s\ngives %q, not %q", script, got, want)
	}
}

// OVirt fails the test unless the guest is as the oVirt seed wants it. source is the
// device that the seed was read from.
func OVirt(t testing.TB, g Guest, source string) {
	t.Helper()
	Done(t, g)
	OVirtApplied(t, g)
	Equal(t, g, "readlink /var/lib/cloud/instance", "/var/lib/cloud/instances/"+seed.OVirtUUID)
	Equal(t, g, "cat /var/lib/cloud/instance/datasource",
		fmt.Sprintf("DataSourceConfigDrive: DataSourceConfigDrive [local,ver=2][source=%s]", source))
}

// OVirtApplied fails the test unless the guest is configured as the oVirt seed wants
// it, whatever the agent's own state says.
func OVirtApplied(t testing.TB, g Guest) {
	t.Helper()
	Equal(t, g, "hostname", "abc123")
	Equal(t, g, "cat /etc/hostname", "abc123")
	Password(t, g, "root", "abc123")
	Equal(t, g, "sshd -T | grep -E '^(passwordauthentication|permitrootlogin) ' | sort", "passwordauthentication yes\npermitrootlogin yes")
	SSHLogin(t, g, "root", "abc123")
	Equal(t, g, "nmcli -g IP4.ADDRESS,IP4.GATEWAY device show eth0", "10.50.200.242/24\n10.50.200.1")
	Equal(t, g, "grep ^datasource_list: /etc/cloud/cloud.cfg", `datasource_list: ["NoCloud", "ConfigDrive"]`)
}

// Done fails the test unless the agent says that all went well, and systemd does too.
func Done(t testing.TB, g Guest) {
	t.Helper()
	if got := g.Shell("timeout 60 cloud-init status --wait --format json | jq -r .extended_status"); got != "done" {
		t.Fatalf("the agent's status is %q:\n%s", got, g.Shell("cloud-init status --long; systemctl --failed; journalctl -b -o short-monotonic -u 'cloud-*'; true"))
	}
	Equal(t, g, "cloud-init status; echo exit $?", "status: done\nexit 0")
	Equal(t, g, "jq -c .v1.errors /run/cloud-init/result.json", "[]")
	Clean(t, g)
}

// Clean fails the test when a unit has failed in this boot.
func Clean(t testing.TB, g Guest) {
	t.Helper()
	Equal(t, g, "systemctl --failed --no-legend --plain", "")
	Equal(t, g, "systemctl is-system-running", "running")
}

// Password fails the test unless PAM's own helper takes the password, and no other.
func Password(t testing.TB, g Guest, user, password string) {
	t.Helper()
	ask := func(password string) string {
		// The helper reads the password up to a zero byte, and refuses a terminal.
		return fmt.Sprintf(`printf '%%s\0' %s | unix_chkpwd %s nullok 2>&1; echo exit $?`, quote(password), user)
	}
	Equal(t, g, ask(password), "exit 0")
	Equal(t, g, ask(password+"x"), "exit 7") // PAM_AUTH_ERR
}

// SSHLogin fails the test unless sshd lets the user in with the password.
func SSHLogin(t testing.TB, g Guest, user, password string) {
	t.Helper()
	// ssh takes a password from a program when it has no terminal.
	script := fmt.Sprintf(`cat >/run/askpass <<'END'
#!/bin/sh
printf '%%s\n' %s
END
chmod 700 /run/askpass
SSH_ASKPASS=/run/askpass SSH_ASKPASS_REQUIRE=force timeout 60 setsid -w ssh -o LogLevel=ERROR \
  -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no %s@localhost id -un`, quote(password), user)
	Equal(t, g, script, user)
}

// NewHostKeys fails the test unless the guest's host keys are whole and none is the
// image's, whose root directory is given.
func NewHostKeys(t testing.TB, g Guest, imageRoot string) {
	t.Helper()
	keys := HostKeys(g)
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		name := "etc/ssh/ssh_host_" + kind + "_key.pub"
		old, err := os.ReadFile(filepath.Join(imageRoot, name))
		if err != nil {
			t.Fatalf("the image has no host key to be replaced: %v", err)
		}
		if strings.Contains(keys, strings.Fields(string(old))[1]) {
			t.Errorf("the guest still has the image's %s host key", kind)
		}
		// The private key is whole, belongs to the public one, and only root reads it.
		Equal(t, g, fmt.Sprintf(`cd /etc/ssh; k=ssh_host_%s_key
[ "$(ssh-keygen -yf $k | cut -d' ' -f2)" = "$(cut -d' ' -f2 $k.pub)" ] && stat -c '%%a %%U:%%G' $k $k.pub`, kind),
			"600 root:root\n644 root:root")
	}
}

// HostKeys are the guest's public host keys.
func HostKeys(g Guest) string { return g.Shell("cat /etc/ssh/ssh_host_*_key.pub") }

// Fingerprint is what a boot that changes nothing leaves as it is: the digests and the
// times of the files that the agent and its modules write for an instance.
func Fingerprint(g Guest) string {
	return g.Shell(`for f in /etc/passwd /etc/shadow /etc/group /etc/hostname /etc/cloud/cloud.cfg /etc/ssh/* \
  /etc/ssh/sshd_config.d/* /etc/NetworkManager/system-connections/* /var/lib/cloud/instance/scripts/*; do
  [ -f "$f" ] && echo "$(sha256sum "$f") $(stat -c '%i %Y %a %U:%G' "$f")"
done; true`)
}

// quote makes one word of a text for the shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
