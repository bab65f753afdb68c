package vm_test

import (
	"strconv"
	"testing"
	"time"

	"cloudseed/test/check"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

func TestADrivePluggedInWhileTheGuestBootsIsFound(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"two seconds after the kernel starts": 2 * time.Second,
		"while udev loads the drivers":        4 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vm.New(t, built).Boot(vm.Options{
				Medium: seed.OVirt().ISO(t, "config-2"),
				Plug:   func() { time.Sleep(after) }, // the moment is what is tested
			})
			check.OVirt(t, r, "/dev/sr0")
			r.PowerOff()
		})
	}
}

func TestAMachineWithoutASeedBootsAsIfTheAgentWereNotThere(t *testing.T) {
	t.Parallel()
	r := vm.New(t, built).Boot(vm.Options{Counted: true})
	check.Clean(t, r)
	check.Equal(t, r, "hostname", "localhost")
	check.Equal(t, r, "systemctl is-active cloud-init-local.service", "active")
	for _, unit := range []string{"cloud-init", "cloud-config", "cloud-final"} {
		check.Equal(t, r, "systemctl show -p ConditionResult -p ActiveState "+unit, "ActiveState=inactive\nConditionResult=no")
	}
	check.Equal(t, r, "timeout 60 cloud-init status --wait >/dev/null; echo exit $?", "exit 0")
	// The image's host keys and accounts are as they were.
	check.Equal(t, r, "find /etc -newer /etc/machine-id -path '*ssh*' -o -newer /etc/machine-id -name shadow", "")

	const limit = 100 * time.Millisecond
	spent, err := strconv.Atoi(r.Shell("systemctl show --value -p CPUUsageNSec cloud-init-local"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the local stage took %v of CPU", time.Duration(spent))
	if time.Duration(spent) > limit {
		t.Errorf("without a seed the local stage takes %v of CPU, more than %v", time.Duration(spent), limit)
	}
	r.PowerOff()
}
