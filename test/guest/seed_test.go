package guest_test

import (
	"os"
	"strings"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

func TestTheOVirtSeedIsApplied(t *testing.T) {
	eni := "auto eth0\niface eth0 inet static\n  address 10.50.200.242\n  netmask 255.255.255.0\n  gateway 10.50.200.1\n"
	for name, files := range map[string]seed.Files{
		"without the file that network_config names": seed.OVirt(),
		"with the file that network_config names":    seed.OVirt().With("openstack/content/0000", eni),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := guest.New(t, built)
			drive := files.ISO(t, "config-2")
			r := machine.Boot(guest.Options{ISO: drive})
			check.OVirt(t, r, "/dev/sr0")
			check.NewHostKeys(t, r, built.Root)
			before := check.Fingerprint(r)
			r.PowerOff()

			r = machine.Boot(guest.Options{ISO: drive})
			check.OVirt(t, r, "/dev/sr0")
			if after := check.Fingerprint(r); after != before {
				t.Errorf("the second boot with the same seed changes files, from\n%s\nto\n%s", before, after)
			}
			if !strings.HasPrefix(name, "without") {
				r.PowerOff()
				return
			}
			keys := r.Shell("cat /etc/ssh/ssh_host_*_key.pub")
			isSealed(t, r)
			r.PowerOff()

			r = machine.Boot(guest.Options{ISO: drive})
			check.OVirt(t, r, "/dev/sr0")
			if again := r.Shell("cat /etc/ssh/ssh_host_*_key.pub"); again == keys {
				t.Error("the guest has the host keys of before it was sealed")
			}
			r.PowerOff()
		})
	}
}

// isSealed seals a guest that runs, and fails the test if anything identifies it afterwards.
func isSealed(t *testing.T, r *guest.Running) {
	t.Helper()
	check.Equal(t, r, `cloudseed seal --check --format json >/run/found; echo $?; jq -r '.[].kind' /run/found | grep -xE 'instance|host keys|machine id|logs'`,
		"1\ninstance\nhost keys\nmachine id\nlogs")
	check.Equal(t, r, "cloudseed seal >/dev/null && wc -c </etc/machine-id; ls /etc/ssh/ssh_host_* 2>/dev/null; systemctl is-active systemd-random-seed; true", "0\ninactive")
	check.Equal(t, r, "cloudseed seal --check", "Nothing identifies this machine: it is ready to be a template.")
}

func TestANoCloudSeedIsAppliedFromAVolumeAndFromADirectory(t *testing.T) {
	files := seed.NoCloud("nocloud-1", `#cloud-config
hostname: nimbus
users:
- default
- name: ann
  lock_passwd: false
  plain_text_passwd: "blue moon"
  groups: wheel
  sudo: ALL=(ALL) NOPASSWD:ALL
ssh_genkeytypes: [ed25519]
write_files:
- path: /etc/seeded
  content: yes it is
  permissions: '0640'
`).With("network-config", "version: 2\nethernets:\n  eth0:\n    addresses: [10.50.200.50/24]\n")
	for name, options := range map[string]func(t *testing.T, m *guest.Machine) guest.Options{
		"a volume": func(t *testing.T, _ *guest.Machine) guest.Options {
			return guest.Options{ISO: files.ISO(t, "cidata")}
		},
		"a directory": func(t *testing.T, m *guest.Machine) guest.Options {
			files.Dir(t, m.Path("/var/lib/cloud/seed/nocloud"))
			return guest.Options{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := guest.New(t, built)
			r := machine.Boot(options(t, machine))
			check.Done(t, r)
			check.Equal(t, r, "hostname", "nimbus")
			check.Equal(t, r, "cat /var/lib/cloud/data/instance-id", "nocloud-1")
			check.Equal(t, r, "nmcli -g IP4.ADDRESS device show eth0", "10.50.200.50/24")
			check.Equal(t, r, "cat /etc/seeded; stat -c %a /etc/seeded", "yes it is640")
			check.Password(t, r, "ann", "blue moon")
			check.Equal(t, r, "su ann -c 'sudo -n id -un' 2>/dev/null", "root")
			check.Equal(t, r, "id -Gn cloud-user", "cloud-user adm systemd-journal")
			check.Equal(t, r, "ls /etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_ed25519_key")
			r.PowerOff()
		})
	}
}

// TestANetworkThatNeverComesUpIsWaitedForOnce: the seed asks for DHCP, and there is no
// server. NetworkManager gives up after its own 45 seconds.
func TestANetworkThatNeverComesUpIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("nocloud-2", "#cloud-config\nruncmd: [touch /ran]\n")
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Equal(t, r, "journalctl -b -o cat -u NetworkManager-wait-online.service | grep -c ^Starting", "1")
	check.Equal(t, r, "cloud-init status --wait | tail -n 1; ls /ran", "status: done\n/ran")
	check.Equal(t, r, "systemctl is-active sshd", "active")
	r.PowerOff()
}

func TestAGuestWithoutASeedIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := guest.New(t, built).Boot(guest.Options{})
	check.Clean(t, r)
	check.Equal(t, r, "systemctl is-active cloud-init-local.service cloud-init.service", "active\ninactive")
	check.Equal(t, r, "find /var/lib/cloud -name 'instance*'", "")
	check.Equal(t, r, "hostname", "localhost")
	// Nothing that only a seed needs was waited for or even asked for.
	check.Equal(t, r, "systemctl show -p ActiveState network-online.target NetworkManager-wait-online.service",
		"ActiveState=inactive\n\nActiveState=inactive")
	r.PowerOff()
}

