package vm_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/image"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// enforced is user data that writes files of many labels.
const enforced = `#cloud-config
ssh_genkeytypes: [ed25519, rsa]
users:
- default
- {name: alice, groups: wheel, sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0nSmbqoQsOVXNUmTrZ8XrY4dGQ7jXQw3Yl5dQkX6Zr alice], lock_passwd: false}
chpasswd: {expire: false, users: [{name: alice, password: secret, type: text}]}
write_files:
- {path: /etc/motd, content: hello}
- {path: /etc/sysctl.d/50-a.conf, content: "vm.swappiness = 10\n"}
- {path: /usr/local/bin/tool, content: "#!/bin/sh\n", permissions: "0755"}
- {path: /srv/new/folder/file, content: x}
- {path: /home/alice/.config/tool, content: x, owner: "alice:alice", defer: true}
timezone: Europe/Berlin
locale: C.UTF-8
ntp: {servers: [192.0.2.1]}
manage_etc_hosts: true
swap: {filename: /swap.img, size: 16M}
mounts: [[tmpfs, /srv/scratch, tmpfs]]
bootcmd: ["cat /proc/$PPID/attr/current >>/run/domain"]
runcmd: ["cat /proc/self/attr/current >>/run/domain"]
`

// denials are what the policy denies to this guest's other programs, each with the reason.
var denials = []*regexp.Regexp{
	regexp.MustCompile(`comm="nm-dispatcher" path="/usr/lib/NetworkManager/dispatcher.d/.*:lib_t:`), // Debian's policy takes the scripts for libraries
	regexp.MustCompile(`comm="agetty" capability=40 `),                                              // CAP_CHECKPOINT_RESTORE, younger than the policy
	regexp.MustCompile(`comm="systemd-tmpfile" name="(mtab|root)"`),                                 // labelled as they should be, but for SELinux's user
	regexp.MustCompile(`comm="systemd-udevd" .*:udev_t:`),                                           // its own limits, before it begins
}

// TestAGuestWithSELinuxEnforced: the stages run in cloud-init's own domain, the policy denies
// nothing to them and nothing by what they wrote, and that has the labels that the policy has for it.
func TestAGuestWithSELinuxEnforced(t *testing.T) {
	t.Parallel()
	drive := seed.NoCloud("enforced", enforced).ISO(t, "cidata")
	machine := vm.NewOn(t, built, image.SELinux, 0)

	r := machine.Boot(vm.Options{Medium: drive})
	check.Done(t, r)
	check.Equal(t, r, "getenforce", "Enforcing")
	check.Equal(t, r, "cat /run/domain | tr '\\0' '\\n' | sort -u", "system_u:system_r:cloud_init_t:s0")
	check.Password(t, r, "alice", "secret")
	labelsAreThePolicys(t, r)
	nothingIsDenied(t, r)
	r.PowerOff()

	r = machine.Boot(vm.Options{Medium: drive})
	check.Done(t, r)
	nothingIsDenied(t, r)
	r.PowerOff()
}

// labelsAreThePolicys fails the test if a file that the agent has made or changed has another
// label than the policy has for its path.
func labelsAreThePolicys(t *testing.T, r *vm.Running) {
	t.Helper()
	paths := strings.Fields(r.Shell("cloudseed changes --format json | jq -r '.. | .path? // empty' | sort -u"))
	if len(paths) < 30 {
		t.Fatalf("the agent names %d paths: %q", len(paths), paths)
	}
	for _, path := range paths {
		if path == "/swap.img" {
			continue // mkswap labels it itself, without which swapon would be denied it
		}
		if out := r.Try("[ ! -e " + path + " ] || matchpathcon -V " + path); out.Exit != 0 {
			t.Error(out.Output)
		}
	}
}

// nothingIsDenied fails the test if the policy has denied something that is not listed.
func nothingIsDenied(t *testing.T, r *vm.Running) {
	t.Helper()
	lines := r.Shell("journalctl -b _TRANSPORT=audit -o cat | grep 'avc:  denied'")
	for line := range strings.Lines(lines) {
		if !slices.ContainsFunc(denials, func(known *regexp.Regexp) bool { return known.MatchString(line) }) {
			t.Error(line)
		}
	}
}
