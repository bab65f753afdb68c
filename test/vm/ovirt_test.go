package vm_test

import (
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// TestAnOVirtGuestFromItsFirstBootOn is the life of one guest: the first boot, a
// second with the same drive, one as another instance, one with no drive.
func TestAnOVirtGuestFromItsFirstBootOn(t *testing.T) {
	t.Parallel()
	drive := seed.OVirt().ISO(t, "config-2")
	machine := vm.New(t, built)

	r := machine.Boot(vm.Options{Medium: drive})
	check.OVirt(t, r, "/dev/sr0")
	check.NewHostKeys(t, r, built.Root)
	r.Login("root", "abc123")
	keys, before := check.HostKeys(r), check.Fingerprint(r)
	r.PowerOff()

	// The password that is changed between the boots stays, and nothing else changes:
	// what has the same digest, inode and time was not written again.
	r = machine.Boot(vm.Options{Medium: drive})
	check.OVirt(t, r, "/dev/sr0")
	if after := check.Fingerprint(r); after != before {
		t.Errorf("the second boot with the same seed changes files, from\n%s\nto\n%s", before, after)
	}
	r.Shell("echo 'root:changed!' | chpasswd")
	r.PowerOff()

	r = machine.Boot(vm.Options{Medium: drive})
	check.Done(t, r)
	check.Password(t, r, "root", "changed!")
	if check.HostKeys(r) != keys {
		t.Error("the third boot with the same seed changes the host keys")
	}
	r.PowerOff()

	const other = "0d0e7c5e-9c53-4a0b-8a53-0c4c2a6e9d11"
	r = machine.Boot(vm.Options{Medium: seed.OVirt().Replace(t, seed.OVirtUUID, other).ISO(t, "config-2")})
	check.Done(t, r)
	check.OVirtApplied(t, r)
	check.Equal(t, r, "readlink /var/lib/cloud/instance", "/var/lib/cloud/instances/"+other)
	check.Equal(t, r, "cat /var/lib/cloud/data/previous-instance-id", seed.OVirtUUID)
	if check.HostKeys(r) == keys {
		t.Error("a new instance keeps the old one's host keys")
	}
	before = check.Fingerprint(r)
	r.PowerOff()

	r = machine.Boot(vm.Options{})
	check.Clean(t, r)
	if after := check.Fingerprint(r); after != before {
		t.Errorf("a boot without a seed changes files, from\n%s\nto\n%s", before, after)
	}
	check.Equal(t, r, "hostname", "abc123")
	check.Password(t, r, "root", "abc123")
	check.Equal(t, r, "nmcli -g IP4.ADDRESS device show eth0", "10.50.200.242/24")
	r.PowerOff()
}

func TestTheSeedIsFoundOnEveryBus(t *testing.T) {
	for bus, device := range map[vm.Bus]string{vm.SCSI: "/dev/sr0", vm.Virtio: "/dev/vdb"} {
		t.Run(string(bus), func(t *testing.T) {
			t.Parallel()
			r := vm.New(t, built).Boot(vm.Options{Medium: seed.OVirt().ISO(t, "config-2"), Bus: bus})
			check.OVirt(t, r, device)
			check.NewHostKeys(t, r, built.Root)
			r.PowerOff()
		})
	}
}
