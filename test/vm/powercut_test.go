package vm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/image"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

var (
	cuts    = flag.Int("cuts", 5, "how many moments of a first boot get a power cut, on each file system")
	cutSeed = flag.Uint64("cut-seed", 1, "of the random moments; 0: others in each run")

	contained = flag.Bool("contained", false, "the boots after the power cuts are in containers, where one takes seconds")
)

// replaced are files of the image that the seed replaces. None may be empty, or gone, at any
// moment.
var replaced = []string{"/etc/motd", "/etc/issue", "/etc/issue.net", "/etc/networks", "/etc/environment", "/etc/gai.conf", "/etc/debconf.conf", "/etc/default/useradd"}

// stepwise is the oVirt seed with a user and files besides, and a script that tells how far
// it has come.
func stepwise() seed.Files {
	const userData = "openstack/latest/user_data"
	files := seed.OVirt()
	// Its last key is runcmd: the steps come after oVirt's own command.
	more := `- echo one >>/root/steps; sync
- echo two >>/root/steps
- echo three >>/root/steps; sync
users: [default, {name: ann, groups: wheel, sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0nSmbqoQsOVXNUmTrZ8XrY4dGQ7jXQw3Yl5dQkX6Zr ann]}]
timezone: Europe/Berlin
write_files:
- {path: /etc/motd.d/seed, content: "written by the seed\n"}
`
	for i, path := range replaced {
		more += fmt.Sprintf("- {path: %s, content: \"replaced by the seed, %d\\n\"}\n", path, i)
	}
	return files.With(userData, files[userData]+more)
}

// TestAPowerCutAtAnyMomentEndsInTheSameState boots once and then from what a power cut would
// have left of that boot. A script that was running is the one thing that is not done again:
// it is reported and left alone.
func TestAPowerCutAtAnyMomentEndsInTheSameState(t *testing.T) {
	drive, random := stepwise().ISO(t, "config-2"), *cutSeed
	if random == 0 {
		random = rand.Uint64()
	}
	for _, layout := range []image.Layout{image.Ext4, image.XFS} {
		t.Run(string(layout), func(t *testing.T) {
			t.Parallel()
			machine := vm.NewOn(t, built, layout, 0)
			r := machine.Start(vm.Options{Medium: drive, Recorded: true})
			r.WaitConsole("(local stage)")
			first := machine.Writes().Len()
			r.WaitBooted()
			check.OVirt(t, r, "/dev/sr0")
			want := settledState(r)
			r.PowerOff()
			writes := machine.Writes()
			t.Logf("%d writes, the first %d before the agent; -cut-seed %d", writes.Len(), first, random)

			for i := range *cuts {
				chance := rand.New(rand.NewPCG(random, uint64(i)))
				// One in each part of the boot.
				at := first + int((float64(i)+chance.Float64())*float64(writes.Len()-first)/float64(*cuts))
				t.Run(fmt.Sprintf("after %d writes", at), func(t *testing.T) {
					t.Parallel()
					if *contained {
						root := mounted(t, layout, writes.Left(t, at, chance))
						isSettled(t, guest.From(t, root).Boot(guest.Options{ISO: drive, Args: ownTimezone}), want)
						return
					}
					r := writes.Cut(t, at, chance).Boot(vm.Options{Medium: drive})
					isSettled(t, r, want)
					r.PowerOff()
				})
			}
		})
	}
}

// ownTimezone keeps nspawn from giving the container that of this machine.
var ownTimezone = []string{"--timezone=off"}

// mounted mounts a disk, whose journal is replayed by that, and returns where.
func mounted(t *testing.T, layout image.Layout, disk string) string {
	t.Helper()
	point, options := t.TempDir(), "loop"
	if layout == image.XFS {
		options += ",nouuid" // several of one image are mounted at a time
	}
	if out, err := exec.Command("mount", "-o", options, disk, point).CombinedOutput(); err != nil {
		t.Fatalf("cannot mount what the power cut left: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", point).CombinedOutput(); err != nil {
			t.Errorf("cannot unmount what the power cut left: %v: %s", err, out)
		}
	})
	return point
}

// isSettled fails the test unless the guest, after a power cut and a boot, is as without it.
func isSettled(t *testing.T, r check.Guest, want string) {
	t.Helper()
	const steps = "one\ntwo\nthree"
	said := r.Shell("timeout 60 cloud-init status --wait --long; true")
	if strings.Contains(said, "scripts/runcmd was interrupted") {
		if got := r.Shell("cat /root/steps 2>&1; true"); !strings.HasPrefix(steps, got) && !strings.Contains(got, "No such file") {
			t.Errorf("the script that the power cut interrupted left %q", got)
		}
		t.Logf("the script was interrupted")
	} else {
		check.Done(t, r)
		check.Equal(t, r, "cat /root/steps", steps)
		check.OVirtApplied(t, r)
	}
	check.NewHostKeys(t, r, built.Root)
	if got := settledState(r); got != want {
		t.Errorf("after the power cut and a boot the guest has\n%s\nwithout it\n%s", got, want)
	}
}

// settledState is what must be the same however often the power failed: the contents
// of what the seed determines, and that no file of the agent's is cut short. Files that were
// being written when it failed stay under names that nothing reads (host.IsTemporary).
func settledState(g check.Guest) string {
	return g.Shell(`cd /
sha256sum etc/passwd etc/group etc/hostname etc/motd.d/seed etc/ssh/sshd_config ` + strings.Join(replaced, " ") + ` \
  $(find etc/ssh/sshd_config.d etc/sudoers.d etc/NetworkManager/system-connections home root/.ssh var/lib/cloud/instance/scripts -type f ! -name '*.cloudseed~' | sort) \
  var/lib/cloud/instance/user-data.txt var/lib/cloud/instance/cloud-config.txt var/lib/cloud/instance/datasource \
  var/lib/cloud/data/instance-id
readlink etc/localtime
find -L var/lib/cloud/instance -type f -size 0 ! -name '*.cloudseed~' | sort
ls var/lib/cloud/instance/sem var/lib/cloud/sem | grep -v scripts_user
for f in $(find var/lib/cloud run/cloud-init -name '*.json' | sort); do
  jq -e . <"$f" >/dev/null 2>&1 || echo "$f is no JSON"
done
pwck -rq; grpck -r; true`)
}
