package boot_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

const (
	keyfiles = "/etc/NetworkManager/system-connections/"
	macOne   = "52:54:00:00:00:01"
	macTwo   = "52:54:00:00:00:02"
)

// static2 is version 2 with an address for eth0.
func static2(address string) string {
	return "network:\n  version: 2\n  ethernets:\n    eth0: {addresses: [" + address + "]}\n"
}

func (g *guest) decided(t *testing.T) state.Network {
	t.Helper()
	n, err := state.New(g.Host).Network()
	if err != nil || n == nil {
		t.Fatalf("nothing was decided on the network: %v", err)
	}
	return *n
}

func TestTheConfigurationIsKeptAsCloudInitKeepsIt(t *testing.T) {
	t.Parallel()
	files := seed.NoCloud("i-1", "").With("network-config", static2("192.0.2.3/24"))
	g := newGuest(t, files)
	g.boot(t)
	info, err := g.Stat("/var/lib/cloud/instances/i-1/network-config.json")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("its mode is %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(g.Dir, "run/cloud-init/network-config.json")); err != nil || target != "/var/lib/cloud/instances/i-1/network-config.json" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	var got any
	if err := json.Unmarshal([]byte(g.Text(t, "/var/lib/cloud/instances/i-1/network-config.json")), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"version": 2.0, "ethernets": map[string]any{"eth0": map[string]any{"addresses": []any{"192.0.2.3/24"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it differs (-want +got):\n%s", diff)
	}
}

func TestAnInterfacesFileIsKeptAsVersion2(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	g.boot(t)
	var got map[string]any
	data, err := g.ReadFile("/run/cloud-init/network-config.json") // through the link
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	eth0, _ := got["ethernets"].(map[string]any)["eth0"].(map[string]any)
	if got["version"] != 2.0 || eth0 == nil {
		t.Errorf("it is %v", got)
	}
}

func TestNetworkdsFilesAreItsOwn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ passwd, group, owner string }{
		"if it has a user":          {"systemd-network:x:192:192::/:/sbin/nologin\n", "systemd-network:x:192:\n", "192:192"},
		"and root's if it has none": {"", "", "0:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", static2("192.0.2.3/24")))
			g.Put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n"+test.passwd)
			g.Put(t, "/etc/group", "root:x:0:\n"+test.group)
			g.Put(t, "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service", "")
			g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "system_info: {network: {renderers: [networkd]}}\n")
			if r := g.boot(t); len(r.Errors) > 0 {
				t.Errorf("errors: %q", r.Errors)
			}
			if got := g.Owner("/etc/systemd/network/10-cloud-init-eth0.network"); got != test.owner {
				t.Errorf("its owner is %q, want %q; %v", got, test.owner, g.decided(t))
			}
		})
	}
}

