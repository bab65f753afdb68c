package vm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

// gateway is where the guest's network, without NICs in the options, has the machine
// that QEMU runs on: its loopback addresses.
const gateway = "10.50.200.1"

// applied is user data that leaves its mark, by way of two stages.
func applied(mark string) string {
	return fmt.Sprintf("#cloud-config\nssh_genkeytypes: [ed25519]\nwrite_files: [{path: /etc/seeded, content: %s}]\nruncmd: [\"cp /etc/seeded /ran\"]\n", mark)
}

// isInstance fails the test unless the guest is the instance, of the cloud and from
// the source in the agent's words, and the user data applied with its id was applied.
func isInstance(t *testing.T, r *vm.Running, id, cloud, datasource string) {
	t.Helper()
	check.Done(t, r)
	check.Equal(t, r, "cat /var/lib/cloud/data/instance-id", id)
	check.Equal(t, r, "readlink /var/lib/cloud/instance", "/var/lib/cloud/instances/"+id)
	check.Equal(t, r, "cat /run/cloud-init/cloud-id", cloud)
	check.Equal(t, r, "cat /var/lib/cloud/instance/datasource", datasource)
	check.Equal(t, r, "cat /etc/seeded; echo; cat /ran", id+"\n"+id)
}

func noCloud(source string) string {
	return "DataSourceNoCloud: DataSourceNoCloud [seed=" + source + "]"
}

func configDrive(source string) string {
	return "DataSourceConfigDrive: DataSourceConfigDrive [net,ver=2][source=" + source + "]"
}

// TestTheSeedIsFoundOnEveryKindOfDisk: those that TestTheSeedIsFoundOnEveryBus does not have.
func TestTheSeedIsFoundOnEveryKindOfDisk(t *testing.T) {
	t.Parallel()
	const uuid = "5e1f1a52-6d9b-4a8a-9d7e-0d7a6d3e9c01"
	nc, cd := seed.NoCloud("disk-1", applied("disk-1")), seed.ConfigDrive(uuid, applied(uuid))
	for name, c := range map[string]struct {
		image  func(t *testing.T) string
		bus    vm.Bus
		beside []vm.Drive
		disks  string // all that the guest has
		id     string
		cloud  string
		source string
	}{
		"a whole virtio disk in FAT": {
			func(t *testing.T) string { return cd.FAT(t, "config-2", seed.ConfigFAT) }, vm.Virtio, nil, "vda vdb", uuid, "configdrive", configDrive("/dev/vdb"),
		},
		"a GPT partition of a virtio disk beside an empty CD-ROM drive": {
			func(t *testing.T) string { return nc.Partition(t, seed.GPT, "CIDATA") }, vm.Virtio, []vm.Drive{{Bus: vm.IDE}}, "sr0 vda vdb", "disk-1", "nocloud", noCloud("/dev/vdb2"),
		},
		"an MBR partition of an NVMe disk": {
			func(t *testing.T) string { return cd.Partition(t, seed.MBR, "CONFIG-2") }, vm.NVMe, nil, "nvme0n1 vda", uuid, "configdrive", configDrive("/dev/nvme0n1p2"),
		},
		"a floppy beside an empty drive for them": {
			func(t *testing.T) string { return nc.FAT(t, "cidata", seed.Floppy) }, vm.Floppy, []vm.Drive{{Bus: vm.Floppy}}, "fd0 fd1 vda", "disk-1", "nocloud", noCloud("/dev/fd0"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vm.New(t, built).Boot(vm.Options{Medium: c.image(t), Bus: c.bus, Beside: c.beside})
			isInstance(t, r, c.id, c.cloud, c.source)
			check.Equal(t, r, "echo $(lsblk -dno NAME | sort)", c.disks)
			r.PowerOff()
		})
	}
}

// TestOfTwoDrivesTheFirstDatasourceCounts: by datasource_list, NoCloud; and once its
// drive is gone, the other one, which makes the machine another instance.
func TestOfTwoDrivesTheFirstDatasourceCounts(t *testing.T) {
	t.Parallel()
	const uuid = "5e1f1a52-6d9b-4a8a-9d7e-0d7a6d3e9c02"
	config := vm.Drive{Image: seed.ConfigDrive(uuid, applied(uuid)).ISO(t, "config-2"), Bus: vm.IDE}
	machine := vm.New(t, built)

	r := machine.Boot(vm.Options{Medium: seed.NoCloud("both-1", applied("both-1")).ISO(t, "cidata"), Bus: vm.SCSI, Beside: []vm.Drive{config}})
	// Which driver is loaded first is left to chance.
	isInstance(t, r, "both-1", "nocloud", noCloud(r.Shell("readlink -f /dev/disk/by-label/cidata")))
	check.Equal(t, r, "cloudseed seed scan --format json | jq -r '.[] | select(.datasource != \"\") | .datasource, .instance_id, .label' | sort",
		uuid+"\nConfigDrive\nNoCloud\nboth-1\ncidata\nconfig-2")
	r.PowerOff()

	r = machine.Boot(vm.Options{Beside: []vm.Drive{config}})
	isInstance(t, r, uuid, "configdrive", configDrive("/dev/sr0"))
	check.Equal(t, r, "cat /var/lib/cloud/data/previous-instance-id", "both-1")
	check.Equal(t, r, "hostname", "host-"+uuid)
	r.PowerOff()
}

// TestASeedOnAServerIsFound: a machine without any drive asks DHCP for an address, then
// the server for the seed that the kernel's command line or SMBIOS names.
func TestASeedOnAServerIsFound(t *testing.T) {
	t.Parallel()
	const uuid = "5e1f1a52-6d9b-4a8a-9d7e-0d7a6d3e9c03"
	tree := t.TempDir()
	seed.Files{
		"word/meta-data": "instance-id: word-1\n", "word/user-data": applied("word-1"),
		uuid + "/meta-data": "instance-id: smbios-1\n", uuid + "/user-data": applied("smbios-1"),
	}.Dir(t, tree)
	server := httptest.NewServer(http.FileServer(http.Dir(tree)))
	t.Cleanup(server.Close) // after the parallel tests
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + gateway + ":" + at.Port() + "/"
	for name, c := range map[string]struct {
		options vm.Options
		id      string
		source  string
	}{
		"named on the kernel's command line": {vm.Options{Word: "ds=nocloud;s=" + base + "word/"}, "word-1", "cmdline," + base + "word/"},
		"named in SMBIOS by the UUID of the machine": {
			vm.Options{SMBIOS: "uuid=" + uuid + ",serial=ds=nocloud;s=" + base + "__dmi.system-uuid__"}, "smbios-1", "dmi," + base + uuid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vm.New(t, built).Boot(c.options)
			isInstance(t, r, c.id, "nocloud", "DataSourceNoCloudNet: DataSourceNoCloudNet [seed="+c.source+"]")
			check.Equal(t, r, "nmcli -g IP4.ADDRESS device show eth0", "10.50.200.15/24")
			r.PowerOff()
		})
	}
}
