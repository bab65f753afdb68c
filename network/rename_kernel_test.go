package network_test

import (
	"fmt"
	"net"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/network"
	"cloudseed/test/needs"
)

// TestTheKernelRenamesWhatIsPlanned does the steps in a network of its own, with devices
// that are up.
func TestTheKernelRenamesWhatIsPlanned(t *testing.T) {
	needs.Programs(t, "ip")
	needs.Network(t)
	run := func(argv ...string) error {
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%v: %w: %s", argv, err, out)
		}
		return nil
	}
	const one, two, three = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"
	for _, argv := range [][]string{
		{"ip", "link", "add", "name", "eth0", "address", one, "type", "veth", "peer", "name", "eth1", "address", two},
		{"ip", "link", "add", "name", "eth2", "address", three, "type", "bridge"},
		{"ip", "link", "set", "dev", "eth0", "up"},
		{"ip", "link", "set", "dev", "eth1", "up"},
	} {
		if err := run(argv...); err != nil {
			t.Fatal(err)
		}
	}
	faces := func() []network.NIC {
		list, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		var nics []network.NIC
		for _, f := range list {
			nics = append(nics, network.NIC{Name: f.Name, MAC: f.HardwareAddr.String(), Up: f.Flags&net.FlagUp != 0})
		}
		return nics
	}
	// Two that are up change names, and a third that is down gets one.
	steps, problems := network.Renames(&network.Config{Devices: []*network.Device{
		{Key: "a", Name: "eth1", MAC: one, Rename: true}, {Key: "b", Name: "eth0", MAC: two, Rename: true}, {Key: "c", Name: "wan0", MAC: three, Rename: true},
	}}, faces())
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	if err := network.Apply(steps, run); err != nil {
		t.Error(err)
	}
	got := map[string]string{}
	for _, nic := range faces() {
		if nic.MAC != "" {
			got[nic.MAC] = fmt.Sprintf("%s up=%v", nic.Name, nic.Up)
		}
	}
	want := map[string]string{one: "eth1 up=true", two: "eth0 up=true", three: "wan0 up=false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the devices differ (-want +got):\n%s", diff)
	}
}