func TestWhenTheNetworkIsConfigured(t *testing.T) {
	t.Parallel()
	const eth0 = keyfiles + "cloud-init-eth0.nmconnection"
	when := func(events string) string { return "#cloud-config\nupdates: {network: {when: [" + events + "]}}\n" }
	tests := map[string]struct {
		userData string
		system   string
		between  func(*testing.T, *guest, seed.Files) // the first boot and the second
		again    bool
	}{
		"not again for the same instance":                    {},
		"again at each boot, if the user wants it":           {userData: when("boot"), again: true},
		"again at each boot, if the system wants it":         {system: "updates: {network: {when: [boot-legacy]}}\n", again: true},
		"the user's list takes the place of the system's":    {userData: when("boot-new-instance"), system: "updates: {network: {when: [boot]}}\n"},
		"hotplug alone asks for nothing at boot":             {userData: when("hotplug")},
		"a list of one may be written as a text":             {userData: "#cloud-config\nupdates: {network: {when: boot}}\n", again: true},
		"for a new instance, whatever the list says":         {userData: when("hotplug"), between: become("i-2"), again: true},
		"not at each boot when the drive is gone":            {userData: when("boot"), between: func(_ *testing.T, g *guest, _ seed.Files) { g.seed = "" }},
		"not when the drive is gone":                         {between: func(_ *testing.T, g *guest, _ seed.Files) { g.seed = "" }},
		"not when an administrator has put the marker there": {userData: when("boot"), between: func(t *testing.T, g *guest, _ seed.Files) { g.Put(t, "/var/lib/cloud/data/upgraded-network", "") }},
		"again when the first time was cut short": {between: func(t *testing.T, g *guest, _ seed.Files) {
			if err := state.New(g.Host).Owe("i-1", "apply_network_config"); err != nil {
				t.Error(err)
			}
		}, again: true},
		"not for an instance that cloud-init has set up": {between: func(t *testing.T, g *guest, _ seed.Files) {
			if err := os.Remove(filepath.Join(g.Dir, "var/lib/cloud/instances/i-1/sem/apply_network_config")); err != nil {
				t.Error(err)
			}
		}},
		"for an instance that the machine was before and is again": {between: func(t *testing.T, g *guest, files seed.Files) {
			become("i-2")(t, g, files)
			g.boot(t)
			become("i-1")(t, g, files)
		}, again: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := seed.NoCloud("i-1", test.userData).With("network-config", static2("192.0.2.3/24"))
			g := newGuest(t, files)
			g.devices = ethernets(macOne).devices()
			if test.system != "" {
				g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", test.system)
			}
			if r := g.boot(t); len(r.Errors) > 0 {
				t.Fatalf("errors: %q", r.Errors)
			}
			if test.between != nil {
				test.between(t, g, files)
			}
			g.Put(t, eth0, "an administrator's")
			r := g.boot(t)
			if again := g.Text(t, eth0) != "an administrator's"; again != test.again {
				t.Errorf("configured again: %v, want %v", again, test.again)
			}
			if len(r.Errors) > 0 {
				t.Errorf("errors: %q", r.Errors)
			}
		})
	}
}

// become gives the machine a seed for another instance.
func become(id string) func(*testing.T, *guest, seed.Files) {
	return func(t *testing.T, g *guest, files seed.Files) {
		t.Helper()
		files.With("meta-data", "instance-id: "+id+"\n").Dir(t, g.seed)
	}
}

func TestAMachineWithoutASeedGetsANetworkOnlyIfSomebodyInsists(t *testing.T) {
	t.Parallel()
	const eth0 = keyfiles + "cloud-init-eth0.nmconnection"
	tests := map[string]struct {
		cmdline, system string
		want            bool
	}{
		"nobody does":                                  {},
		"the kernel's command line does":               {cmdline: "cloud-init=enabled", want: true},
		"a list of one datasource does":                {system: "datasource_list: [NoCloud]\n", want: true},
		"so does a list of one datasource and None":    {system: "datasource_list: [NoCloud, None]\n", want: true},
		"a list of two does not":                       {system: "datasource_list: [NoCloud, ConfigDrive]\n"},
		"a network in the system's own does not alone": {system: static2("192.0.2.1/24")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, nil)
			g.seed, g.cmdline, g.devices = "", test.cmdline, ethernets(macOne).devices()
			if test.system != "" {
				g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", test.system)
			}
			for range 2 {
				if r := g.boot(t); len(r.Errors) > 0 {
					t.Errorf("errors: %q", r.Errors)
				}
				if g.Exists(eth0) != test.want {
					t.Errorf("there is a keyfile: %v", !test.want)
				}
				if err := os.RemoveAll(filepath.Join(g.Dir, eth0)); err != nil { // at each boot
					t.Error(err)
				}
			}
		})
	}
}

// A guess without a device is asked again at the next boot; a source's word that there is to be no network is
// carried out, for the instance.
func TestTheNetworkIsDoneWhenASourceDecided(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		want   bool // the device of the second boot is configured
	}{
		"no device and no source":   {want: true},
		"a source that disables it": {config: "network: {config: disabled}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := seed.NoCloud("i-1", "")
			if test.config != "" {
				files = files.With("network-config", test.config)
			}
			g := newGuest(t, files)
			g.devices = ethernets().devices()
			g.boot(t)
			if err := os.Remove(filepath.Join(g.seed, "network-config")); err != nil && test.config != "" {
				t.Fatal(err)
			}
			g.devices = ethernets(macOne).devices()
			g.boot(t)
			if g.Exists(keyfiles+"cloud-init-eth0.nmconnection") != test.want {
				t.Errorf("there is a keyfile: %v", !test.want)
			}
		})
	}
}

