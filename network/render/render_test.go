package render_test

import (
	"slices"
	"strings"
	"testing"

	"cloudseed/network"
	"cloudseed/network/render"
)

// machine has some files, commands and enabled units, all in one list.
func machine(things ...string) render.Machine {
	has := func(name string) bool { return slices.Contains(things, name) }
	return render.Machine{Exists: has, Command: has, Enabled: has}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	const plugin = "/usr/lib*/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so"
	scripts := []string{"/usr/sbin/ifup", "/sbin/ifdown", "/etc/sysconfig/network-scripts/network-functions"}
	rhel := []string{"eni", "netplan", "network-manager", "sysconfig", "networkd"}
	for name, test := range map[string]struct {
		order   []string
		machine render.Machine
		want    string
		reason  string
	}{
		"NetworkManager comes before ifcfg files when both can be": {
			nil, machine(append(scripts, "nmcli", "NetworkManager.service")...), "network-manager", "nmcli is there and NetworkManager.service is enabled",
		},
		"what cannot be written is skipped, and that is said": {
			rhel, machine("nmcli", "NetworkManager.service"), "network-manager", "eni was skipped: its files are not written by this agent",
		},
		"NetworkManager that is not enabled leaves it to the scripts": {
			rhel, machine(append(scripts, "nmcli")...), "sysconfig", "network-manager was skipped: NetworkManager.service is not enabled",
		},
		"the order of the configuration counts": {
			[]string{"sysconfig", "network-manager"}, machine("nmcli", "NetworkManager.service", plugin), "sysconfig", "NetworkManager has its plugin for ifcfg files",
		},
		"scripts without their functions are none": {
			[]string{"sysconfig"}, machine(scripts[:2]...), "", "sysconfig was skipped: there are neither ifup and ifdown nor",
		},
		"networkd that is enabled is told when nothing else is there": {
			rhel, machine("ip", "systemctl", "systemd-networkd.service"), "networkd", "systemd-networkd.service is enabled",
		},
		"networkd comes last, for it is there on machines that do not use it": {
			nil, machine(append(scripts, "ip", "systemctl", "systemd-networkd.service")...), "sysconfig", "ifup, ifdown and their functions are there",
		},
		"networkd that is not enabled is skipped": {
			rhel, machine("ip", "systemctl"), "", "networkd was skipped: systemd-networkd.service is not enabled",
		},
		"networkd without ip is skipped, as in cloud-init": {
			[]string{"networkd"}, machine("systemctl", "systemd-networkd.service"), "", "networkd was skipped: there is no ip",
		},
		"a machine with nothing is told what is lacking": {
			nil, machine(), "", "network-manager was skipped: there is no nmcli; sysconfig was skipped",
		},
		"a name that nobody knows is skipped": {
			[]string{"wicked"}, machine(), "", "wicked was skipped: there is no renderer of that name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choice, err := render.Choose(test.order, test.machine)
			reason := choice.Reason
			if err != nil {
				reason = err.Error()
			}
			if choice.Name != test.want || (err == nil) != (test.want != "") || !strings.Contains(reason, test.reason) {
				t.Errorf("Choose gave %q, %q; want %q because %q", choice.Name, reason, test.want, test.reason)
			}
		})
	}
}

func TestAChoiceWritesItsOwnFiles(t *testing.T) {
	t.Parallel()
	c := &network.Config{Devices: []*network.Device{{Key: "eth0", Name: "eth0", Type: network.Physical}}}
	none := func(string) []byte { return nil }
	for name, path := range map[string]string{
		render.NetworkManager: "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection",
		render.Sysconfig:      "/etc/sysconfig/network-scripts/ifcfg-eth0",
		render.Networkd:       "/etc/systemd/network/10-cloud-init-eth0.network",
	} {
		files, _ := render.Choice{Name: name}.Render(c, none)
		if !slices.ContainsFunc(files, func(f network.File) bool { return f.Path == path }) {
			t.Errorf("%s did not write %s", name, path)
		}
	}
}
