package boot_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/host"
	"cloudseed/netconf"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// web is a server whose files a test changes, and which it can take away.
type web struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string]string
	down  bool
	asked []string
}

func newWeb(t *testing.T, files map[string]string) *web {
	t.Helper()
	w := &web{files: files}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, r.URL.String())
		content, ok := w.files[r.URL.Path]
		switch {
		case w.down:
			out.WriteHeader(http.StatusBadGateway)
		case !ok:
			out.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprint(out, content)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// set changes a file; without content it goes away.
func (w *web) set(path, content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files[path] = content; content == "" {
		delete(w.files, path)
	}
}

func (w *web) turn(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = off
}

// taken are the requests since the last call.
func (w *web) taken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := strings.Join(w.asked, " ")
	w.asked = nil
	return list
}

// netGuest is a guest with one network device and no medium.
func netGuest(t *testing.T, cmdline string) *guest {
	t.Helper()
	g := newGuest(t, nil)
	g.seed, g.cmdline = "", cmdline
	g.devices = &netconf.Devices{
		Settle: func(context.Context) (bool, error) { return false, nil },
		Until:  func(context.Context, string, func() bool) error { return nil },
		Pause:  func(context.Context, time.Duration) error { return nil },
	}
	g.Answer("systemctl show --property=SubState NetworkManager.service", host.Result{Stdout: "SubState=running\n"}, nil)
	for name, content := range map[string]string{"address": "52:54:00:00:00:01\n", "operstate": "up\n", "carrier": "1\n", "flags": "0x1003\n"} {
		g.Put(t, "/sys/class/net/eth0/"+name, content)
	}
	return g
}

const keyfile = "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection"

func noErrors(t *testing.T, r boot.Report) {
	t.Helper()
	if len(r.Errors) > 0 {
		t.Errorf("errors: %q", r.Errors)
	}
}

func TestASeedOnTheNetworkIsFetchedOnceThereIsOne(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{
		"/vm/meta-data": "instance-id: web-1\nlocal-hostname: webbed\n", "/vm/user-data": "#cloud-config\nruncmd: [ls]\n",
		"/vm/network-config": "version: 2\nethernets:\n  eth0:\n    addresses: [192.0.2.5/24]\n",
	})
	at := strings.Replace(w.URL, "http://", "http://u:hunter2@", 1) + "/vm/"
	g := netGuest(t, "ro ds=nocloud;s="+at)

	r := g.run(t, state.StageLocal)
	noErrors(t, r)
	if asked := w.taken(); asked != "" {
		t.Errorf("before there is a network it asked for %s", asked)
	}
	if got := g.Text(t, "/run/cloud-init/.awaited-seed"); got != w.URL+"/vm/\n" {
		t.Errorf("it waits for %q", got)
	}
	if got := g.Text(t, keyfile); !strings.Contains(got, "method=auto") {
		t.Errorf("without a seed the network is not DHCP's:\n%s", got)
	}
	if o, err := state.New(g.Host).Overall(""); err != nil || o.Word != state.Running {
		t.Errorf("status: %+v, %v", o, err)
	}
	if g.Exists("/run/cloud-init/.instance-id") || g.Exists(state.InstanceLink) {
		t.Error("there is an instance before its seed is")
	}

	r = g.run(t, state.StageNetwork)
	noErrors(t, r)
	if got, want := w.taken(), "/vm/network-config /vm/meta-data /vm/user-data /vm/vendor-data"; got != want {
		t.Errorf("it asked for %s, want %s", got, want)
	}
	if r.InstanceID != "web-1" || r.Description != "DataSourceNoCloudNet [seed=cmdline,"+w.URL+"/vm/]" {
		t.Errorf("got the instance %s of %s", r.InstanceID, r.Description)
	}
	if got, want := g.Text(t, "/var/lib/cloud/instances/web-1/datasource"), "DataSourceNoCloudNet: "+r.Description+"\n"; got != want {
		t.Errorf("the datasource is noted as %q, want %q", got, want)
	}
	if got := g.Text(t, keyfile); !strings.Contains(got, "192.0.2.5/24") || strings.Contains(got, "method=auto") {
		t.Errorf("the network is not the seed's:\n%s", got)
	}
	if lines := strings.Join(g.Lines(), "\n"); !strings.Contains(lines, "nmcli connection up filename "+keyfile) {
		t.Errorf("NetworkManager was not told of it:\n%s", lines)
	}
	if got := g.Text(t, "/etc/hostname"); got != "webbed\n" {
		t.Errorf("the name is %q", got)
	}
	if strings.Contains(g.Text(t, "/run/cloud-init/instance-data.json"), "hunter2") {
		t.Error("the password of the URL is for everybody to read")
	}

	noErrors(t, g.run(t, state.StageConfig))
	noErrors(t, g.run(t, state.StageFinal))
	if asked := w.taken(); asked != "" {
		t.Errorf("it asked again for %s", asked)
	}
	if o, err := state.New(g.Host).Overall(""); err != nil || o.Word != state.Finished {
		t.Errorf("status: %+v, %v", o, err)
	}
}

