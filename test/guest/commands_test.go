package guest_test

import (
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

// static is a network that needs nobody's answer.
const static = "version: 2\nethernets: {eth0: {addresses: [10.50.200.51/24]}}\n"

// TestCommandsOfTheUserMayCallTheAgent has runcmd ask, repeat a module and clean, as
// builders of images do, while the final stage waits for it.
func TestCommandsOfTheUserMayCallTheAgent(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("commands-1", `#cloud-config
ssh_genkeytypes: [ed25519]
write_files: [{path: /etc/seeded, content: from the seed}]
bootcmd: ["cloud-init status >/root/in-bootcmd; echo $? >>/root/in-bootcmd"]
runcmd:
- cloud-init status | head -n 1 >/root/status
- rm /etc/seeded
- cloud-init single --name write_files --frequency always >/root/single 2>&1; echo $? >>/root/single
- touch /root/done
- test -e /root/keep || cloud-init clean --logs >/root/clean 2>&1; echo $? >>/root/clean
`).With("network-config", static)
	machine := guest.New(t, built)
	drive := files.ISO(t, "cidata")
	r := machine.Boot(guest.Options{ISO: drive})
	check.Equal(t, r, "cat /root/in-bootcmd", "status: running\n0")
	check.Equal(t, r, "cat /root/status /etc/seeded", "status: running\nfrom the seed")
	check.Equal(t, r, "tail -n 1 /root/single; cat /root/clean", "0\n0")
	// Nothing is kept, and this boot has still its end.
	check.Equal(t, r, "ls -A /var/lib/cloud", "seed")
	check.Equal(t, r, "cloud-init status --long | grep -A 3 ^errors", "errors: []\nrecoverable_errors: {}")
	check.Equal(t, r, "cloud-init status --wait | tail -n 1; readlink /run/cloud-init/status.json /run/cloud-init/result.json; true", "status: done")
	r.Shell("touch /root/keep; rm /root/done /root/clean")
	r.PowerOff()

	// The next boot is a first one.
	r = machine.Boot(guest.Options{ISO: drive})
	check.Equal(t, r, "ls /root/done; cat /var/lib/cloud/data/previous-instance-id", "/root/done\nNO_PREVIOUS_INSTANCE_ID")
	check.Done(t, r)
	r.PowerOff()
}

// TestAStageThatIsKilledIsAnErrorOfTheBoot kills the config stage in a guest, as the kernel
// does when there is no memory.
func TestAStageThatIsKilledIsAnErrorOfTheBoot(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("killed-1", `#cloud-config
ssh_genkeytypes: [ed25519]
bootcmd: ["mkdir -p /run/systemd/system/cloud-config.service.d; printf '[Service]\nExecStart=\nExecStart=/bin/sh -c \"kill -9 $$$$\"\n' >/run/systemd/system/cloud-config.service.d/kill.conf; systemctl daemon-reload"]
runcmd: [touch /root/ran]
`).With("network-config", static)
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Equal(t, r, "cloud-init status --wait | tail -n 1; ls /root/ran", "status: error\n/root/ran")
	check.Equal(t, r, "cloud-init status --long | grep -o 'the stage modules-config did not run in this boot; the stage modules-final runs what it left undone' | sort -u",
		"the stage modules-config did not run in this boot; the stage modules-final runs what it left undone")
	r.PowerOff()
}

// TestASeedThatIsRefusedIsAnErrorOfTheBoot has a volume with the label and a misspelt file.
func TestASeedThatIsRefusedIsAnErrorOfTheBoot(t *testing.T) {
	t.Parallel()
	files := seed.Files{"meta-data": "instance-id: refused-1\n", "user_data": "#cloud-config\n{}\n"}
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Equal(t, r, "cloud-init status --wait >/dev/null; echo $?; cloud-init status; true", "1\nstatus: error")
	check.Equal(t, r, "cloud-init status --long | grep -o 'did you mean user-data?' | sort -u", "did you mean user-data?")
	r.PowerOff()
}