func TestADisabledAgentDoesNothing(t *testing.T) {
	t.Parallel()
	machine := guest.New(t, built)
	seed.Files{"cloud-init.disabled": ""}.Dir(t, machine.Path("/etc/cloud"))
	r := machine.Boot(guest.Options{ISO: seed.OVirt().ISO(t, "config-2")})
	check.Clean(t, r)
	check.Equal(t, r, "hostname", "localhost")
	check.Equal(t, r, "systemctl show --value -p ConditionResult cloud-init-local.service cloud-final.service", "no\n\nno")
	r.PowerOff()
}

// TestBadInputCostsNoMoreThanItself: the guest boots, the message tells where the
// mistake is, and what could be applied is.
func TestBadInputCostsNoMoreThanItself(t *testing.T) {
	ok := seed.OVirt()
	userData := func(text string) seed.Files { return ok.With("openstack/latest/user_data", text) }
	for name, c := range map[string]struct {
		files   seed.Files
		damage  func(t *testing.T, image string)
		message []string // all of it in what the agent says
		holds   map[string]string
	}{
		"a drive that holds no file system": {
			files:   ok,
			damage:  func(t *testing.T, image string) { overwrite(t, image, strings.Repeat("no medium ", 50_000)) },
			message: []string{"no seed was found: ", "/dev/sr0: it holds no ISO 9660, FAT or UDF file system"},
			holds:   map[string]string{"hostname": "localhost"},
		},
		"a truncated image": {
			files:   ok,
			damage:  func(t *testing.T, image string) { truncate(t, image, 50*1024) },
			message: []string{"/dev/sr0"},
		},
		"an error in the JSON of the metadata": {
			files:   ok.Replace(t, `"hostname" : "abc123",`, `"hostname" "abc123",`),
			message: []string{"meta_data.json", ":10"},
		},
		"an error in the YAML of the user data": {
			files:   userData("#cloud-config\nhostname: other\nruncmd: [unclosed\n"),
			message: []string{"user-data:"},
			holds:   map[string]string{"hostname": "abc123"},
		},
		"user data without its first line": {
			files:   userData("hostname: other\npassword: x\n"),
			message: []string{"user-data:1", "#cloud-config"},
		},
		"a value of the wrong type": {
			files:   userData("#cloud-config\npassword: abc123\nuser: root\nchpasswd:\n  expire: maybe\nruncmd: [touch /ran]\n"),
			message: []string{"user-data:5:11", "chpasswd.expire", "maybe"},
			holds:   map[string]string{"hostname": "abc123", "ls /ran": "/ran"},
		},
		"a module that does not exist": {
			files:   userData("#cloud-config\ncloud_final_modules: [nonesuch, scripts_user]\nruncmd: [touch /ran]\n"),
			message: []string{"nonesuch"},
			holds:   map[string]string{"hostname": "abc123", "ls /ran": "/ran"},
		},
		"a hostname of 300 characters": {
			files:   userData("#cloud-config\nhostname: " + strings.Repeat("h", 300) + "\nruncmd: [touch /ran]\n"),
			message: []string{"user-data:2:11", "300"},
			holds:   map[string]string{"ls /ran": "/ran"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drive := c.files.ISO(t, "config-2")
			if c.damage != nil {
				c.damage(t, drive)
			}
			r := guest.New(t, built).Boot(guest.Options{ISO: drive})
			said := r.Shell(`cloud-init status --long; journalctl -b -o cat -t cloudseed -t cloud-init -u 'cloud-*'; cat /var/log/cloud-init.log; true`)
			for _, text := range c.message {
				if !strings.Contains(said, text) {
					t.Errorf("nothing says %q; what is said:\n%s", text, said)
				}
			}
			for script, want := range c.holds {
				check.Equal(t, r, script, want)
			}
			check.Equal(t, r, "systemctl is-active sshd NetworkManager multi-user.target", "active\nactive\nactive")
			r.PowerOff()
		})
	}
}

func TestAPasswordWithAColonAndUmlautsIsSetAsItIs(t *testing.T) {
	t.Parallel()
	const password = "ab:c d'é\"ß:"
	files := seed.OVirt().Replace(t, "password: abc123", `password: "ab:c d'é\"ß:"`)
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "config-2")})
	check.Done(t, r)
	check.Password(t, r, "root", password)
	check.SSHLogin(t, r, "root", password)
	if text := r.Shell("cat /var/log/cloud-init*.log /var/lib/cloud/ledger* 2>/dev/null; journalctl -b"); strings.Contains(text, "ab:c d") {
		t.Error("the password is in a log")
	}
	r.PowerOff()
}

func overwrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// TestGroupsOfTheFamilyMayReadWhatIsTheirs has the groups of RHEL that own files of this
// program: adm reads what commands wrote, ssh_keys owns the host keys.
func TestGroupsOfTheFamilyMayReadWhatIsTheirs(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("groups-1", `#cloud-config
ssh_genkeytypes: [ed25519]
bootcmd: [groupadd --system ssh_keys, echo booted]
runcmd: [id -Gn >/root/groups]
`).With("network-config", static)
	r := guest.New(t, built).Boot(guest.Options{ISO: files.ISO(t, "cidata")})
	check.Done(t, r)
	check.Equal(t, r, "stat -c '%U:%G %a' /var/log/cloud-init-output.log", "root:adm 640")
	check.Equal(t, r, "grep -c ^booted /var/log/cloud-init-output.log", "1")
	// From OpenSSH 9.0 on sshd does not take a private key that its group can read.
	check.Equal(t, r, "stat -c '%U:%G %a %n' /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub",
		"root:ssh_keys 600 /etc/ssh/ssh_host_ed25519_key\nroot:root 644 /etc/ssh/ssh_host_ed25519_key.pub")
	r.PowerOff()
}
