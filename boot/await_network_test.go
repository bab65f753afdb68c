package boot_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
)

const (
	waitOnline   = "NetworkManager-wait-online.service"
	onlineTarget = "network-online.target"
)

// started records the units that a guest's stages start. Nothing in it is up before.
func started(g *guest) *[]string {
	var units []string
	g.Units = map[string]host.UnitState{}
	g.StartUnit = func(unit string) error {
		units = append(units, unit)
		return nil
	}
	return &units
}

// What the init modules do decides whether they, and with them sshd, wait for the network.
func TestTheInitModulesWaitForTheNetworkIfTheConfigurationMayNeedIt(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		userData     string
		net, local   bool // whether they wait, with each dsmode
		vendor, file string
	}{
		"users, keys, passwords and files":    {userData: "#cloud-config\nusers: [default]\npassword: x\nssh_authorized_keys: [ssh-rsa AA]\nwrite_files: [{path: /a, content: a}]\n"},
		"no user data":                        {},
		"commands and packages of later on":   {userData: "#cloud-config\nruncmd: [id]\npackages: [vim]\n"},
		"a script":                            {userData: "#!/bin/sh\ntrue\n"},
		"bootcmd":                             {userData: "#cloud-config\nbootcmd: [id]\n", net: true},
		"a boothook":                          {userData: "#cloud-boothook\ntrue\n", net: true},
		"a boothook of vendor data":           {vendor: "#cloud-boothook\ntrue\n", net: true},
		"a boothook that is switched off":     {vendor: "#cloud-boothook\ntrue\n", userData: "#cloud-config\nvendor_data: {enabled: false}\n"},
		"a part handler":                      {userData: "#part-handler\n", net: true},
		"an include by URL":                   {userData: "#include\n" + server.URL + "\n", net: true, local: true},
		"a file by URL":                       {userData: "#cloud-config\nwrite_files: [{path: /a, source: {uri: '" + server.URL + "'}}]\n", net: true, local: true},
		"a file by URL that comes last":       {userData: "#cloud-config\nwrite_files: [{path: /a, defer: true, source: {uri: '" + server.URL + "'}}]\n"},
		"a network file system":               {userData: "#cloud-config\nmounts: [['a:/b', /mnt, nfs]]\n", net: true, local: true},
		"a local file system":                 {userData: "#cloud-config\nmounts: [[/dev/vdb, /mnt, xfs]]\n"},
		"rsyslog that is to be installed":     {userData: "#cloud-config\nrsyslog: {install_rsyslog: true, check_exe: nosuch}\n", net: true, local: true},
		"rsyslog that is there":               {userData: "#cloud-config\nrsyslog: {install_rsyslog: true}\n"},
		"a command that adds random data":     {userData: "#cloud-config\nrandom_seed: {command: [id]}\n", net: true},
		"name servers":                        {userData: "#cloud-config\nmanage_resolv_conf: true\n", file: "cloud_init_modules: [resolv_conf]\n", net: true},
		"a module of later on in the list":    {userData: "#cloud-config\nruncmd: [id]\n", file: "cloud_init_modules: [runcmd]\n", net: true},
		"a module of later on without config": {file: "cloud_init_modules: [runcmd]\n"},
	} {
		for dsmode, waits := range map[string]bool{"net": c.net, "local": c.local} {
			t.Run(name+", dsmode "+dsmode, func(t *testing.T) {
				t.Parallel()
				g := newGuest(t, seed.NoCloud("i-1", c.userData).With("vendor-data", c.vendor).With("meta-data", "{instance-id: i-1, dsmode: "+dsmode+"}\n"))
				g.Lacks("nosuch")
				g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", c.file)
				units := started(g)
				g.boot(t)
				want := []string{onlineTarget} // before the config stage's modules
				if waits {
					want = []string{waitOnline, onlineTarget}
				}
				if diff := cmp.Diff(want, *units); diff != "" {
					t.Errorf("%v units that were started (-want +got):\n%s", g.console.String(), diff)
				}
			})
		}
	}
}

func TestTheNetworkIsAwaitedBeforeAnythingThatMayNeedIt(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nbootcmd: [a]\n"))
	var order []string
	g.Units = map[string]host.UnitState{}
	g.StartUnit = func(unit string) error {
		order = append(order, unit)
		return nil
	}
	g.On("/bin/sh "+state.RunDir+"/bootcmd.sh", func(host.Command) { order = append(order, "bootcmd") })
	g.boot(t)
	if diff := cmp.Diff([]string{waitOnline, "bootcmd", onlineTarget}, order); diff != "" {
		t.Error(diff)
	}
}

// A module that has run for the instance does not hold up later boots.
func TestASecondBootDoesNotWaitForWhatIsDone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nwrite_files: [{path: /a, source: {uri: '"+server.URL+"'}}]\n"))
	units := started(g)
	g.boot(t)
	*units = nil
	g.boot(t)
	if slices.Contains(*units, waitOnline) {
		t.Errorf("the second boot waits: %v", *units)
	}
}

func TestTheServicesThatTheMachineHasAreAwaited(t *testing.T) {
	t.Parallel()
	const networkd = "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service"
	for name, c := range map[string]struct {
		without string // the unit that is not enabled
		files   []string
		units   map[string]host.UnitState
		want    string
	}{
		"NetworkManager":                   {want: waitOnline},
		"networkd":                         {without: "NetworkManager", files: []string{networkd}, want: "systemd-networkd-wait-online.service"},
		"none of them":                     {without: "NetworkManager"},
		"the network scripts, at work":     {without: "NetworkManager", units: map[string]host.UnitState{"network.service": {Job: true}}, want: "network.service"},
		"the network scripts, which ended": {without: "NetworkManager", units: map[string]host.UnitState{"network.service": {Active: "active"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nbootcmd: [a]\n"))
			if c.without != "" {
				must(t, g.RemoveAll("/usr/lib/systemd/system/multi-user.target.wants/"+c.without+".service"))
			}
			for _, file := range c.files {
				g.Put(t, file, "")
			}
			units := started(g)
			g.Units = c.units
			if g.Units == nil {
				g.Units = map[string]host.UnitState{}
			}
			g.run(t, state.StageLocal)
			g.run(t, state.StageNetwork)
			if got := strings.Join(*units, " "); got != c.want {
				t.Errorf("awaited: %q, want %q", got, c.want)
			}
		})
	}
}

// A network that does not come up stops nothing, and is awaited once.
func TestABrokenNetworkIsAwaitedOnceAndIsNoError(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nbootcmd: [a]\n"))
	units := started(g)
	g.StartUnit = func(unit string) error {
		*units = append(*units, unit)
		g.Units[unit] = host.UnitState{Active: "failed"}
		return errors.New("the job ended as \"failed\"")
	}
	r := g.boot(t)
	if len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("errors %v, warnings %v", r.Errors, r.Warnings)
	}
	if got := strings.Join(*units, " "); got != waitOnline {
		t.Errorf("awaited: %s", got)
	}
}

// What the local stage did not come to tell is not taken for a "no".
func TestWhereTheLocalStageDidNotEndTheNetworkIsAwaited(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\n{}\n"))
	units := started(g)
	must(t, state.New(g.Host).BeginBoot())
	g.run(t, state.StageNetwork)
	if !slices.Contains(*units, waitOnline) {
		t.Errorf("awaited: %v", *units)
	}
}
