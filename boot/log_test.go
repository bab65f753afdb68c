package boot_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/bootlog/events"
	"cloudseed/state"
)

// logged is the log of a boot, with all that host logs of files and commands.
func logged(t *testing.T, g *guest) string {
	t.Helper()
	var log bytes.Buffer
	for _, stage := range state.Stages {
		o := g.options(t)
		o.Log, o.Warnings = bootlog.New(bootlog.Handler{File: &log, Level: slog.LevelDebug})
		if errs := boot.New(o).Run(t.Context(), stage); len(errs) > 0 {
			t.Errorf("%s: %v", stage, errs)
		}
	}
	return log.String() + g.Logged()
}

// Test suites and administrators look for these words after a boot in which all went well. Two
// are in what cloud-init says too: how many modules failed, and a module's name.
func TestTheLogOfACleanBootHasNoWordThatLooksLikeAFault(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]string{"in the local stage": "local", "in the network stage": "net"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := logged(t, newGuest(t, busySeed(mode)))
			if !strings.Contains(log, "with 0 failures") {
				t.Errorf("the log does not say that no module failed:\n%s", log)
			}
			for line := range strings.Lines(strings.NewReplacer("with 0 failures", "", "write_files_deferred", "").Replace(log)) {
				if found := regexp.MustCompile(`(?i)err|fail|warn|critical|traceback|unexpected`).FindString(line); found != "" {
					t.Errorf("%q in %s", found, line)
				}
			}
		})
	}
}

// cloud-init's "analyze", which test/differential runs too, reads these.
func TestTheLogHasTheEventsOfStagesAndModules(t *testing.T) {
	t.Parallel()
	list, skipped, err := events.Read(strings.NewReader(logged(t, newGuest(t, busySeed("net")))))
	if err != nil || skipped > 0 {
		t.Fatalf("%d lines look like events and are none, %v", skipped, err)
	}
	began, ended := map[string]bool{}, map[string]string{}
	for _, e := range list {
		if e.Finish && !began[e.Name] {
			t.Errorf("%s ended and never began", e.Name)
		}
		began[e.Name] = true
		if e.Finish {
			ended[e.Name] = e.Result
		}
	}
	for _, name := range []string{
		"init-local", "init-network", "modules-config", "modules-final",
		"init-network/config-users_groups", "modules-config/config-runcmd", "modules-final/config-final_message",
	} {
		if ended[name] != "SUCCESS" {
			t.Errorf("%s ended with %q", name, ended[name])
		}
	}
	if len(began) != len(ended) {
		t.Errorf("began: %d, ended: %d", len(began), len(ended))
	}
}

// The words are cloud-init's: scripts look for them.
func TestTheLogSaysWhatScriptsLookFor(t *testing.T) {
	t.Parallel()
	log := logged(t, newGuest(t, busySeed("net").With("network-config", static2("192.0.2.3/24"))))
	for _, want := range []string{
		` - banner\.go\[INFO\]: Cloud-init v\. 26\.2-1 running 'init-local' at \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\. Up [0-9.]+ seconds\.\n`,
		`Cloud-init v\. 26\.2-1 running 'init' at `,
		`Cloud-init v\. 26\.2-1 running 'modules:config' at `,
		`Cloud-init v\. 26\.2-1 running 'modules:final' at `,
		`Cloud-init v\. 26\.2-1 finished at .*\. Datasource DataSource`,
		`Selected renderer 'network-manager' from priority list: \['network-manager', 'sysconfig'`,
		`Skipping modules '[a-z_,]+' because no applicable config is provided\.\n`,
		`Ran \d+ modules with 0 failures\n`,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("no line has %s", want)
		}
	}
	if t.Failed() {
		lines := slices.Collect(strings.Lines(log))
		t.Logf("the log:\n%s", strings.Join(lines, ""))
	}
}
