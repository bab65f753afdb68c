package guest_test

import (
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

// contracts are what test suites and administrators ask a running guest that cloud-init has set up, by
// scripts, and what they expect.
var contracts = []struct{ sentence, script, want string }{
	{"the version is that of a package of cloud-init", "cloud-init --version", "/usr/bin/cloud-init 26.2-1"},
	{"the status is done", "cloud-init status", "status: done"},
	{"a wait for the end prints the same", "cloud-init status --wait", "status: done"},
	{"the exit code of a good boot is 0", "cloud-init status >/dev/null; echo $?", "0"},
	{"status has the datasource and its volume", "cloud-init status --long | grep ^detail:", "detail: DataSourceNoCloud [seed=/dev/sr0]"},
	{"status as JSON has no error", "cloud-init status --format json | jq -c '[.status, .extended_status, .errors, .recoverable_errors, .datasource]'", `["done","done",[],{},"nocloud"]`},
	{"the result is there for scripts that wait for it", "jq -c . /run/cloud-init/result.json", `{"v1":{"datasource":"DataSourceNoCloud [seed=/dev/sr0]","errors":[]}}`},
	{"the boot has finished", "test -s /var/lib/cloud/instance/boot-finished && echo yes", "yes"},
	{"the instance is known", "cat /var/lib/cloud/data/instance-id /run/cloud-init/.instance-id", "contracts-1\ncontracts-1"},
	{"the instance is a link", "readlink /var/lib/cloud/instance", "/var/lib/cloud/instances/contracts-1"},
	{"the cloud is known", "cloud-id; cat /run/cloud-init/cloud-id", "nocloud\nnocloud"},
	{"facts can be asked for", "cloud-init query v1.instance_id; cloud-init query v1.local_hostname; cloud-init query ds.meta_data.instance_id", "contracts-1\nweb1\ncontracts-1"},
	{"user data can be asked for by root", "cloud-init query userdata | head -1", "#cloud-config"},
	{"user data is for root alone", "stat -c %a /var/lib/cloud/instance/user-data.txt /run/cloud-init/instance-data-sensitive.json", "600\n600"},
	{"redacted facts are for all", "stat -c %a /run/cloud-init/instance-data.json; setpriv --reuid=65534 --clear-groups cloud-init query userdata", "644\n<redacted for non-root user> file:/var/lib/cloud/instance/user-data.txt"},
	{"the log is not for all", "stat -c %a /var/log/cloud-init.log", "640"},
	{"the log has no fault", "grep -iE 'warning|error|critical|traceback' /var/log/cloud-init.log; true", ""},
	{"the log has every stage", "grep -o \"running '[a-z:-]*'\" /var/log/cloud-init.log | sort -u", "running 'init'\nrunning 'init-local'\nrunning 'modules:config'\nrunning 'modules:final'"},
	{"the output of the user's commands is kept", "grep -c 'said by runcmd' /var/log/cloud-init-output.log", "1"},
	{"the final message is in the output", "grep -c 'Cloud-init v. 26.2-1 finished at' /var/log/cloud-init-output.log", "1"},
	{"the boot can be analyzed", "cloud-init analyze show | grep -cE '^Finished stage: .(init-local|init-network|modules-config|modules-final)[)]'; cloud-init analyze blame | grep -q config-runcmd && echo blamed", "4\nblamed"},
	{"the hostname is that of the seed", "hostname; cat /etc/hostname", "web1\nweb1"},
	{"the default user can become root", "sudo -l -U cloud-user 2>/dev/null | grep -c 'NOPASSWD: ALL'", "1"},
	{"the default user has no password", "passwd -S cloud-user | cut -d' ' -f2", "L"},
	{"the default user has its key", "cut -d' ' -f1,3 ~cloud-user/.ssh/authorized_keys; stat -c '%a %U' ~cloud-user/.ssh/authorized_keys ~cloud-user/.ssh", "ssh-ed25519 me\n600 cloud-user\n700 cloud-user"},
	{"root is told which user to log in as", "grep -c 'Please login as the user' /root/.ssh/authorized_keys", "1"},
	{"sshd takes no passwords", "sshd -T | grep ^passwordauthentication", "passwordauthentication no"},
	{"the sudoers are right", "visudo -c >/dev/null && stat -c %a /etc/sudoers.d/90-cloud-init-users", "440"},
	{"host keys belong to root", "stat -c '%a %U' /etc/ssh/ssh_host_ed25519_key", "600 root"},
	{"the module of runcmd has run once", "ls /var/lib/cloud/instance/sem | grep -x config_runcmd", "config_runcmd"},
	{"the seed is valid", "cloud-init schema --system >/dev/null; echo $?", "0"},
	{"a file can be checked", "printf '#cloud-config\\nhostname: x\\n' >/root/c; cloud-init schema -c /root/c", "Valid schema /root/c"},
	{"a module can be run again", "rm /etc/seeded; cloud-init single --name write_files --frequency always >/dev/null; cat /etc/seeded", "from the seed"},
	{"a module that is none is an error", "cloud-init single --name nosuch >/dev/null 2>&1; echo $?", "1"},
	{"logs can be collected", "cd /root && cloud-init collect-logs >/dev/null 2>&1; tar -tzf cloud-init.tar.gz | grep -c '/cloud-init.log$'", "1"},
	{"no unit failed", "systemctl --failed --no-legend --plain", ""},
	{"the units are enabled", "systemctl is-enabled cloud-init-local cloud-init cloud-config cloud-final", "enabled\nenabled\nenabled\nenabled"},
	{"the package is as it was installed", "rpm -V cloudseed --nodeps; true", ""},
	{"a device that udev's rule names has its unit", "SUBSYSTEM=net ACTION=add DEVPATH=/devices/virtual/net/lo /usr/libexec/cloud-init/hook-hotplug; sleep 2; systemctl show --value -p Result -p ExecMainStatus cloud-init-hotplugd@lo", "success\n0"},
	{"a clean machine is another one", "cloud-init clean --logs --machine-id; ls -A /var/lib/cloud; cat /etc/machine-id; ls /var/log/cloud-init.log 2>/dev/null; true", "seed\nuninitialized"},
}

// TestAGuestAnswersAsOneThatCloudInitHasSetUp asks all of them of one guest, in order.
func TestAGuestAnswersAsOneThatCloudInitHasSetUp(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("contracts-1", `#cloud-config
hostname: web1
ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e me]
write_files: [{path: /etc/seeded, content: from the seed}]
runcmd: [echo said by runcmd]
`).With("meta-data", "instance-id: contracts-1\nlocal-hostname: web1\n").With("network-config", static)
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Done(t, r)
	for _, c := range contracts {
		t.Log(c.sentence)
		check.Equal(t, r, c.script, c.want)
	}
	r.PowerOff()
}
