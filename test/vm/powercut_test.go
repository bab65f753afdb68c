package vm_test

import (
	"strings"
	"testing"
	"time"

	"cloudseed/test/check"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// stepwise is the oVirt seed with a script that tells how far it has come and gives
// what it writes a second to be lost in.
func stepwise() seed.Files {
	const userData = "openstack/latest/user_data"
	files := seed.OVirt()
	// Its last key is runcmd: the steps come after oVirt's own command.
	return files.With(userData, files[userData]+`- echo one >>/root/steps; sync; echo step one >/dev/console; sleep 1
- echo two >>/root/steps; sync; echo step two >/dev/console; sleep 1
- echo three >>/root/steps
write_files:
- path: /etc/motd.d/seed
  content: |
    written by the seed
`)
}

// TestAPowerCutAtAnyPointEndsInTheSameState cuts the power of a first boot and boots
// again. A script that was running is the one thing that is not done again: it is
// reported and left alone.
func TestAPowerCutAtAnyPointEndsInTheSameState(t *testing.T) {
	drive := stepwise().ISO(t, "config-2")
	whole := vm.New(t, built).Boot(vm.Options{Medium: drive})
	check.OVirt(t, whole, "/dev/sr0")
	want := settledState(whole)
	whole.PowerOff()

	// What systemd says on the console when it starts the stage.
	const config, final = "(config stage)", "(final stage)"
	for name, cut := range map[string]struct {
		marker string        // on the console
		after  time.Duration // the marker
		steps  string        // of the script, after the next boot
		report bool          // the script was running
	}{
		"as the config stage starts":     {marker: config, steps: "one\ntwo\nthree"},
		"within the config stage":        {marker: config, after: 100 * time.Millisecond, steps: "one\ntwo\nthree"},
		"further on in the config stage": {marker: config, after: 300 * time.Millisecond, steps: "one\ntwo\nthree"},
		"as the final stage starts":      {marker: final, steps: "one\ntwo\nthree"},
		"after the script's first step":  {marker: "step one", steps: "one", report: true},
		"after the script's second step": {marker: "step two", steps: "one\ntwo", report: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := vm.New(t, built)
			r := machine.Start(vm.Options{Medium: drive})
			r.WaitConsole(cut.marker)
			time.Sleep(cut.after) // the moment is what is tested
			r.Kill()

			r = machine.Boot(vm.Options{Medium: drive})
			if cut.report {
				said := r.Shell("timeout 60 cloud-init status --wait --long; true")
				if !strings.Contains(said, "scripts/runcmd was interrupted") {
					t.Errorf("the script that the power cut interrupted is not reported:\n%s", said)
				}
			} else {
				check.Done(t, r)
			}
			check.OVirtApplied(t, r)
			check.NewHostKeys(t, r, built.Root)
			check.Equal(t, r, "cat /root/steps", cut.steps)
			if got := settledState(r); got != want {
				t.Errorf("after the power cut and a boot the guest has\n%s\nwithout it\n%s", got, want)
			}
			r.PowerOff()
		})
	}
}

// settledState is what must be the same however often the power failed: the contents
// of what the seed determines, and that no file of the agent's is cut short.
func settledState(g check.Guest) string {
	return g.Shell(`cd /
sha256sum etc/passwd etc/group etc/hostname etc/cloud/cloud.cfg etc/motd.d/seed etc/ssh/sshd_config \
  $(find etc/ssh/sshd_config.d etc/NetworkManager/system-connections var/lib/cloud/instance/scripts -type f | sort) \
  var/lib/cloud/instance/user-data.txt var/lib/cloud/instance/cloud-config.txt var/lib/cloud/instance/datasource \
  var/lib/cloud/data/instance-id
find -L var/lib/cloud/instance -type f -size 0 | sort
for f in $(find var/lib/cloud run/cloud-init -name '*.json' | sort); do
  jq -e . <"$f" >/dev/null 2>&1 || echo "$f is no JSON"
done
pwck -rq; grpck -r; true`)
}
