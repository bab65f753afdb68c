package guest_test

import (
	"strconv"
	"strings"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

// TestALoginDoesNotWaitForACableThatIsNotPluggedIn: sshd runs before the service that waits
// for the network has given up, and did not wait for it. With a bootcmd, which may want the
// network, it does.
func TestALoginDoesNotWaitForACableThatIsNotPluggedIn(t *testing.T) {
	for name, c := range map[string]struct {
		userData string
		waits    bool
	}{
		"users and files": {"#cloud-config\npassword: blue moon\nssh_pwauth: true\nwrite_files: [{path: /seeded}]\nssh_genkeytypes: [ed25519]\n", false},
		"bootcmd":         {"#cloud-config\nbootcmd: [touch /seeded]\nssh_genkeytypes: [ed25519]\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := guest.New(t, built)
			seed.NoCloud("unplugged", c.userData).Dir(t, machine.Path("/var/lib/cloud/seed/nocloud"))
			r := machine.Boot(guest.Options{Unplugged: true})
			chain := r.Shell("systemd-analyze critical-chain ssh.service --no-pager")
			t.Logf("%s\n%s", chain, r.Shell("journalctl -b -o short-monotonic -u 'cloud-*' -u NetworkManager-wait-online -u ssh --no-pager | tail -n 60"))
			check.Equal(t, r, "ls /seeded; cat /sys/class/net/eth0/carrier", "/seeded\n0")
			// NetworkManager gives a link some seconds to come up. Debian's sshd has the name ssh.service.
			ended := moment(t, r, "NetworkManager-wait-online.service", "StateChangeTimestampMonotonic")
			if waited := moment(t, r, "ssh.service", "ActiveEnterTimestampMonotonic") > ended; waited != c.waits {
				t.Errorf("sshd waited for the network: %v", waited)
			}
		})
	}
}

// moment is a time of a unit, in microseconds since the kernel started.
func moment(t *testing.T, r *guest.Running, unit, property string) int {
	t.Helper()
	text := strings.TrimSpace(r.Shell("systemctl show -P " + property + " " + unit))
	us, err := strconv.Atoi(text)
	if err != nil || us == 0 {
		t.Fatalf("%s has no %s: %q", unit, property, text)
	}
	return us
}