func TestFilesOfDevicesThatAreGoneAreRemovedIfTheyAreOurs(t *testing.T) {
	t.Parallel()
	both := "network: {version: 2, ethernets: {eth0: {dhcp4: true}, eth1: {dhcp4: true}, eth2: {dhcp4: true}}}\n"
	files := seed.NoCloud("i-1", "").With("network-config", both)
	g := newGuest(t, files)
	g.boot(t)
	g.Put(t, keyfiles+"cloud-init-eth2.nmconnection", "an administrator's")
	g.Put(t, keyfiles+"cloud-init-other.nmconnection", "of an older cloud-init")
	files.With("meta-data", "instance-id: i-2\n").With("network-config", static2("192.0.2.3/24")).Dir(t, g.seed)
	g.boot(t)
	var names []string
	entries, err := g.ReadDir(keyfiles)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"cloud-init-eth0.nmconnection", "cloud-init-eth2.nmconnection", "cloud-init-other.nmconnection"}
	if diff := cmp.Diff(want, names); diff != "" || err != nil {
		t.Errorf("the keyfiles differ (-want +got):\n%s%v", diff, err)
	}
}

func TestAnotherRenderersFilesGoButWhatIsSharedStays(t *testing.T) {
	t.Parallel()
	const config = "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.3/24], nameservers: {addresses: [192.0.2.1]}}}}\n"
	files := seed.NoCloud("i-1", "").With("network-config", config)
	g := newGuest(t, files)
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "system_info: {network: {renderers: [sysconfig]}}\n")
	g.Put(t, "/usr/lib64/NetworkManager/1.0/libnm-settings-plugin-ifcfg-rh.so", "")
	g.boot(t)
	if got := g.decided(t).Renderer; got != "sysconfig" {
		t.Fatalf("the renderer is %q", got)
	}
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "system_info: {network: {renderers: [network-manager]}}\n")
	become("i-2")(t, g, files)
	g.boot(t)
	for path, want := range map[string]bool{
		"/etc/sysconfig/network-scripts/ifcfg-eth0": false, keyfiles + "cloud-init-eth0.nmconnection": true,
		"/etc/resolv.conf": true, "/etc/sysconfig/network": true,
	} {
		if g.Exists(path) != want {
			t.Errorf("%s is there: %v", path, !want)
		}
	}
}

func TestALateStageTellsTheRunningServiceOfWhatItWrote(t *testing.T) {
	t.Parallel()
	file := keyfiles + "cloud-init-lan.nmconnection"
	const config = "network: {version: 2, ethernets: {lan: {match: {macaddress: '" + macOne + "'}, set-name: eth0, dhcp4: true}}}\n"
	tests := map[string]struct {
		system string
		want   []string
	}{
		"by the file that it wrote": {want: []string{
			"systemctl show --property=SubState NetworkManager.service", "nmcli connection load " + file, "nmcli connection up filename " + file,
		}},
		"unless that is switched off": {system: "disable_network_activation: true\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", config))
			g.devices = ethernets(macOne).devices()
			g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", test.system)
			g.Answer("systemctl show", host.Result{Stdout: "SubState=running\n"}, nil)
			g.agent(t).Run(t.Context(), state.StageLocal)
			if err := state.New(g.Host).Owe("i-1", "apply_network_config"); err != nil {
				t.Fatal(err)
			}
			g.Put(t, file, "lost")
			before := len(g.Lines())
			g.agent(t).Run(t.Context(), state.StageNetwork)
			var got []string
			for _, line := range g.Lines()[before:] {
				if strings.HasPrefix(line, "nmcli") || strings.HasPrefix(line, "systemctl show") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("commands differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanNetworkChangesNothing(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "").With("network-config", static2("192.0.2.3/24")))
	g.boot(t)
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "network: {version: 2, ethernets: {eth1: {dhcp4: true}}}\n")
	effects := len(g.Effects())
	p, err := g.agent(t).PlanNetwork(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.Source, "system configuration: ") || p.Files[0].Path != keyfiles+"cloud-init-eth1.nmconnection" {
		t.Errorf("the plan is %+v", p)
	}
	if diff := cmp.Diff([]string{keyfiles + "cloud-init-eth0.nmconnection"}, p.Removed); diff != "" {
		t.Errorf("what is to be removed differs (-want +got):\n%s", diff)
	}
	if len(g.Effects()) != effects {
		t.Errorf("it changed %+v", g.Effects()[effects:])
	}
}
