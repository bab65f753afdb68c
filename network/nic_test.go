package network_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/network"
)

// sysfs makes files and, for those that begin with "->", links under a folder.
func sysfs(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, "class/net", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(content) > 2 && content[:2] == "->" {
			err = os.Symlink(content[2:], path)
		} else {
			err = os.WriteFile(path, []byte(content+"\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestInterfacesAreReadInTheOrderOfTheirNumbers(t *testing.T) {
	t.Parallel()
	root := sysfs(t, map[string]string{
		"bonding_masters":      "",
		"lo/address":           "00:00:00:00:00:00",
		"lo/flags":             "0x9",
		"lo/operstate":         "unknown",
		"ens10/address":        "52:54:00:AA:00:10",
		"ens10/flags":          "0x1003",
		"ens10/carrier":        "1",
		"ens10/operstate":      "up",
		"ens10/device/device":  "0x1000",
		"ens10/device/driver":  "->../../bus/virtio_net",
		"ens9/address":         "52:54:00:aa:00:09",
		"ens9/flags":           "0x1002",
		"ens9/device/device":   "0x1000",
		"ens9/master":          "->../br0",
		"br0/address":          "52:54:00:aa:00:09",
		"br0/bridge/stp_state": "0",
		"ens9.5/address":       "52:54:00:aa:00:09",
		"ens9.5/uevent":        "DEVTYPE=vlan\nINTERFACE=ens9.5",
	})
	got, err := network.Interfaces(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []network.NIC{
		{Name: "br0", MAC: "52:54:00:aa:00:09", Bridge: true, Virtual: true},
		{Name: "ens9", MAC: "52:54:00:aa:00:09", DeviceID: "0x1000", Master: "br0"},
		{Name: "ens9.5", MAC: "52:54:00:aa:00:09", VLAN: true, Virtual: true},
		{Name: "ens10", MAC: "52:54:00:aa:00:10", Driver: "virtio_net", DeviceID: "0x1000", Operstate: "up", Up: true, Carrier: true},
		{Name: "lo", MAC: "00:00:00:00:00:00", Operstate: "unknown", Up: true, Virtual: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Interfaces (-want +got):\n%s", diff)
	}
}

func TestAMachineWithoutNetworkingHasNoInterfaces(t *testing.T) {
	t.Parallel()
	if got, err := network.Interfaces(t.TempDir()); len(got) != 0 || err != nil {
		t.Errorf("Interfaces: %v, %v", got, err)
	}
}

func TestAnInterfaceWithoutGlobalAddressesIsNotBusy(t *testing.T) {
	t.Parallel()
	nics := []network.NIC{{Name: "lo"}, {Name: "no-such-nic"}}
	network.MarkBusy(nics)
	for _, nic := range nics {
		if nic.Busy {
			t.Errorf("%s is busy", nic.Name)
		}
	}
}
