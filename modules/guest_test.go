package modules

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/guest/packages/packagestest"
	"cloudseed/guest/sshd/sshdtest"
	"cloudseed/host/hosttest"
)

// guest is a fake machine of the RHEL family on which a module runs.
type guest struct {
	*hosttest.Machine
	env     *Env
	console string
	log     bytes.Buffer
}

// systemConfig is what cloud.cfg of the RHEL family says about accounts.
const systemConfig = `
users: [default]
disable_root: true
system_info:
  default_user:
    name: cloud-user
    lock_passwd: true
    gecos: Cloud User
    groups: [adm, systemd-journal]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
`

func newGuest(t *testing.T, userData string) *guest {
	t.Helper()
	g := &guest{Machine: hosttest.New(t)}
	system := parsed(t, "/etc/cloud/cloud.cfg", systemConfig)
	g.env = &Env{
		Host: g.As("init", "test"),
		Config: config.New(
			config.Layer{Name: "/etc/cloud/cloud.cfg", Value: system},
			config.Layer{Name: "user-data", Value: parsed(t, "user-data", sshdtest.Valid(userData))},
		),
		Log:     slog.New(slog.NewTextHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Console: func(text string) error { g.console += text; return nil },
		Instance: Instance{
			ID: "i-1", Dir: "/var/lib/cloud/instance", RunDir: "/run/cloud-init",
			DefaultUser: system.Path("system_info.default_user"),
		},
	}
	return g
}

func parsed(t *testing.T, file, text string) *config.Value {
	t.Helper()
	v, problems, err := yaml.Parse(file, []byte(text))
	if err != nil || len(problems) > 0 {
		t.Fatalf("%s: %v %v", file, err, problems)
	}
	return v
}

// run runs a module and returns what it reports, errors and all, a line each.
func (g *guest) run(t *testing.T, m Module) []string {
	t.Helper()
	if err := m.Run(t.Context(), g.env); err != nil {
		t.Errorf("beside its problems, the module's error is %v", err)
	}
	var lines []string
	for _, p := range g.env.Problems() {
		lines = append(lines, p.Severity.String()+": "+p.Error())
	}
	return lines
}

// clean runs a module that must report nothing.
func (g *guest) clean(t *testing.T, m Module) {
	t.Helper()
	if reports := g.run(t, m); len(reports) > 0 {
		t.Errorf("it reports %q", reports)
	}
}

// lines are the commands that were run, with their input.
func (g *guest) lines() []string {
	var lines []string
	for _, c := range g.Calls() {
		line := c.Line()
		if c.Stdin != "" {
			line += " < " + strings.TrimSuffix(c.Stdin, "\n")
		}
		lines = append(lines, line)
	}
	return lines
}

// mustNotShow fails the test if a secret is anywhere but where it belongs.
func (g *guest) mustNotShow(t *testing.T, secrets ...string) {
	t.Helper()
	effects, err := json.Marshal(g.Effects())
	if err != nil {
		t.Fatal(err)
	}
	shown := string(effects) + g.log.String()
	for _, p := range g.env.Problems() {
		shown += p.Error()
	}
	for _, secret := range secrets {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown in %s", secret, shown)
		}
	}
}

// installed are the packages that a fake package manager was asked to install.
type installed struct{ *packagestest.Fake }

// installer gives a guest a package manager that has everything.
func installer(g *guest) installed {
	fake := &packagestest.Fake{Has: []string{"*"}}
	g.env.Packages = fake
	return installed{fake}
}

func (i installed) names() []string {
	var names []string
	for _, call := range i.Calls {
		if words := strings.Fields(call); words[0] == "install" {
			names = append(names, words[1:]...)
		}
	}
	return names
}
