package boot_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/config/yaml"
	"cloudseed/datasource/media"
	"cloudseed/fetch"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/modules"
	"cloudseed/netconf"
	"cloudseed/packaging"
	"cloudseed/state"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMain(m *testing.M) {
	media.ChildMain()
	os.Exit(m.Run())
}

// guest is a machine with a seed directory, booted as often as a test wants.
type guest struct {
	*hosttest.Machine
	seed    string
	cmdline string
	shown   string // certificate and key, when something was last fetched
	devices *netconf.Devices
	logFile *os.File // that of a machine, which has all; nil: the test's log
	console strings.Builder
}

func newGuest(t testing.TB, files seed.Files) *guest {
	t.Helper()
	g := &guest{Machine: hosttest.New(t), seed: filepath.Join(t.TempDir(), "seed")}
	if err := os.Mkdir(g.seed, 0o755); err != nil {
		t.Fatal(err)
	}
	files.Dir(t, g.seed)
	g.Put(t, "/usr/lib/systemd/system/multi-user.target.wants/NetworkManager.service", "")
	// ssh-keygen's work, as far as anything looks at it.
	g.On("ssh-keygen", func(c host.Command) {
		at := filepath.Join(g.Dir, c.Argv[slices.Index(c.Argv, "-f")+1])
		for name, text := range map[string]string{at: "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n", at + ".pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e host\n"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	return g
}

// runsRuncmd is the command that runs a script of runcmd.
const runsRuncmd = "/bin/sh " + state.RunDir + "/runcmd.sh"

// boot runs all stages, as systemd would, each in a process of its own.
func (g *guest) boot(t testing.TB) boot.Report {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(g.Dir, state.RunDir)); err != nil {
		t.Fatal(err)
	}
	var all boot.Report
	for _, stage := range state.Stages {
		r := g.run(t, stage)
		all.InstanceID, all.Datasource = r.InstanceID, r.Datasource
		all.Modules = append(all.Modules, r.Modules...)
		all.Errors = append(all.Errors, r.Errors...)
		all.Warnings = append(all.Warnings, r.Warnings...)
	}
	return all
}

// run runs a stage, in a process of its own.
func (g *guest) run(t testing.TB, stage string) boot.Report {
	t.Helper()
	b := g.agent(t)
	b.Run(t.Context(), stage)
	r := b.Report()
	r.Errors, r.Warnings = timeless(r.Errors), timeless(r.Warnings)
	return r
}

// timeless are messages without the times that something took.
func timeless(messages []string) []string {
	var out []string
	for _, m := range messages {
		out = append(out, regexp.MustCompile(` tries in [0-9.a-z]+\)`).ReplaceAllString(m, " tries)"))
	}
	return out
}

// agent is the agent of one stage.
func (g *guest) agent(t testing.TB) *boot.Boot {
	t.Helper()
	return boot.New(g.options(t))
}

func (g *guest) options(t testing.TB) boot.Options {
	t.Helper()
	handler := bootlog.Handler{File: testWriter{t}, Level: slog.LevelInfo}
	if g.logFile != nil {
		handler = bootlog.Handler{File: g.logFile, Level: slog.LevelDebug}
	}
	log, warnings := bootlog.New(handler)
	return boot.Options{
		Host: g.Host, Log: log, Warnings: warnings, Version: "1.0", Seed: g.seed, SeedName: "seed", Cmdline: g.cmdline, Devices: g.devices, Console: &g.console, Terminal: &g.console,
		Get: func(ctx context.Context, c *fetch.Client, r fetch.Request) ([]byte, error) {
			c.Pause = time.Microsecond // between tries
			if c.Certificate != nil {
				certificate, key, err := c.Certificate()
				if err != nil {
					t.Error(err)
				}
				g.shown, c.Certificate = string(certificate)+" / "+string(key), nil
			}
			return c.Get(ctx, r)
		},
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(text []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(text), "\n"))
	return len(text), nil
}

func results(r boot.Report) map[string]boot.Result {
	all := map[string]boot.Result{}
	for _, m := range r.Modules {
		all[m.Name] = m.Result
	}
	return all
}

func TestOVirtsSeedConfiguresAGuest(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	r := g.boot(t)
	if len(r.Errors) > 0 {
		t.Errorf("errors: %q", r.Errors)
	}
	if r.InstanceID != seed.OVirtUUID || r.Datasource != "ConfigDrive" {
		t.Errorf("instance %q of %q", r.InstanceID, r.Datasource)
	}
	for file, want := range map[string]string{
		"/etc/hostname": "abc123\n",
		"/var/lib/cloud/instances/" + seed.OVirtUUID + "/datasource": "DataSourceConfigDrive: DataSourceConfigDrive [local,ver=2][source=seed]\n",
		"/run/cloud-init/.instance-id":                               seed.OVirtUUID + "\n",
		"/run/cloud-init/cloud-id-configdrive":                       "configdrive\n",
	} {
		if got := g.Text(t, file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	keyfile := g.Text(t, "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection")
	for _, line := range []string{"address1=10.50.200.242/24\n", "gateway=10.50.200.1\n"} {
		if !strings.Contains(keyfile, line) {
			t.Errorf("the keyfile lacks %q:\n%s", line, keyfile)
		}
	}
	if i := slices.IndexFunc(g.Calls(), func(c hosttest.Call) bool { return c.Line() == "chpasswd" }); i < 0 || g.Calls()[i].Stdin != "root:abc123\n" {
		t.Errorf("the password was not set: %q", g.Lines())
	}
	if !slices.Contains(g.Lines(), runsRuncmd) {
		t.Errorf("runcmd did not run: %q", g.Lines())
	}
}

func TestInstanceDataIsThereBeforeAnythingOfTheSeedRuns(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-boothook\ntrue\n").With("meta-data", "instance-id: i-1\nlocal-hostname: vm.example.com\ndsmode: local\n"))
	g.Put(t, "/etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"9.4\"\nVERSION=\"9.4 (Plow)\"\n")
	var seen string
	g.On("/var/lib/cloud/instances/i-1/boothooks", func(host.Command) { seen = g.Text(t, state.InstanceDataFile) })
	g.boot(t)
	for _, line := range []string{
		"\n  \"local_hostname\": \"vm\",\n", "\n  \"distro\": \"redhat\",\n", "\n  \"distro_release\": \"Plow\",\n", "\n  \"variant\": \"rhel\"\n",
		"\n  \"instance-id\": \"i-1\",\n", "\n \"merged_cfg\": \"redacted for non-root user\",\n",
	} {
		if !strings.Contains(seen, line) {
			t.Errorf("the boothook finds no %q in:\n%s", line, seen)
		}
	}
	if now := g.Text(t, state.InstanceDataFile); now != seen {
		t.Error("what everybody may read changes in a boot")
	}
}

func TestASecondBootLeavesTheInstanceAlone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	g.boot(t)
	before := len(g.Lines())
	r := g.boot(t)
	want := ofASecondBoot(t, seed.OVirt()["openstack/latest/user_data"])
	if diff := cmp.Diff(want, results(r)); diff != "" {
		t.Errorf("results differ (-want +got):\n%s", diff)
	}
	if again := g.Lines()[before:]; len(again) > 0 {
		t.Errorf("commands ran again: %q", again)
	}
}

// ofASecondBoot returns how each module of the registry ends in an instance's second boot: one
// whose keys neither the user data nor the package's configuration has does not run, and of the
// others those that run at every boot do.
func ofASecondBoot(t *testing.T, userData string) map[string]boot.Result {
	t.Helper()
	has := map[string]bool{}
	for _, document := range []string{userData, string(packaging.CloudConfig)} {
		v, _, err := yaml.Parse("document", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range v.Keys() {
			has[key] = true
		}
	}
	want := map[string]boot.Result{}
	for _, m := range modules.All() {
		switch {
		case m.OffByDefault:
		case len(m.ActiveIf) > 0 && !slices.ContainsFunc(m.ActiveIf, func(key string) bool { return has[key] }):
			want[m.Name] = boot.ResultNoConfig
		case m.Frequency == state.Always:
			want[m.Name] = boot.ResultOK
		default:
			want[m.Name] = boot.ResultAlreadyRun
		}
	}
	return want
}

func TestAnotherInstanceIsConfiguredAnew(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	g.boot(t)
	seed.OVirt().Replace(t, seed.OVirtUUID, "another").Replace(t, `"hostname" : "abc123"`, `"hostname" : "other"`).Dir(t, g.seed)
	r := g.boot(t)
	if got := results(r); got["ssh"] != boot.ResultOK || got["set_passwords"] == boot.ResultAlreadyRun || got["scripts_user"] != boot.ResultOK {
		t.Errorf("results: %v", got)
	}
	if got := g.Text(t, "/etc/hostname"); got != "other\n" {
		t.Errorf("the hostname is %q", got)
	}
}

func TestWithoutItsMediumAGuestStaysWhatItIs(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	g.boot(t)
	effects := len(g.Effects())
	g.seed = ""
	r := g.boot(t)
	if r.InstanceID != seed.OVirtUUID || len(r.Errors) > 0 {
		t.Errorf("it is %q, with errors %q", r.InstanceID, r.Errors)
	}
	for _, e := range g.Effects()[effects:] {
		t.Errorf("it changed %+v", e)
	}
}

func TestWithoutAnySeedNothingHappensAndNobodyWaits(t *testing.T) {
	t.Parallel()
	g := newGuest(t, nil)
	g.seed = ""
	r := g.boot(t)
	if len(r.Errors) > 0 || len(r.Modules) > 0 {
		t.Errorf("report: %+v", r)
	}
	if len(g.Effects()) > 0 {
		t.Errorf("effects: %+v", g.Effects())
	}
	o, err := state.New(g.Host).Overall("")
	if err != nil || o.Word != state.Disabled || !strings.Contains(o.Detail, "no seed was found") {
		t.Errorf("status: %+v, %v", o, err)
	}
}

// TestAPowerCutAnywhereEndsInTheSameGuest cuts a first boot short before each of its
// commands and file changes in turn, boots again, and compares the guest with one that
// was never cut.
func TestAPowerCutAnywhereEndsInTheSameGuest(t *testing.T) {
	t.Parallel()
	whole := newGuest(t, seed.OVirt())
	whole.boot(t)
	want := guestFiles(t, whole.Dir)
	for cut := 1; ; cut++ {
		g := newGuest(t, seed.OVirt())
		if !bootUntil(t, g, cut) {
			if cut < 4 {
				t.Fatalf("only %d commands to cut at", cut-1)
			}
			return
		}
		g.boot(t)
		if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
			t.Errorf("cut at command %d, the guest differs (-whole +cut):\n%s", cut, diff)
		}
	}
}

// bootUntil boots and dies at the given command; false when there are fewer. Death is
// the end of the goroutine in the middle of the command: nothing after it is done.
func bootUntil(t *testing.T, g *guest, command int) (died bool) {
	t.Helper()
	dying := []string{"passwd", "chpasswd", "useradd", "groupadd", runsRuncmd}
	calls := 0
	for _, prefix := range dying {
		g.On(prefix, func(host.Command) {
			if calls++; calls == command {
				died = true
				runtime.Goexit()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, stage := range state.Stages {
			b := boot.New(boot.Options{Host: g.Host, Log: slog.New(slog.DiscardHandler), Version: "1.0", Seed: g.seed, SeedName: "seed"})
			b.Run(t.Context(), stage)
		}
	}()
	<-done
	for _, prefix := range dying {
		g.On(prefix, func(host.Command) {})
	}
	return died
}

// guestFiles are the guest's own files with their content, without the agent's state.
func guestFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(dir, "etc"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAnInterruptedScriptIsReportedAndNotRepeated(t *testing.T) {
	t.Parallel()
	var g *guest
	for command := 1; ; command++ {
		g = newGuest(t, seed.OVirt())
		if !bootUntil(t, g, command) {
			t.Fatal("no cut hit the script")
		}
		if lines := g.Lines(); lines[len(lines)-1] == runsRuncmd {
			break
		}
	}
	before := len(g.Lines())
	r := g.boot(t)
	if got := g.console.String(); !strings.Contains(got, "Errors: 1\n  scripts_user: ") || !strings.Contains(got, "cloudseed single") {
		t.Errorf("the console says %q", got)
	}
	if slices.Contains(g.Lines()[before:], runsRuncmd) {
		t.Error("the script ran again")
	}
	if !slices.ContainsFunc(r.Errors, func(e string) bool { return strings.Contains(e, "runcmd") && strings.Contains(e, "interrupted") }) {
		t.Errorf("nothing tells of it: %q", r.Errors)
	}
	if r := g.boot(t); len(r.Errors) > 0 {
		t.Errorf("it is told of again at the third boot: %q", r.Errors)
	}
}

func TestAModuleThatIsOffByDefaultRunsWhereItIsListed(t *testing.T) {
	t.Parallel()
	const warning = "user-data:2:21: manage_resolv_conf has no effect: the module resolv_conf is not in cloud_init_modules"
	for list, want := range map[string]boot.Result{"": "", "cloud_init_modules: [[resolv-conf, always]]\n": boot.ResultOK} {
		g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nmanage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.1]}\n"))
		g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", list)
		r := g.boot(t)
		if got := results(r)["resolv_conf"]; got != want {
			t.Errorf("with %q its result is %q", list, got)
		}
		if told := slices.Contains(r.Warnings, warning); told != (want == "") {
			t.Errorf("with %q the warnings are %q", list, r.Warnings)
		}
	}
	for _, wantsNothing := range []string{"manage_resolv_conf: false\n", "wireguard:\n"} { // installers write these
		g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\n"+wantsNothing))
		if r := g.boot(t); len(r.Warnings) > 0 {
			t.Errorf("of %q it warns %q", wantsNothing, r.Warnings)
		}
	}
}

func TestAnUnknownModuleCostsNothingElse(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt())
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "cloud_config_modules: [nonesuch, [runcmd, sometimes], apt-configure, 7]\n")
	r := g.boot(t)
	want := []string{
		"/etc/cloud/cloud.cfg.d/90.cfg:1:24: there is no module \"nonesuch\"; it was skipped",
		"/etc/cloud/cloud.cfg.d/90.cfg:1:34: cloud_config_modules: there is no frequency \"sometimes\": it is always, once-per-instance or once; the module's own is used",
		"/etc/cloud/cloud.cfg.d/90.cfg:1:70: there is no module \"7\"; it was skipped",
	}
	if diff := cmp.Diff(want, r.Warnings, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
	if got := results(r)["apt_configure"]; got != boot.ResultNoConfig {
		t.Errorf("a module of other systems is %s", got)
	}
	if got := results(r)["runcmd"]; got != boot.ResultOK {
		t.Errorf("runcmd: %s", got)
	}
}
