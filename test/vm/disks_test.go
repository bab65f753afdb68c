package vm_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/image"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// room is by how much a machine's disk is larger than what its image has.
const room = 1 << 30

func TestTheRootGrowsOnAPartition(t *testing.T) {
	t.Parallel()
	for _, layout := range []image.Layout{image.Ext4Partition, image.XFSPartition} {
		t.Run(string(layout), func(t *testing.T) {
			t.Parallel()
			drive := seed.NoCloud("grow", "#cloud-config\nssh_genkeytypes: [ed25519]\n").ISO(t, "cidata")
			r := vm.NewOn(t, built, layout, room).Boot(vm.Options{Medium: drive})
			check.Done(t, r)
			isAsLargeAs(t, r, "/dev/vda1", "/dev/vda")
			hasTheSizeOf(t, r, "/", "/dev/vda1")
			r.PowerOff()
		})
	}
}

// isAsLargeAs fails the test unless a device has all of what it stands on, but for
// tables, headers and what is left of the last extent.
func isAsLargeAs(t *testing.T, r *vm.Running, device, below string) {
	t.Helper()
	if left := bytes(t, r, "blockdev --getsize64 "+below) - bytes(t, r, "blockdev --getsize64 "+device); left < 0 || left > 20<<20 {
		t.Errorf("of %s %d bytes are left behind %s", below, left, device)
	}
}

// hasTheSizeOf fails the test unless the file system has all of its device: its own tables and
// its journal are a few percent of that.
func hasTheSizeOf(t *testing.T, r *vm.Running, point, device string) {
	t.Helper()
	size, of := bytes(t, r, "df -B1 --output=size "+point+" | tail -n1"), bytes(t, r, "blockdev --getsize64 "+device)
	if size > of || size < of/100*90 {
		t.Errorf("the file system of %s has %d bytes, and its device %d", point, size, of)
	}
}

func bytes(t *testing.T, r *vm.Running, script string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSpace(r.Shell(script)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// furnished is user data for a machine with all of its disks: an encrypted one for data, which
// is made smaller than it can be; swap; packages on the seed's own medium; the clock; and a
// reboot at the end.
const furnished = `#cloud-config
ssh_genkeytypes: [ed25519]
bootcmd:
- - cloud-init-per
  - once
  - data
  - sh
  - -exc
  - |
    printf %s 'the key of every day' >/etc/data.key
    printf %s 'the key to grow by' >/run/grow.key
    chmod 600 /etc/data.key
    echo size=400M | sfdisk -q --label gpt /dev/vdb
    udevadm settle
    pbkdf="--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    cryptsetup -q luksFormat $pbkdf /dev/vdb1 /etc/data.key
    cryptsetup -q luksAddKey --key-slot 5 $pbkdf --key-file /etc/data.key /dev/vdb1 /run/grow.key
    cryptsetup open --key-file /etc/data.key /dev/vdb1 data
    mkfs.xfs -q /dev/mapper/data
    mkdir /srv/data
    mount /dev/mapper/data /srv/data
    printf '{"key": "%s", "slot": 5}' "$(base64 -w0 /run/grow.key)" >/cc_growpart_keydata
growpart: {devices: [/, /srv/data]}
mounts:
- [/dev/mapper/data, /srv/data, xfs]
- [tmpfs, /srv/data/scratch, tmpfs, "size=1M,x-systemd.requires-mounts-for=/srv/data"]
- [LABEL=cidata, /media/seed, iso9660, "ro,nofail,x-systemd.requires=cloud-init-local.service"]
swap: {filename: /swap.img, size: 64M}
write_files:
- {path: /etc/crypttab, content: "data /dev/vdb1 /etc/data.key luks\n"}
- {path: /etc/apt/sources.list, content: "deb [trusted=yes] file:/media/seed/packages ./\n"}
ntp: {servers: [` + gateway + `]}
package_update: true
packages: [from-the-medium]
runcmd:
- journalctl -b | grep -i 'ordering cycle' >/root/cycles
- echo once >>/root/boots
- umount -R /srv/data && cryptsetup close data # or the reboot waits for it for ever
power_state: {mode: reboot, condition: success}
`

// TestAMachineIsFurnishedInOneBootAndAReboot: what a first boot makes is there after it and,
// as far as it is for longer, after the next one.
func TestAMachineIsFurnishedInOneBootAndAReboot(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("furnished", furnished)
	for path, content := range packageRepository(t, "from-the-medium") {
		files = files.With("packages/"+path, content)
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(data, room); err != nil {
		t.Fatal(err)
	}
	machine := vm.NewOn(t, built, image.XFSVolume, room)
	options := vm.Options{Medium: files.ISO(t, "cidata"), Beside: []vm.Drive{{Image: data, Bus: vm.Virtio, Writable: true}}}
	machine.Start(options).WaitRebooted()
	r := machine.Boot(options)
	check.Done(t, r)

	isAsLargeAs(t, r, "/dev/vda1", "/dev/vda")
	isAsLargeAs(t, r, "/dev/mapper/guest-root", "/dev/vda1")
	hasTheSizeOf(t, r, "/", "/dev/mapper/guest-root")
	isAsLargeAs(t, r, "/dev/vdb1", "/dev/vdb")
	isAsLargeAs(t, r, "/dev/mapper/data", "/dev/vdb1")
	hasTheSizeOf(t, r, "/srv/data", "/dev/mapper/data")
	check.Equal(t, r, "cryptsetup luksDump /dev/vdb1 | grep -cE '^  [0-9]+: luks2'; [ -e /cc_growpart_keydata ] || echo used up", "1\nused up")

	check.Equal(t, r, "findmnt -rno SOURCE,FSTYPE /srv/data; findmnt -rno FSTYPE /srv/data/scratch; findmnt -rno FSTYPE /media/seed",
		"/dev/mapper/data xfs\ntmpfs\niso9660")
	check.Equal(t, r, "swapon --noheadings --raw --show=NAME,TYPE; grep -c swap /etc/fstab", "/swap.img file\n1")
	check.Equal(t, r, "cat /root/cycles; journalctl -b | grep -i 'ordering cycle'; true", "")

	check.Equal(t, r, "systemctl is-active chronyd; systemctl is-enabled chronyd", "active\nenabled")
	check.Equal(t, r, "chronyc -n -c sources | cut -d, -f3", gateway)

	check.Equal(t, r, "dpkg-query -W from-the-medium; cat /usr/share/from-the-medium", "from-the-medium\t1.0\nfrom the medium")
	// The reboot was the one: this boot has ended, and nothing asks for another.
	check.Equal(t, r, "cat /root/boots; ls /run/systemd/shutdown 2>/dev/null; true", "once")
	// It is not turned off in order: this systemd waits for ever for the encrypted device to go.
}

// packageRepository are the files of an apt repository with one package.
func packageRepository(t *testing.T, name string) map[string]string {
	t.Helper()
	tree, deb := t.TempDir(), filepath.Join(t.TempDir(), name+".deb")
	control := "Package: " + name + "\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: a test's\n"
	seed.Files{"DEBIAN/control": control, "usr/share/" + name: strings.ReplaceAll(name, "-", " ")}.Dir(t, tree)
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", tree, deb).CombinedOutput(); err != nil {
		t.Fatalf("cannot make a package: %v: %s", err, out)
	}
	content, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	entry := fmt.Sprintf("%sFilename: ./%s\nSize: %d\nSHA256: %x\n", control, filepath.Base(deb), len(content), sha256.Sum256(content))
	return map[string]string{filepath.Base(deb): string(content), "Packages": entry}
}
