package boot_test

import (
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// A module that does nothing of what it is asked for is not ok: the report, the status, the log
// and the change log say why.
func TestAModuleThatDoesNothingOfWhatItIsAskedForIsSkipped(t *testing.T) {
	t.Parallel()
	const why = "no keys are imported on this system unless unverified_modules lists ssh_import_id"
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nssh_import_id: [gh:alice]\n"))
	g.Put(t, "/etc/cloud/cloud.cfg.d/10-user.cfg", "users: [default]\nsystem_info: {default_user: {name: cloud-user}}\n")
	b := boot.New(g.options(t))
	b.RunAll(t.Context())
	if got := results(b.Report())["ssh_import_id"]; got != "skipped: "+why {
		t.Errorf("its result is %q", got)
	}
	if got := results(b.Report())["locale"]; got != boot.ResultOK {
		t.Errorf("the result of a module that is asked for nothing is %q", got)
	}
	status, err := state.New(g.Host).Status()
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	for _, stage := range status.Stages {
		told += strings.Join(stage.Notes, "\n")
	}
	if !strings.Contains(told, "ssh_import_id.0: "+why) {
		t.Errorf("the status has the notes %q", told)
	}
	recorded := false
	for _, e := range g.Effects() {
		recorded = recorded || e.Kind == host.KindSkipped && e.Module == "ssh_import_id" && e.Value == why
	}
	if !recorded {
		t.Error("the change log does not have it")
	}

	// Nothing was done, so it is not done once for all.
	g.Put(t, "/etc/cloud/cloud.cfg.d/99-import.cfg", "unverified_modules: [ssh_import_id]\n")
	again := boot.New(g.options(t))
	again.RunAll(t.Context())
	if got := results(again.Report())["ssh_import_id"]; got != boot.ResultFailed { // there is no network to import by
		t.Errorf("after it is allowed, its result is %q", got)
	}
}