func TestWithoutTheSeedOfTheNetworkABootEndsWithAnError(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "instance-id: web-1\n"})
	g := netGuest(t, "ds=nocloud;s="+w.URL)
	r := g.boot(t)
	want := "there is no seed: cannot fetch " + w.URL + "/user-data: the server answered 404 Not Found (11 tries)"
	if len(r.Errors) != 1 || r.Errors[0] != want {
		t.Errorf("errors: %q\nwant    %q", r.Errors, want)
	}
	if got := g.Text(t, keyfile); !strings.Contains(got, "method=auto") {
		t.Errorf("it has lost its network:\n%s", got)
	}
	o, err := state.New(g.Host).Overall("")
	if err != nil || o.Word != state.Failed || o.ExitCode() != 1 {
		t.Errorf("status: %+v, %v", o, err)
	}
	if len(r.Modules) > 0 || g.Exists("/run/cloud-init/.instance-id") || g.Exists(state.InstanceLink) {
		t.Error("there is an instance without a seed")
	}
	if !strings.Contains(timeless([]string{g.console.String()})[0], want) {
		t.Errorf("the console says %q", g.console.String())
	}

	// The next boot is a first one.
	w.set("/user-data", "#cloud-config\nruncmd: [ls]\n")
	r = g.boot(t)
	noErrors(t, r)
	if r.InstanceID != "web-1" {
		t.Errorf("got the instance %q", r.InstanceID)
	}
}

func TestAnInstanceWhoseServerIsAwayStaysWhatItIs(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "instance-id: web-1\nlocal-hostname: one\n", "/user-data": "#cloud-config\nbootcmd: [ls]\n"})
	g := netGuest(t, "ds=nocloud;s="+w.URL)
	noErrors(t, g.boot(t))
	network := g.Text(t, keyfile)

	w.turn(true)
	r := g.boot(t)
	want := "there is no seed: cannot fetch " + w.URL + "/meta-data: the server answered 502 Bad Gateway (11 tries); the machine stays the instance web-1"
	if len(r.Errors) != 1 || r.Errors[0] != want {
		t.Errorf("errors: %q\nwant    %q", r.Errors, want)
	}
	if r.InstanceID != "web-1" || results(r)["bootcmd"] != boot.ResultOK || results(r)["set_hostname"] != boot.ResultAlreadyRun {
		t.Errorf("got %s %v", r.InstanceID, results(r))
	}
	if got := g.Text(t, keyfile); got != network {
		t.Errorf("the network changed to\n%s", got)
	}
	if o, err := state.New(g.Host).Overall(""); err != nil || o.Word != state.Failed {
		t.Errorf("status: %+v, %v", o, err)
	}

	w.turn(false)
	w.set("/meta-data", "instance-id: web-2\nlocal-hostname: two\n")
	r = g.boot(t)
	noErrors(t, r)
	if r.InstanceID != "web-2" || g.Text(t, "/etc/hostname") != "two\n" {
		t.Errorf("it is %s, %s", r.InstanceID, g.Text(t, "/etc/hostname"))
	}
}

