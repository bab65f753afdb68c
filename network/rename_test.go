package network_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/network"
)

func TestRenames(t *testing.T) {
	t.Parallel()
	device := func(name, mac string) *network.Device {
		return &network.Device{Key: name, Name: name, MAC: mac, Rename: true, Type: network.Physical}
	}
	const one, two, three = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"
	tests := map[string]struct {
		devices []*network.Device
		nics    []network.NIC
		want    []network.Rename
		problem string
	}{
		"an interface that has its name stays": {
			[]*network.Device{device("eth0", one)},
			[]network.NIC{{Name: "eth0", MAC: one}},
			nil,
			"",
		},
		"an interface gets its name": {
			[]*network.Device{device("wan0", one)},
			[]network.NIC{{Name: "eth0", MAC: one}},
			[]network.Rename{{From: "eth0", To: "wan0"}},
			"",
		},
		"an interface that is up goes down for it": {
			[]*network.Device{device("wan0", one)},
			[]network.NIC{{Name: "eth0", MAC: one, Up: true}},
			[]network.Rename{{From: "eth0", To: "wan0", Down: true, Up: true}},
			"",
		},
		"two interfaces change names by a third": {
			[]*network.Device{device("eth1", one), device("eth0", two)},
			[]network.NIC{{Name: "eth0", MAC: one}, {Name: "eth1", MAC: two, Up: true}},
			[]network.Rename{
				{From: "eth1", To: "cirename0", Down: true},
				{From: "eth0", To: "eth1"},
				{From: "cirename0", To: "eth0", Up: true},
			},
			"",
		},
		"an interface that is found by its name gets another": {
			[]*network.Device{{Key: "id0", Name: "wan0", Rename: true, Match: network.Match{Name: "eth0"}}},
			[]network.NIC{{Name: "eth0", MAC: one}},
			[]network.Rename{{From: "eth0", To: "wan0"}},
			"",
		},
		"an interface that is found by its driver gets a name": {
			[]*network.Device{{Key: "id0", Name: "wan0", Rename: true, Match: network.Match{Drivers: []string{"virtio*"}}, Driver: "virtio*"}},
			[]network.NIC{{Name: "br0", MAC: two, Virtual: true, Driver: "virtio_net"}, {Name: "eth0", MAC: one, Driver: "e1000"}, {Name: "eth1", MAC: three, Driver: "virtio_net"}},
			[]network.Rename{{From: "eth1", To: "wan0"}},
			"",
		},
		"nothing is renamed by a pattern that nothing fits": {
			[]*network.Device{{Key: "id0", Name: "wan0", Rename: true, Match: network.Match{Name: "en*"}}},
			[]network.NIC{{Name: "eth0", MAC: one}},
			nil,
			"",
		},
		"three interfaces change names in a circle": {
			[]*network.Device{device("eth1", one), device("eth2", two), device("eth0", three)},
			[]network.NIC{{Name: "eth0", MAC: one}, {Name: "eth1", MAC: two}, {Name: "eth2", MAC: three}},
			[]network.Rename{
				{From: "eth1", To: "cirename0"},
				{From: "eth0", To: "eth1"},
				{From: "eth2", To: "cirename1"},
				{From: "cirename0", To: "eth2"},
				{From: "cirename1", To: "eth0"},
			},
			"",
		},
		"an interface in the way that is to have no name makes room": {
			[]*network.Device{device("eth0", two)},
			[]network.NIC{{Name: "cirename0", MAC: three}, {Name: "eth0", MAC: one, Up: true}, {Name: "eth1", MAC: two}},
			[]network.Rename{{From: "eth0", To: "cirename1", Down: true, Up: true}, {From: "eth1", To: "eth0"}},
			"",
		},
		"a busy interface keeps its name, and is not pushed from it": {
			[]*network.Device{device("eth1", one), device("eth0", two)},
			[]network.NIC{{Name: "eth0", MAC: one, Busy: true}, {Name: "eth1", MAC: two}},
			nil,
			"eth1: the interface eth0 is in use and keeps its name\neth0: the interface eth1 keeps its name: the one that has this name is in use",
		},
		"of two devices for one interface the first counts": {
			[]*network.Device{device("a", one), device("b", one)},
			[]network.NIC{{Name: "eth0", MAC: one}},
			[]network.Rename{{From: "eth0", To: "a"}},
			"b: the interface eth0 is to be a already; of two the first counts",
		},
		"of two interfaces for one name the first counts": {
			[]*network.Device{device("wan0", one), device("wan0", two)},
			[]network.NIC{{Name: "eth0", MAC: one}, {Name: "eth1", MAC: two}},
			[]network.Rename{{From: "eth0", To: "wan0"}},
			"wan0: another interface is to have this name; of two the first counts",
		},
		"three interfaces move on in a row": {
			[]*network.Device{device("eth1", one), device("eth2", two), device("eth3", three)},
			[]network.NIC{{Name: "eth0", MAC: one}, {Name: "eth1", MAC: two}, {Name: "eth2", MAC: three}},
			[]network.Rename{
				{From: "eth1", To: "cirename0"},
				{From: "eth0", To: "eth1"},
				{From: "eth2", To: "cirename1"},
				{From: "cirename0", To: "eth2"},
				{From: "cirename1", To: "eth3"},
			},
			"",
		},
		"of two interfaces with one address the driver's is meant": {
			[]*network.Device{{Name: "wan0", MAC: one, Rename: true, Driver: "hv_netvsc"}},
			[]network.NIC{{Name: "eth0", MAC: one, Driver: "mlx4_core"}, {Name: "eth1", MAC: one, Driver: "hv_netvsc"}},
			[]network.Rename{{From: "eth1", To: "wan0"}},
			"",
		},
		"so is that of the device's number": {
			[]*network.Device{{Name: "wan0", MAC: one, Rename: true, DeviceID: "0x1000"}},
			[]network.NIC{{Name: "eth0", MAC: one, DeviceID: "0x1041"}, {Name: "eth1", MAC: one, DeviceID: "0x1000"}},
			[]network.Rename{{From: "eth1", To: "wan0"}},
			"",
		},
		"an interface that is found by name only keeps it": {
			[]*network.Device{{Name: "wan0", Type: network.Physical}},
			[]network.NIC{{Name: "eth0", MAC: one}},
			nil,
			"",
		},
		"a bridge with the same address is not meant": {
			[]*network.Device{device("wan0", one)},
			[]network.NIC{{Name: "br0", MAC: one, Bridge: true}, {Name: "eth0", MAC: one}},
			[]network.Rename{{From: "eth0", To: "wan0"}},
			"",
		},
		"another driver is not meant": {
			[]*network.Device{{Name: "wan0", MAC: one, Rename: true, Driver: "hv_netvsc"}},
			[]network.NIC{{Name: "eth0", MAC: one, Driver: "mlx4_core"}},
			nil,
			"",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := network.Renames(&network.Config{Devices: test.devices}, test.nics)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Renames (-want +got):\n%s", diff)
			}
			if displaced := network.Displaced(got); displaced != (name == "an interface in the way that is to have no name makes room") {
				t.Errorf("somebody was in the way: %v", displaced)
			}
			var told []string
			for _, p := range problems {
				told = append(told, p.Error())
			}
			if diff := cmp.Diff(test.problem, strings.Join(told, "\n")); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyTriesEveryStepAndTellsOfThoseThatFailed(t *testing.T) {
	t.Parallel()
	var ran []string
	err := network.Apply([]network.Rename{{From: "eth0", To: "a", Down: true, Up: true}, {From: "eth1", To: "b", Down: true, Up: true}}, func(argv ...string) error {
		line := strings.Join(argv, " ")
		ran = append(ran, line)
		if line == "ip link set dev eth0 name a" {
			return errors.New("device or resource busy")
		}
		return nil
	})
	want := []string{
		"ip link set dev eth0 down", "ip link set dev eth0 name a", "ip link set dev eth0 up",
		"ip link set dev eth1 down", "ip link set dev eth1 name b", "ip link set dev b up",
	}
	if diff := cmp.Diff(want, ran); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if err == nil || err.Error() != "cannot rename interface eth0 to a: device or resource busy" {
		t.Errorf("Apply: %v", err)
	}
}
