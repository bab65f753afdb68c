package boot_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/guest/power"
	"cloudseed/guest/power/powertest"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
)

// bootWith boots with a machine that can be turned off, and returns the stages' errors.
func (g *guest) bootWith(t *testing.T, p power.Switch) (errs []error) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(g.Dir, state.RunDir)); err != nil {
		t.Fatal(err)
	}
	for _, stage := range state.Stages {
		o := g.options(t)
		o.Power = p
		b := boot.New(o)
		errs = append(errs, b.Run(t.Context(), stage)...)
	}
	return errs
}

func TestARebootIsMadeOnceAndWhenAllIsRecorded(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\npackages: [kernel]\npackage_reboot_if_required: true\nruncmd: [\"true\"]\n"))
	g.Answer("dnf needs-restarting", host.Result{Exit: 1, Stdout: "Reboot is required to fully utilize these updates.\n"}, nil)
	p := &powertest.Fake{Before: func() {
		for _, file := range []string{state.RunDir + "/result.json", "/var/lib/cloud/instance/sem/config_package_update_upgrade_install", "/var/lib/cloud/instance/sem/config_scripts_user"} {
			if !g.Exists(file) {
				t.Errorf("%s is not there at the reboot", file)
			}
		}
	}}
	if errs := g.bootWith(t, p); len(errs) > 0 || len(p.Applied) != 1 || p.Applied[0] != (power.Change{Mode: power.Reboot}) {
		t.Errorf("%v, %v", p.Applied, errs)
	}
	installs := func() int {
		return len(slices.DeleteFunc(g.Lines(), func(line string) bool { return !strings.HasSuffix(line, "install kernel") }))
	}
	if errs := g.bootWith(t, p); len(errs) > 0 || len(p.Applied) != 1 || installs() != 1 {
		t.Errorf("at the second boot: %v, %d installs, %v", p.Applied, installs(), errs)
	}
	if err := os.RemoveAll(filepath.Join(g.Dir, "/var/lib/cloud")); err != nil {
		t.Fatal(err)
	}
	p.Fail = errors.New("it does not end")
	if errs := g.bootWith(t, p); len(errs) != 1 || errs[0].Error() != "it does not end" {
		t.Errorf("a reboot that fails is told by %v", errs)
	}
	for _, file := range []string{"status.json", "result.json"} {
		if text := g.Text(t, state.RunDir+"/"+file); !strings.Contains(text, "it does not end") {
			t.Errorf("%s says nothing of it: %s", file, text)
		}
	}
}

func TestPowerStateChangesAtTheEndOfTheFirstBootAlone(t *testing.T) {
	t.Parallel()
	reboot := power.Change{Mode: power.Reboot, When: "now"}
	for name, row := range map[string]struct {
		userData string
		failing  bool // the script of runcmd
		want     []power.Change
		warning  string // in the status
	}{
		"a reboot":                                {userData: "power_state: {mode: reboot}\n", want: []power.Change{reboot}},
		"a reboot whatever failed":                {userData: "power_state: {mode: reboot}\n", failing: true, want: []power.Change{reboot}},
		"a reboot on success":                     {userData: "power_state: {mode: reboot, condition: success}\n", want: []power.Change{reboot}},
		"none where something failed":             {userData: "power_state: {mode: reboot, condition: success}\n", failing: true},
		"one only, though packages need one too":  {userData: "packages: [kernel]\npackage_reboot_if_required: true\npower_state: {mode: poweroff}\n", want: []power.Change{{Mode: power.PowerOff, When: "now"}}},
		"that of packages where the other is not": {userData: "packages: [kernel]\npackage_reboot_if_required: true\npower_state: {mode: poweroff, condition: ['false']}\n", want: []power.Change{{Mode: power.Reboot}}},
		"a condition that cannot be told is in the status": {
			userData: "power_state: {mode: reboot, condition: [odd]}\n",
			warning:  "no reboot: the command of its condition (user-data:2:40) ended with exit code 7: expected 0 or 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\n"+row.userData+"runcmd: [a]\n"))
			g.Answer("dnf needs-restarting", host.Result{Exit: 1, Stdout: "Reboot is required\n"}, nil)
			g.Answer("false", host.Result{Exit: 1}, nil)
			g.Answer("odd", host.Result{Exit: 7}, nil)
			if row.failing {
				g.Answer(runsRuncmd, host.Result{Exit: 1}, nil)
			}
			p := &powertest.Fake{Before: func() {
				for _, file := range []string{state.RunDir + "/result.json", "/var/lib/cloud/instance/sem/config_power_state_change", "/var/lib/cloud/instance/boot-finished"} {
					if !g.Exists(file) {
						t.Errorf("%s is not there when the power state changes", file)
					}
				}
			}}
			errs := g.bootWith(t, p)
			if (len(errs) > 0) != row.failing {
				t.Errorf("errors: %v", errs)
			}
			if diff := cmp.Diff(row.want, p.Applied); diff != "" {
				t.Error(diff)
			}
			status, err := state.New(g.Host).Status()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(status.Stages[state.StageFinal].RecoverableErrors["WARNING"], "\n"); got != row.warning {
				t.Errorf("the status warns %q, want %q", got, row.warning)
			}
			p.Applied = nil
			if errs := g.bootWith(t, p); len(errs) > 0 || len(p.Applied) > 0 {
				t.Errorf("at the second boot: %v, errors %v", p.Applied, errs)
			}
		})
	}
}

func TestPowerStateByHandIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\npower_state: {mode: halt, delay: 2}\n"))
	g.boot(t)
	o, p := g.options(t), &powertest.Fake{}
	o.Power = p
	r, err := boot.New(o).Single(t.Context(), "power-state-change", state.Always, nil)
	if err != nil || r.Result != boot.ResultOK {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := cmp.Diff([]power.Change{{Mode: power.Halt, When: "+2"}}, p.Applied); diff != "" {
		t.Error(diff)
	}
}
