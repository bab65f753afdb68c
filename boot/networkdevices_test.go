package boot_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudseed/host"
	"cloudseed/netconf"
	"cloudseed/network"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// wired is a running machine with network devices.
type wired struct {
	nics   []network.NIC
	coming []network.NIC // each arrives at an event
	settle func(*wired)  // what udev still has to do
	pause  func()        // what happens while time passes
	pauses int
}

func (w *wired) devices() *netconf.Devices {
	return &netconf.Devices{
		List: func() ([]network.NIC, error) { return slices.Clone(w.nics), nil },
		Settle: func(context.Context) (bool, error) {
			if w.settle == nil {
				return false, nil
			}
			w.settle(w)
			w.settle = nil
			return true, nil
		},
		Until: func(_ context.Context, subsystem string, ready func() bool) error {
			for !ready() {
				if len(w.coming) == 0 {
					return context.DeadlineExceeded
				}
				w.nics, w.coming = append(w.nics, w.coming[0]), w.coming[1:]
			}
			return nil
		},
		Pause: func(context.Context, time.Duration) error {
			w.pauses++
			if w.pause != nil {
				w.pause()
			}
			return nil
		},
	}
}

// ethernets are devices that are there, eth0, eth1, …
func ethernets(macs ...string) *wired {
	w := &wired{}
	for i, mac := range macs {
		w.nics = append(w.nics, network.NIC{Name: "eth" + string(rune('0'+i)), MAC: mac, Carrier: true, Operstate: "up"})
	}
	return w
}

// follow renames the devices of a fake machine as the commands say.
func (g *guest) follow(w *wired) {
	g.On("ip link set dev", func(c host.Command) {
		for i := range w.nics {
			if w.nics[i].Name == c.Argv[4] && len(c.Argv) == 7 {
				w.nics[i].Name = c.Argv[6]
			}
		}
	})
}

func TestDevicesAreAwaitedAndRenamed(t *testing.T) {
	t.Parallel()
	const swap = `network:
  version: 2
  ethernets:
    one: {match: {macaddress: "52:54:00:00:00:01"}, set-name: eth1, dhcp4: true}
    two: {match: {macaddress: "52:54:00:00:00:02"}, set-name: eth0, dhcp4: true}
`
	nic := func(name, mac string) network.NIC { return network.NIC{Name: name, MAC: mac} }
	tests := map[string]struct {
		config  string
		machine *wired
		want    map[string]string // names by MAC
		warning string
	}{
		"two change their names": {
			config: swap, machine: ethernets(macOne, macTwo), want: map[string]string{macOne: "eth1", macTwo: "eth0"},
		},
		"one that comes late is awaited": {
			config: swap, machine: &wired{nics: []network.NIC{nic("eth0", macOne)}, coming: []network.NIC{nic("eth1", macTwo)}},
			want: map[string]string{macOne: "eth1", macTwo: "eth0"},
		},
		"one that udev is at is awaited": {
			config: swap, machine: &wired{nics: []network.NIC{nic("eth0", macOne)}, settle: func(w *wired) { w.nics = append(w.nics, nic("ens9", macTwo)) }},
			want: map[string]string{macOne: "eth1", macTwo: "eth0"},
		},
		"one that never comes is told of, and the others get their names": {
			config: swap, machine: ethernets(macOne), want: map[string]string{macOne: "eth1"},
			warning: "the network device eth0 with the MAC address 52:54:00:00:00:02 is not there",
		},
		"one that the boot need not wait for is not awaited": {
			config:  "network: {version: 2, ethernets: {one: {match: {macaddress: '" + macOne + "'}, set-name: wan0, optional: true}}}\n",
			machine: &wired{coming: []network.NIC{nic("eth0", macOne)}}, want: map[string]string{},
		},
		"one that is found by its name gets another, and nothing is to be told": {
			config:  "network: {version: 2, ethernets: {one: {match: {name: 'eth*'}, set-name: wan0, dhcp4: true}}}\n",
			machine: ethernets(macOne), want: map[string]string{macOne: "wan0"},
		},
		"letters of a MAC address may be large": {
			config:  "network: {version: 1, config: [{type: physical, name: wan0, mac_address: 'AA:BB:CC:00:00:01', subnets: [{type: dhcp}]}]}\n",
			machine: &wired{nics: []network.NIC{nic("eth0", "aa:bb:cc:00:00:01")}}, want: map[string]string{"aa:bb:cc:00:00:01": "wan0"},
		},
		"digits alone may be a MAC address": {
			config:  "network: {version: 1, config: [{type: physical, name: wan0, mac_address: 52:54:00:00:00:01, subnets: [{type: dhcp}]}]}\n",
			machine: ethernets(macOne), want: map[string]string{macOne: "wan0"},
		},
		"one that is in use keeps its name, and that is told": {
			config: swap, machine: &wired{nics: []network.NIC{{Name: "eth0", MAC: macOne, Busy: true, Up: true}, nic("eth1", macTwo)}},
			want: map[string]string{macOne: "eth0", macTwo: "eth1"}, warning: "the interface eth0 is in use and keeps its name",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", test.config))
			g.devices = test.machine.devices()
			g.follow(test.machine)
			r := g.boot(t)
			got := map[string]string{}
			for _, nic := range test.machine.nics {
				got[nic.MAC] = nic.Name
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("names differ (-want +got):\n%s", diff)
			}
			told := strings.Join(r.Warnings, "\n")
			if len(r.Errors) > 0 || !strings.Contains(told, test.warning) || (told != "") != (test.warning != "") {
				t.Errorf("errors %q, warnings %q, want %q", r.Errors, r.Warnings, test.warning)
			}
		})
	}
}

func TestNamesAreSeenToAtEveryBoot(t *testing.T) {
	t.Parallel()
	config := "network: {version: 2, ethernets: {one: {match: {macaddress: '" + macOne + "'}, set-name: wan0, dhcp4: true}}}\n"
	g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", config))
	machine := ethernets(macOne)
	g.devices = machine.devices()
	g.follow(machine)
	g.boot(t)
	machine.nics[0].Name = "eth0" // the kernel's name, at the next boot
	g.seed = ""
	g.boot(t)
	if machine.nics[0].Name != "wan0" {
		t.Errorf("it is called %s", machine.nics[0].Name)
	}
}

func TestASeedThatCameWhileUdevWasWaitedForInVainIsFound(t *testing.T) {
	t.Parallel()
	g := newGuest(t, nil)
	g.seed = "" // it is looked for
	g.devices = ethernets().devices()
	g.devices.Settle = func(context.Context) (bool, error) {
		g.Put(t, "/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i-late\n")
		g.Put(t, "/var/lib/cloud/seed/nocloud/user-data", "#cloud-config\n{}\n")
		return true, context.DeadlineExceeded
	}
	if r := g.boot(t); r.InstanceID != "i-late" {
		t.Errorf("the instance is %q; the warnings are %q", r.InstanceID, r.Warnings)
	}
}

// What is guessed without a configuration is guessed from the devices that udev was waited for, in
// the first stage.
func TestADeviceThatCameWhileUdevWasWaitedForIsConfigured(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", ""))
	machine := ethernets()
	machine.settle = func(w *wired) { w.nics = ethernets(macOne).nics }
	g.devices = machine.devices()
	if errs := g.agent(t).Run(t.Context(), state.StageLocal); len(errs) > 0 {
		t.Error(errs)
	}
	if file := "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection"; !g.Exists(file) {
		t.Errorf("there is no %s", file)
	}
}
