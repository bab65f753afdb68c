package boot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/test/seed"
)

const hotplugRule = "/etc/udev/rules.d/90-cloud-init-hook-hotplug.rules"

func TestADeviceThatIsPluggedInIsConfigured(t *testing.T) {
	t.Parallel()
	const (
		events = "#cloud-config\nupdates: {network: {when: [boot-new-instance, hotplug]}}\n"
		one    = "network:\n  version: 2\n  ethernets:\n    lan0: {match: {macaddress: '" + macOne + "'}, dhcp4: true}\n"
		two    = one + "    lan1: {match: {macaddress: '" + macTwo + "'}, addresses: [192.0.2.9/24]}\n"
	)
	up := []string{
		"systemctl show --property=SubState NetworkManager.service",
		"nmcli connection load " + keyfiles + "cloud-init-lan1.nmconnection",
		"nmcli connection up filename " + keyfiles + "cloud-init-lan1.nmconnection",
	}
	tests := map[string]struct {
		userData string
		before   string // network-config at the first boot
		now      string // and when the device comes
		late     string // and after some time has passed
		gone     bool   // the seed is not there any more
		want     []string
		pauses   int
		wrong    string
	}{
		"by the seed of now":                          {userData: events, before: one, now: two, want: up},
		"by the seed of before when it is gone":       {userData: events, before: two, gone: true, want: up},
		"as soon as the seed knows it":                {userData: events, before: one, now: one, late: two, want: up, pauses: 1},
		"not if nobody asked for it":                  {userData: "#cloud-config\n{}\n", before: one, now: two},
		"not if no seed ever says a word of it":       {userData: events, before: one, now: one, pauses: 5, wrong: "with the address " + macTwo},
		"not by a seed that says nothing of networks": {userData: events, before: "", now: "", pauses: 5, wrong: "fallback says nothing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := func(network string) seed.Files {
				f := seed.NoCloud("i-1", test.userData)
				if network != "" {
					f = f.With("network-config", network)
				}
				return f
			}
			g := newGuest(t, files(test.before))
			machine := ethernets(macOne)
			g.devices = machine.devices()
			g.boot(t)
			if asked := strings.Contains(test.userData, "hotplug"); asked != g.Exists(hotplugRule) {
				t.Errorf("udev has the rule: %v", !asked)
			}
			machine.nics = append(machine.nics, network.NIC{Name: "eth1", MAC: macTwo, Carrier: true, Operstate: "up"})
			g.Answer("systemctl show", host.Result{Stdout: "SubState=running\n"}, nil)
			files(test.now).Dir(t, g.seed)
			if test.gone {
				g.seed = ""
			}
			machine.pause = func() {
				if test.late != "" {
					files(test.late).Dir(t, g.seed)
				}
			}
			before := len(g.Lines())
			err := g.agent(t).PluggedIn(t.Context(), "eth1")
			if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("it said %v", err)
			}
			lines := slices.DeleteFunc(slices.Clone(g.Lines()[before:]), func(line string) bool {
				return !strings.HasPrefix(line, "nmcli") && !strings.HasPrefix(line, "systemctl show")
			})
			if diff := cmp.Diff(strings.Join(test.want, "\n"), strings.Join(lines, "\n")); diff != "" {
				t.Errorf("commands differ (-want +got):\n%s", diff)
			}
			if machine.pauses != test.pauses {
				t.Errorf("it waited %d times, not %d", machine.pauses, test.pauses)
			}
			if len(test.want) > 0 && !strings.Contains(g.Text(t, keyfiles+"cloud-init-lan1.nmconnection"), "192.0.2.9/24") {
				t.Error("the device's address was not written")
			}
		})
	}
}

func TestOnAMachineThatIsNoInstanceNothingIsKnownOfHotplug(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", ""))
	if _, err := g.agent(t).HotplugEnabled(t.Context()); !errors.Is(err, boot.ErrNoInstance) {
		t.Errorf("it said %v", err)
	}
}

func TestHotplugEndsWithTheInstanceThatAskedForIt(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nupdates: {network: {when: [hotplug]}}\n"))
	g.boot(t)
	if !g.Exists(hotplugRule) {
		t.Fatal("the rule was not written")
	}
	seed.NoCloud("i-2", "").Dir(t, g.seed)
	g.boot(t)
	if g.Exists(hotplugRule) {
		t.Error("the rule is still there")
	}
}

func TestTheRuleThatCloudInitLeftIsReplaced(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nupdates: {network: {when: [hotplug]}}\n"))
	g.boot(t)
	ours := g.Text(t, hotplugRule)
	// The instance is set up, and the module is known to have run: an upgrade from cloud-init.
	if _, err := g.Host.WriteFile(hotplugRule, []byte(`SUBSYSTEM=="net", RUN+="/usr/libexec/cloud-init/hook-hotplug"`+"\n"), host.File{Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Host.WriteFile("/var/lib/cloud/instances/i-1/sem/config_install_hotplug", []byte("1: 1.0\n"), host.File{Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	g.boot(t)
	if diff := cmp.Diff(ours, g.Text(t, hotplugRule)); diff != "" {
		t.Errorf("the rule calls a program that is not there (-want +got):\n%s", diff)
	}
}
