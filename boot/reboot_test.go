package boot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

func TestARebootIsMadeOnceAndWhenAllIsRecorded(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\npackages: [kernel]\npackage_reboot_if_required: true\nruncmd: [\"true\"]\n"))
	g.Answer("dnf needs-restarting", host.Result{Exit: 1, Stdout: "Reboot is required to fully utilize these updates.\n"}, nil)
	reboots := 0
	run := func(end error) (errs []error) {
		if err := os.RemoveAll(filepath.Join(g.Dir, state.RunDir)); err != nil {
			t.Fatal(err)
		}
		for _, stage := range state.Stages {
			b := g.agent(t)
			b.Options.Reboot = func(context.Context) error {
				reboots++
				for _, file := range []string{state.RunDir + "/result.json", "/var/lib/cloud/instance/sem/config_package_update_upgrade_install", "/var/lib/cloud/instance/sem/config_scripts_user"} {
					if !g.Exists(file) {
						t.Errorf("%s is not there at the reboot", file)
					}
				}
				return end
			}
			errs = append(errs, b.Run(t.Context(), stage)...)
		}
		return errs
	}
	if errs := run(nil); len(errs) > 0 || reboots != 1 {
		t.Errorf("%d reboots, %v", reboots, errs)
	}
	installs := func() int {
		return len(slices.DeleteFunc(g.Lines(), func(line string) bool { return !strings.HasSuffix(line, "install kernel") }))
	}
	if errs := run(nil); len(errs) > 0 || reboots != 1 || installs() != 1 {
		t.Errorf("at the second boot: %d reboots, %d installs, %v", reboots, installs(), errs)
	}
	if err := os.RemoveAll(filepath.Join(g.Dir, "/var/lib/cloud")); err != nil {
		t.Fatal(err)
	}
	if errs := run(errors.New("it does not end")); len(errs) != 1 || !strings.Contains(errs[0].Error(), "cannot reboot: it does not end") {
		t.Errorf("a reboot that fails is told by %v", errs)
	}
}
