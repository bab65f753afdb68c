package guest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

const units = "cloud-init.target cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service"

func TestThePackageEnablesItsUnitsAndTheyAreSound(t *testing.T) {
	t.Parallel()
	r := guest.New(t, built).Boot(guest.Options{})
	check.Equal(t, r, "systemctl is-enabled "+units, "enabled\nenabled\nenabled\nenabled\nenabled")
	// The name of the network stage since cloud-init 24.3.
	check.Equal(t, r, "systemctl show --value -p Id cloud-init-network.service", "cloud-init.service")
	check.Equal(t, r, "systemctl --quiet disable cloud-init; systemctl is-enabled cloud-init; true", "disabled")
	check.Equal(t, r, "systemctl --quiet enable cloud-init; systemctl is-enabled cloud-init", "enabled")
	check.Equal(t, r, "systemd-analyze verify --man=no cloud-config.target "+units+" 2>&1", "")
	check.Equal(t, r, "readlink -f /usr/bin/cloudseed", "/usr/bin/cloud-init")
	check.Equal(t, r, "rpm -V cloudseed --nodeps", "")
	r.PowerOff()
}

// TestTheOrderOfTheBoot: what the seed changes is changed before anything reads it.
func TestTheOrderOfTheBoot(t *testing.T) {
	t.Parallel()
	r := guest.New(t, built).Boot(guest.Options{})
	for _, order := range []struct{ first, then string }{
		{"local-fs.target", "cloud-init-local.service"},
		{"cloud-init-local.service", "NetworkManager.service"},
		{"cloud-init-local.service", "network-pre.target"},
		{"cloud-init-local.service", "cloud-init.service"},
		{"cloud-init.service", "sshd.service"},
		{"cloud-init.service", "systemd-user-sessions.service"},
		{"cloud-init.service", "network-online.target"},
		{"network-online.target", "cloud-config.service"},
		{"cloud-config.service", "cloud-final.service"},
		{"multi-user.target", "cloud-final.service"},
	} {
		// Each side knows the other's names: sshd.service is ssh.service here.
		check.Equal(t, r, "systemctl show --value -p After "+order.then+` | tr ' ' '\n' | grep -cxF "$(systemctl show --value -p Id `+order.first+`)"`, "1")
	}
	check.Equal(t, r, "journalctl -b -o cat | grep -i 'ordering cycle' | head -1", "")
	r.PowerOff()
}

// cloudInitSpec is a package with the one thing of cloud-init's that matters here: as
// all packages with units do, it disables them when it is removed.
const cloudInitSpec = `
Name: cloud-init
Version: 23.4
Release: 1
Summary: Stands for the package that is replaced
License: none
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/lib/systemd/system %{buildroot}/etc/cloud
for unit in cloud-init-local cloud-init cloud-config cloud-final; do
  printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >%{buildroot}/usr/lib/systemd/system/$unit.service
done
echo 'old: true' >%{buildroot}/etc/cloud/cloud.cfg
%preun
if [ $1 -eq 0 ]; then
  systemctl --no-reload disable --now cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service || :
fi
%files
%config(noreplace) /etc/cloud/cloud.cfg
/usr/lib/systemd/system/*.service
`

// TestThePackageTakesCloudInitsPlace: the old package's scripts run after the new
// one's and disable units of the same names. An upgrade keeps what the administrator
// has disabled, and a removal leaves no links.
func TestThePackageTakesCloudInitsPlace(t *testing.T) {
	t.Parallel()
	machine := guest.New(t, built)
	buildCloudInit(t, machine.Path("/cloud-init.rpm"))
	run(t, "cp", os.Getenv("CLOUDSEED_RPM"), machine.Path("/cloudseed.rpm"))
	run(t, "cp", filepath.Join(filepath.Dir(os.Getenv("CLOUDSEED_RPM")), "cloud-init-26.2-1.noarch.rpm"), machine.Path("/cloud-init-26.2.rpm"))
	newer := t.TempDir()
	run(t, "../../packaging/build-rpm.sh", "99.0", "x86_64", newer)
	run(t, "cp", filepath.Join(newer, "cloudseed-99.0-1.x86_64.rpm"), machine.Path("/newer.rpm"))

	r := machine.Boot(guest.Options{})
	r.Shell("rpm -e cloudseed")
	check.Equal(t, r, "find /etc/systemd -name 'cloud*'", "")

	r.Shell("rpm -i --nodeps /cloud-init.rpm && systemctl enable cloud-init-local cloud-init cloud-config cloud-final")
	r.Shell("mkdir -p /etc/cloud/cloud.cfg.d /usr/lib/python3.9/site-packages/cloudinit && echo 'disable_vmware_customization: false' >/etc/cloud/cloud.cfg.d/vmware.cfg && echo 'datasource_list: [VMware, OVF]' >/etc/cloud/cloud.cfg.d/list.cfg")
	check.Equal(t, r, "rpm -U --nodeps /cloudseed.rpm /cloud-init-26.2.rpm 2>&1 | sed -n 's/^warning: \\([^;:]*\\).*/\\1/p' | grep -v rpmnew", `/usr/lib/python3.9/site-packages/cloudinit
/etc/cloud has VMware's guest customization done by cloud-init
datasource_list in /etc/cloud has neither NoCloud nor ConfigDrive, which are all that cloudseed reads`)
	check.Equal(t, r, "rpm -qa --qf '%{NAME}\\n' 'cloud*' | sort", "cloud-init\ncloudseed")
	check.Equal(t, r, "rpm -q cloud-init", "cloud-init-26.2-1.noarch")
	check.Equal(t, r, "systemctl is-enabled "+units, "enabled\nenabled\nenabled\nenabled\nenabled")
	check.Equal(t, r, "find /etc/systemd -xtype l", "")

	r.Shell("systemctl disable cloud-final.service && rpm -U --nodeps /newer.rpm")
	check.Equal(t, r, "rpm -q --qf '%{VERSION}' cloudseed", "99.0")
	check.Equal(t, r, "systemctl is-enabled cloud-final.service; true", "disabled")
	check.Equal(t, r, "systemctl is-enabled cloud-init.target cloud-init-local.service", "enabled\nenabled")
	r.PowerOff()
}

func buildCloudInit(t *testing.T, to string) {
	t.Helper()
	dir := t.TempDir()
	seed.Files{"cloud-init.spec": cloudInitSpec}.Dir(t, dir)
	run(t, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir, "--define", "_rpmfilename cloud-init.rpm", filepath.Join(dir, "cloud-init.spec"))
	run(t, "cp", filepath.Join(dir, "RPMS/cloud-init.rpm"), to)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("cannot run %s: %v: %s", name, err, out)
	}
}
