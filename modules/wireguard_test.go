package modules

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
	"cloudseed/host"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// wg0 is an interface with a private key.
const wg0 = "wireguard: {interfaces: [{name: wg0, config_path: /etc/wireguard/wg0.conf, content: \"[Interface]\\nPrivateKey = hunter2\\n\"}]"

func TestWireguard(t *testing.T) {
	t.Parallel()
	const enable, restart = "systemctl enable wg-quick@wg0.service", "systemctl restart wg-quick@wg0.service"
	for name, row := range map[string]struct {
		userData string
		active   string // wg-quick@wg0's state; "": systemd does not run
		enabled  bool
		before   string // what the file holds
		loaded   bool   // the kernel's module
		lacks    bool   // wg
		packages packagestest.Fake
		commands []string
		calls    string // of the package manager
		report   string
		err      string
	}{
		"one is written, enabled and started": {
			userData: wg0 + "}", active: "inactive", commands: []string{"modprobe wireguard", enable, restart},
		},
		"one that is up and unchanged stays up": {
			userData: wg0 + "}", active: "active", enabled: true, loaded: true, before: "[Interface]\nPrivateKey = hunter2\n",
		},
		"one that is up and changed is restarted": {
			userData: wg0 + "}", active: "active", enabled: true, loaded: true, before: "[Interface]\n", commands: []string{restart},
		},
		"where systemd does not run it is enabled": {userData: wg0 + "}", loaded: true, commands: []string{enable}},
		"the tools are installed": {
			userData: wg0 + "}", active: "inactive", loaded: true, lacks: true, packages: packagestest.Fake{Has: []string{"wireguard-tools"}},
			calls: "refresh, install wireguard-tools", commands: []string{enable, restart},
		},
		"tools that no repository has": {
			userData: wg0 + "}", active: "inactive", loaded: true, lacks: true,
			calls: "refresh, install wireguard-tools", err: "cannot install wireguard-tools: no repository has it (EL7 and EL8: it is in EPEL)",
		},
		"repositories that do not answer": {
			userData: wg0 + "}", active: "inactive", loaded: true, lacks: true, packages: packagestest.Fake{Fail: map[string]error{"refresh": errors.New("no answer")}},
			calls: "refresh", err: "no answer",
		},
		"probes are run, all of them": {
			userData: wg0 + ", readinessprobe: [ping -qc1 192.0.2.1, fails, 'true']}", active: "active", enabled: true, loaded: true,
			before:   "[Interface]\nPrivateKey = hunter2\n",
			commands: []string{"/bin/sh -c ping -qc1 192.0.2.1", "/bin/sh -c fails", "/bin/sh -c true"},
			report:   "error: user-data:1:164: wireguard.readinessprobe.1: /bin/sh failed with exit code 1: no answer",
		},
		"a kernel without it is a warning": {
			userData: wg0 + "}", active: "inactive", lacks: false, commands: []string{"modprobe wireguard", enable, restart},
			report: "warning: user-data:1:12: wireguard: the kernel has no WireGuard (EL7 and EL8: kmod-wireguard of ELRepo): modprobe failed with exit code 1: no module",
		},
		"null is nothing":      {userData: "wireguard:"},
		"no interfaces":        {userData: "wireguard: {readinessprobe: ['true']}", report: "error: user-data:1:12: wireguard: there are no interfaces"},
		"a list of interfaces": {userData: "wireguard: [wg0]", report: "error: user-data:1:12: wireguard: expected a mapping, got a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			fake := row.packages
			g.env.Packages = &fake
			if row.active != "" {
				g.Units = map[string]host.UnitState{"wg-quick@wg0.service": {Active: row.active}}
			}
			if row.enabled {
				g.Put(t, "/etc/systemd/system/multi-user.target.wants/wg-quick@wg0.service", "")
			}
			if row.before != "" {
				g.Put(t, "/etc/wireguard/wg0.conf", row.before)
				if err := os.Chmod(filepath.Join(g.Dir, "/etc/wireguard/wg0.conf"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if row.loaded {
				g.Put(t, "/sys/module/wireguard/version", "1.0.0\n")
			}
			if row.lacks {
				g.Lacks("wg")
			}
			if strings.Contains(row.report, "modprobe") {
				g.Answer("modprobe", host.Result{Exit: 1, Stderr: "no module\n"}, nil)
			}
			g.Answer("/bin/sh -c fails", host.Result{Exit: 1, Stderr: "no answer\n"}, nil)
			err := wireguard.Run(t.Context(), g.env)
			if text := ""; err != nil || row.err != "" {
				if err != nil {
					text = err.Error()
				}
				if text != row.err {
					t.Errorf("the error is %q, want %q", text, row.err)
				}
			}
			var reports []string
			for _, p := range g.env.Problems() {
				reports = append(reports, p.Severity.String()+": "+p.Error())
			}
			if got := strings.Join(reports, "\n"); got != row.report {
				t.Errorf("it reports %q, want %q", got, row.report)
			}
			if diff := cmp.Diff(row.commands, g.Lines()); diff != "" {
				t.Errorf("its commands differ:\n%s", diff)
			}
			if got := strings.Join(fake.Calls, ", "); got != row.calls {
				t.Errorf("of the package manager it wants %q, want %q", got, row.calls)
			}
			if strings.HasPrefix(row.userData, wg0) {
				if got := g.Text(t, "/etc/wireguard/wg0.conf"); got != "[Interface]\nPrivateKey = hunter2\n" {
					t.Errorf("the file holds %q", got)
				}
				if info, err := g.Stat("/etc/wireguard/wg0.conf"); err != nil || info.Mode() != 0o600 {
					t.Errorf("the file's mode is %v, %v", info.Mode(), err)
				}
			}
			g.mustNotShow(t, "hunter2")
		})
	}
}

func TestAnInterfaceOfWireguardThatIsNoneIsSkippedAlone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, `wireguard:
  interfaces:
    - {name: wg1, config_path: /etc/wireguard/wg1.conf}
    - {name: ../../tmp/x, config_path: /etc/wireguard/x.conf, content: hunter2}
    - {name: "-a", config_path: /etc/wireguard/a.conf, content: hunter2}
    - {name: "wg0.service --now x", config_path: /etc/wireguard/b.conf, content: hunter2}
    - [wg0]
    - {name: wg2, config_path: /etc/wg2.conf, content: hunter2}
    - {name: wg2, config_path: /etc/wireguard/wg2.conf, content: hunter2}
`)
	g.Put(t, "/sys/module/wireguard/version", "")
	want := `error: user-data:7:7: wireguard.interfaces.4: expected a mapping, got a list
error: user-data:3:7: wireguard.interfaces.0: an interface needs name, config_path and content; skipped
error: user-data:4:14: wireguard.interfaces.1.name: "../../tmp/x" is not a name that wg-quick takes; the interface is skipped
error: user-data:5:14: wireguard.interfaces.2.name: "-a" is not a name that wg-quick takes; the interface is skipped
error: user-data:6:14: wireguard.interfaces.3.name: "wg0.service --now x" is not a name that wg-quick takes; the interface is skipped
warning: user-data:8:32: wireguard.interfaces.5.config_path: wg-quick@wg2 reads /etc/wireguard/wg2.conf
error: user-data:9:14: wireguard.interfaces.6.name: there is an interface wg2 before; skipped`
	if diff := cmp.Diff(want, strings.Join(g.run(t, wireguard), "\n")); diff != "" {
		t.Errorf("its report differs:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"systemctl enable wg-quick@wg2.service"}, g.Lines()); diff != "" {
		t.Errorf("its commands differ:\n%s", diff)
	}
	if got := g.Text(t, "/etc/wg2.conf"); got != "hunter2" {
		t.Errorf("the file holds %q", got)
	}
	g.mustNotShow(t, "hunter2")
}

// A unit that the real systemctl enabled is not enabled again, and nothing is started in an
// image.
func TestWireguardInAnImage(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "systemctl")
	g := newGuest(t, wg0+"}")
	g.Put(t, "/usr/lib/systemd/system/wg-quick@.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
	var lines []string
	g.env.Host = host.New(g.Dir, host.Options{
		Chown:    func(string, int, int) error { return nil },
		LookPath: func(name string) (string, error) { return "/usr/bin/" + name, nil },
		Exec: func(ctx context.Context, c host.Command) (host.Result, error) {
			lines = append(lines, strings.Join(c.Argv, " "))
			out, err := exec.CommandContext(ctx, c.Argv[0], append([]string{"--root=" + g.Dir}, c.Argv[1:]...)...).CombinedOutput()
			return host.Result{Stderr: string(out)}, err
		},
	})
	for range 2 {
		g.clean(t, wireguard)
		if diff := cmp.Diff([]string{"systemctl enable wg-quick@wg0.service"}, lines); diff != "" {
			t.Errorf("its commands differ:\n%s", diff)
		}
	}
	if !g.env.Host.Units().Enabled("wg-quick@wg0.service") {
		t.Error("the unit is not enabled")
	}
}