func TestAnInstanceThatIsNamedOnTheCommandLineNeedsNoServer(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "", "/user-data": "#cloud-config\nbootcmd: [ls]\n"})
	w.files["/meta-data"] = ""
	g := netGuest(t, "ds=nocloud;i=named;s="+w.URL)
	noErrors(t, g.boot(t))
	w.taken()
	r := g.boot(t)
	noErrors(t, r)
	if asked := w.taken(); asked != "" || r.InstanceID != "named" || results(r)["bootcmd"] != boot.ResultOK {
		t.Errorf("it asked for %q, and is %q: %v", asked, r.InstanceID, results(r))
	}
	g.cmdline = "ds=nocloud;i=other;s=" + w.URL
	if r := g.boot(t); r.InstanceID != "other" || w.taken() == "" {
		t.Errorf("it is %q", r.InstanceID)
	}
}

func TestASeedOnTheNetworkMayBeNamedByTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "instance-id: web-1\n", "/user-data": ""})
	w.files["/user-data"] = ""
	g := netGuest(t, "")
	g.Put(t, "/etc/cloud/cloud.cfg.d/50.cfg", "datasource: {NoCloud: {seedfrom: '"+w.URL+"/%s'}}\n")
	r := g.boot(t)
	noErrors(t, r)
	if r.InstanceID != "web-1" {
		t.Errorf("it is %q", r.InstanceID)
	}
}

func TestAllStagesInOneProcessFetchASeedToo(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "instance-id: web-1\n", "/user-data": "#cloud-config\nbootcmd: [ls]\n"})
	g := netGuest(t, "ds=nocloud;s="+w.URL)
	b := g.agent(t)
	if errs := b.RunAll(t.Context()); len(errs) > 0 || b.Report().InstanceID != "web-1" {
		t.Errorf("it is %q: %v", b.Report().InstanceID, errs)
	}
	g = netGuest(t, "ds=nocloud;s="+w.URL+"/none")
	b = g.agent(t)
	if errs := b.RunAll(t.Context()); len(errs) != 1 || b.Report().InstanceID != "" {
		t.Errorf("it is %q: %v", b.Report().InstanceID, errs)
	}
}

func TestTheOlderKeyOfTheCommandLineIsDeprecated(t *testing.T) {
	t.Parallel()
	for key, deprecated := range map[string]bool{"url": true, "cloud-config-url": false} {
		w := newWeb(t, map[string]string{"/c": "#cloud-config\na: 1\n"})
		g := newGuest(t, seed.NoCloud("one", ""))
		g.cmdline = key + "=" + w.URL + "/c"
		var log bytes.Buffer
		o := g.options(t)
		o.Log, o.Warnings = bootlog.New(bootlog.Handler{File: &log, Level: slog.LevelInfo})
		if errs := boot.New(o).RunAll(t.Context()); len(errs) > 0 {
			t.Error(errs)
		}
		if said := strings.Contains(log.String(), "kernel command line: url: write cloud-config-url instead"); said != deprecated {
			t.Errorf("%s is called deprecated: %v", key, said)
		}
	}
}

