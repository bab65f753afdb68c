package boot_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// The steps that a boot takes, as its status has them.
func TestABootTakesTheStepsWhoseConditionsHold(t *testing.T) {
	t.Parallel()
	mode := func(mode, userData string) seed.Files {
		return seed.NoCloud("i-1", userData).With("meta-data", "instance-id: i-1\ndsmode: "+mode+"\n")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "#cloud-config\n{}\n") }))
	t.Cleanup(server.Close)
	const later = "modules-config: resume-instance read-user-data await-network config-modules\n" +
		"modules-final: resume-instance read-user-data final-modules\n"
	for name, c := range map[string]struct {
		seed seed.Files
		want string
	}{
		"with dsmode net the network stage runs the init modules": {
			mode("net", "#cloud-config\n{}\n"),
			"init-local: config-url find-seed inject-files become-instance read-user-data begin-early early-hostname network choose-stage\n" +
				"init: config-url resume-instance addresses read-user-data network apply-user-data init-modules\n" + later,
		},
		"with dsmode local the local stage runs the init modules": {
			mode("local", "#cloud-config\n{}\n"),
			"init-local: config-url find-seed inject-files become-instance read-user-data begin-early early-hostname network choose-stage apply-user-data init-modules\n" +
				"init: config-url resume-instance addresses read-user-data network\n" + later,
		},
		"what is included from the network keeps host keys and init modules for the network stage": {
			mode("local", "#include\n"+server.URL+"\n"),
			"init-local: config-url find-seed inject-files become-instance read-user-data early-hostname network choose-stage\n" +
				"init: await-network config-url resume-instance addresses read-user-data network apply-user-data init-modules\n" + later,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, c.seed)
			g.boot(t)
			if got := stepsTaken(t, g); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestAMachineWithoutASeedTakesOnlyTheStepsOfOne(t *testing.T) {
	t.Parallel()
	g := newGuest(t, nil)
	o := g.options(t)
	o.Seed = ""
	boot.New(o).RunAll(t.Context())
	if got, want := stepsTaken(t, g), "init-local: config-url find-seed network-without-seed\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Of a seed that cannot be used nothing comes any more: who waits is told by the first stage.
func TestABootIsOverAfterAFirstStageThatRefusesASeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files    map[string]string
		finished bool
	}{
		"there is no seed": {finished: false},
		"its metadata names a place that cannot be read": {files: map[string]string{"meta-data": "seedfrom: gopher://a/\n", "user-data": ""}, finished: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, nil)
			for file, content := range c.files {
				g.Put(t, "/var/lib/cloud/seed/nocloud/"+file, content)
			}
			o := g.options(t)
			o.Seed = ""
			errs := boot.New(o).Run(t.Context(), state.StageLocal)
			if finished := g.Exists(state.RunDir + "/result.json"); finished != c.finished || (len(errs) > 0) != c.finished {
				t.Errorf("result.json: %v, errors: %v, want %v", finished, errs, c.finished)
			}
		})
	}
}

// A machine may be its own seed.
func TestAMachineThatAsksForNoSeedIsConfiguredByItsOwnFiles(t *testing.T) {
	t.Parallel()
	g := newGuest(t, nil)
	g.seed = ""
	g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", "datasource_list: [None]\ndatasource: {None: {metadata: {local-hostname: golden}, userdata_raw: '#!/bin/sh'}}\n"+
		"write_files: [{path: /etc/written, content: x}]\n")
	r := g.boot(t)
	if len(r.Errors)+len(r.Warnings) > 0 || r.InstanceID != "iid-datasource-none" || r.Datasource != "None" {
		t.Errorf("it is %+v", r)
	}
	if g.Text(t, "/etc/written") != "x" || g.Text(t, "/etc/hostname") != "golden\n" || !g.Exists("/var/lib/cloud/instance/scripts/part-001") {
		t.Error("its files, its metadata or its user data were not applied")
	}
	if err := g.Remove("/etc/written"); err != nil {
		t.Fatal(err)
	}
	if r := g.boot(t); len(r.Errors)+len(r.Warnings) > 0 || g.Exists("/etc/written") {
		t.Errorf("the second boot is another instance's: %+v", r)
	}
}

// stepsTaken are the steps in the status, a line for each stage that took any.
func stepsTaken(t *testing.T, g *guest) string {
	t.Helper()
	status, err := state.New(g.Host).Status()
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, stage := range state.Stages {
		var names []string
		for _, s := range status.Stages[stage].Steps {
			names = append(names, path.Base(s.Name))
		}
		if len(names) > 0 {
			lines.WriteString(stage + ": " + strings.Join(names, " ") + "\n")
		}
	}
	return lines.String()
}