func TestConfigurationOfTheCommandLineIsFetched(t *testing.T) {
	t.Parallel()
	const file = "/etc/cloud/cloud.cfg.d/91_kernel_cmdline_url.cfg"
	for name, c := range map[string]struct {
		key, content, want string
		down               bool
		warnings           int
	}{
		"by its key":               {key: "cloud-config-url", content: "#cloud-config\na: 1\n", want: "#cloud-config\na: 1\n"},
		"by its older key":         {key: "url", content: "#cloud-config\na: 1\n", want: "#cloud-config\na: 1\n"},
		"what is none":             {key: "cloud-config-url", content: "<html>", warnings: 1},
		"what is an installer's":   {key: "url", content: "install\n"},
		"from a server that fails": {key: "cloud-config-url", content: "#cloud-config\na: 1\n", down: true, warnings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t, map[string]string{"/c": c.content})
			w.down = c.down
			g := newGuest(t, seed.NoCloud("one", ""))
			g.cmdline = "quiet " + c.key + "=" + w.URL + "/c?token=hunter2"
			r := g.boot(t)
			noErrors(t, r)
			if len(r.Warnings) != c.warnings || strings.Contains(fmt.Sprint(r.Warnings), "hunter2") {
				t.Errorf("warnings: %q", r.Warnings)
			}
			if got := g.Exists(file); got != (c.want != "") {
				t.Fatalf("the file is there: %v", got)
			}
			if c.want == "" {
				return
			}
			if got := g.Text(t, file); got != c.want {
				t.Errorf("it holds %q", got)
			}
			if asked := w.taken(); asked != "/c?token=hunter2" {
				t.Errorf("in one boot it asked for %s", asked)
			}
			if info, err := g.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("its mode: %v, %v", info, err)
			}
			w.set("/c", "#cloud-config\na: 2\n")
			g.boot(t)
			if got := g.Text(t, file); !strings.Contains(got, "a: 2") {
				t.Errorf("at the next boot it holds %q", got)
			}
			w.turn(true)
			g.boot(t)
			if got := g.Text(t, file); !strings.Contains(got, "a: 2") {
				t.Errorf("without the server it holds %q", got)
			}
		})
	}
}

// TestConfigurationOfTheNetworkMayNameTheSeed: the configuration cannot be had before
// the network stage, and names where the seed is.
func TestConfigurationOfTheNetworkMayNameTheSeed(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/meta-data": "instance-id: web-1\n", "/user-data": "#cloud-config\nbootcmd: [ls]\n"})
	w.set("/c", "#cloud-config\ndatasource: {NoCloud: {seedfrom: '"+w.URL+"'}}\n")
	g := netGuest(t, "cloud-config-url="+w.URL+"/c")
	w.turn(true)
	noErrors(t, g.run(t, state.StageLocal))
	w.turn(false)
	r := g.run(t, state.StageNetwork)
	noErrors(t, r)
	if r.InstanceID != "web-1" {
		t.Errorf("it is %q", r.InstanceID)
	}
}

func TestWithNeitherConfigurationNorSeedNobodyWaits(t *testing.T) {
	t.Parallel()
	w := newWeb(t, nil)
	g := netGuest(t, "cloud-config-url="+w.URL+"/c")
	noErrors(t, g.boot(t))
	if o, err := state.New(g.Host).Overall(""); err != nil || o.Word != state.Disabled {
		t.Errorf("status: %+v, %v", o, err)
	}
}

func TestWhatTheFallbackLeftGoesWhenTheSeedNamesAnotherDevice(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{
		"/meta-data": "instance-id: web-1\n", "/user-data": "#cloud-config\n",
		"/network-config": "version: 2\nethernets:\n  eth1:\n    addresses: [192.0.2.5/24]\n",
	})
	g := netGuest(t, "ds=nocloud;s="+w.URL)
	for name, content := range map[string]string{"address": "52:54:00:00:00:02\n", "operstate": "up\n", "flags": "0x1003\n"} {
		g.Put(t, "/sys/class/net/eth1/"+name, content)
	}
	noErrors(t, g.run(t, state.StageLocal))
	if !g.Exists(keyfile) {
		t.Fatal("there is no fallback")
	}
	noErrors(t, g.run(t, state.StageNetwork))
	if g.Exists(keyfile) || !g.Exists(strings.Replace(keyfile, "eth0", "eth1", 1)) {
		t.Error("the fallback's file stayed, or the seed's is not there")
	}
}
