package state_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T) (*state.Store, *hosttest.Machine) {
	t.Helper()
	m := hosttest.New(t)
	return state.New(m.Host), m
}

func become(t *testing.T, s *state.Store, id string) {
	t.Helper()
	if err := s.Become(state.Instance{ID: id, Datasource: "DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0]"}); err != nil {
		t.Fatal(err)
	}
}

func TestASemaphoreTellsHowWorkStands(t *testing.T) {
	t.Parallel()
	for _, f := range []state.Frequency{state.PerInstance, state.Once} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			become(t, s, "i-1")
			expect := func(want state.Standing) {
				t.Helper()
				if got, err := s.Standing("config_runcmd", f); err != nil || got != want {
					t.Errorf("it stands at %d, %v; want %d", got, err, want)
				}
			}
			expect(state.NotRun)
			must(t, s.Begin("config_runcmd", f))
			expect(state.Interrupted)
			must(t, s.End("config_runcmd", f))
			expect(state.Done)
		})
	}
}

func TestWorkIsDoneOnceWhatItsCommandsWroteIsOnDisk(t *testing.T) {
	t.Parallel()
	flushed := state.NotRun
	var h *host.Host
	h = host.New(t.TempDir(), host.Options{
		Exec: func(context.Context, host.Command) (host.Result, error) { return host.Result{}, nil },
		Sync: func(int) (err error) { // as the next boot would find it
			flushed, err = state.New(h).Standing("config_users_groups", state.PerInstance)
			return err
		},
	})
	s := state.New(h)
	become(t, s, "i-1")
	must(t, s.Begin("config_users_groups", state.PerInstance))
	if _, err := h.Run(t.Context(), host.Command{Argv: []string{"useradd", "ann"}}); err != nil {
		t.Fatal(err)
	}
	must(t, s.End("config_users_groups", state.PerInstance))
	must(t, s.Sync())
	if flushed != state.Interrupted {
		t.Errorf("when what useradd wrote is flushed, the work stands at %d", flushed)
	}
}

func TestAnInstanceThatAPowerCutLeftWithoutItsIDIsNotDamaged(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	become(t, s, "i-1")
	must(t, os.Remove(filepath.Join(m.Dir, state.CloudDir, "data/instance-id"))) // it is written last
	if id, err := s.PreviousID(); id != "i-1" || err != nil {
		t.Errorf("the instance was %q, %v", id, err)
	}
	if damage := s.Damage(); len(damage) > 0 {
		t.Errorf("damaged are %q", damage)
	}
}

func TestWorkThatIsAlwaysDoneHasASemaphoreOfThisBootAlone(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	must(t, s.Begin("config_bootcmd", state.Always))
	must(t, s.End("config_bootcmd", state.Always))
	if got, err := s.Standing("config_bootcmd", state.Always); err != nil || got != state.Done {
		t.Errorf("it stands at %d, %v", got, err)
	}
	if m.Exists("/var/lib/cloud") {
		t.Error("something was kept for the next boot")
	}
	must(t, s.BeginBoot())
	if got, err := s.Standing("config_bootcmd", state.Always); err != nil || got != state.NotRun {
		t.Errorf("in the next boot it stands at %d, %v", got, err)
	}
}

func TestWorkIsDoneForLaterBootsWhenWhatItWroteIsOnDisk(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	become(t, s, "i-1")
	standing := func(s *state.Store, want state.Standing) {
		t.Helper()
		if got, err := s.Standing("config_ssh", state.PerInstance); err != nil || got != want {
			t.Errorf("it stands at %d, %v, want %d", got, err, want)
		}
	}
	must(t, s.Begin("config_ssh", state.PerInstance))
	must(t, s.End("config_ssh", state.PerInstance))
	standing(s, state.Done)
	standing(state.New(m.Host), state.Interrupted) // as after a power cut
	must(t, s.Sync())
	standing(s, state.Done)
	standing(state.New(m.Host), state.Done)
}

func TestAStepIsOnDiskBeforeItIsDone(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	become(t, s, "i-1")
	must(t, s.Sync())
	before := m.Syncs()
	steps := s.Steps("config_scripts_user", state.PerInstance)
	must(t, steps.Begin("one"))
	if got := m.Syncs() - before; got != 1 {
		t.Errorf("a step that begins syncs %d times", got)
	}
	must(t, steps.End("one"))
	must(t, steps.Begin("two"))
	if got := m.Syncs() - before; got != 2 {
		t.Errorf("the next step does not sync once for the end of one and the begin of the other, but %d times", got-1)
	}
}

func TestSemaphoresHaveCloudInitsNamesAndWords(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	become(t, s, "i-1")
	must(t, s.Begin("config_set-passwords", state.PerInstance))
	must(t, s.End("config_set-passwords", state.PerInstance))
	must(t, s.Sync())
	text := m.Text(t, "/var/lib/cloud/instances/i-1/sem/config_set_passwords")
	if pid, rest, ok := strings.Cut(text, ": "); !ok || pid == "" || !strings.HasSuffix(rest, "\n") || !strings.Contains(rest, ".") {
		t.Errorf("it says %q", text)
	}
}

func TestANewInstanceHasSemaphoresOfItsOwn(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	become(t, s, "i-1")
	must(t, s.Begin("config_ssh", state.PerInstance))
	must(t, s.End("config_ssh", state.PerInstance))
	become(t, s, "i-2")
	if got, err := s.Standing("config_ssh", state.PerInstance); err != nil || got != state.NotRun {
		t.Errorf("for the new one it stands at %d, %v", got, err)
	}
}

func TestBecome(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	if id, err := s.PreviousID(); err != nil || id != "" {
		t.Errorf("a new machine was %q, %v", id, err)
	}
	become(t, s, "i-1")
	if got := m.Text(t, "/var/lib/cloud/data/previous-instance-id"); got != "NO_PREVIOUS_INSTANCE_ID\n" {
		t.Errorf("the first instance follows %q", got)
	}
	become(t, s, "a/b")
	for file, want := range map[string]string{
		"/var/lib/cloud/data/instance-id":          "a/b\n",
		"/var/lib/cloud/data/previous-instance-id": "i-1\n",
		"/var/lib/cloud/data/previous-datasource":  "DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0]\n",
		"/var/lib/cloud/instance/datasource":       "DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0]\n",
	} {
		link, err := m.Readlink("/var/lib/cloud/instance")
		if err != nil || link != "/var/lib/cloud/instances/a_b" {
			t.Fatalf("the link leads to %q, %v", link, err)
		}
		file = strings.Replace(file, "/var/lib/cloud/instance/", link+"/", 1)
		if got := m.Text(t, file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	if got := m.Effects(); len(got) != 0 {
		t.Errorf("the agent's own state counts as effects: %+v", got)
	}
}

func TestAnInstanceIDNeverLeadsOutOfItsDirectory(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"..", ".", "", "../../etc", "/", "a/../../b"} {
		if got := state.InstanceDir(id); filepath.Dir(got) != "/var/lib/cloud/instances" || filepath.Base(got) == "instances" {
			t.Errorf("%q leads to %s", id, got)
		}
	}
}

func TestStatusThroughABoot(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	m.Put(t, "/var/lib/cloud/data/result.json", "{}")
	must(t, s.BeginBoot())
	if s.Finished() || !s.Begun() {
		t.Error("the last boot's result is still there, or this one's status is not")
	}
	must(t, s.BeginStage(state.StageLocal))
	must(t, s.SetDatasource("DataSourceNoCloud [seed=/dev/sr0]"))
	must(t, s.EndStage(state.StageLocal, state.End{Errors: []string{"it broke <badly>"}, Recoverable: map[string][]string{"WARNING": {"mind this"}}}))
	must(t, s.Finish())
	if !s.Finished() {
		t.Error("there is no result")
	}

	var file struct {
		V1 map[string]any `json:"v1"`
	}
	text := m.Text(t, "/var/lib/cloud/data/status.json")
	must(t, json.Unmarshal([]byte(text), &file))
	local := file.V1["init-local"].(map[string]any)
	if local["start"] == nil || local["finished"] == nil {
		t.Errorf("no times: %v", local)
	}
	delete(local, "start")
	delete(local, "finished")
	untouched := map[string]any{"errors": []any{}, "recoverable_errors": map[string]any{}, "start": nil, "finished": nil}
	want := map[string]any{
		"datasource": "DataSourceNoCloud [seed=/dev/sr0]", "stage": nil,
		"init-local":     map[string]any{"errors": []any{"it broke <badly>"}, "recoverable_errors": map[string]any{"WARNING": []any{"mind this"}}},
		"init":           untouched,
		"modules-config": untouched,
		"modules-final":  untouched,
	}
	if diff := cmp.Diff(want, file.V1); diff != "" {
		t.Errorf("status.json differs (-want +got):\n%s", diff)
	}
	wantResult := "{\n \"v1\": {\n  \"datasource\": \"DataSourceNoCloud [seed=/dev/sr0]\",\n  \"errors\": [\n   \"it broke <badly>\"\n  ]\n }\n}\n"
	if diff := cmp.Diff(wantResult, m.Text(t, "/var/lib/cloud/data/result.json")); diff != "" {
		t.Errorf("result.json differs (-want +got):\n%s", diff)
	}
}

func TestAStatusThatCannotBeReadIsBegunAnew(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	m.Put(t, "/var/lib/cloud/data/status.json", "{torn")
	if _, err := s.Status(); err == nil {
		t.Error("reading it was no error")
	}
	must(t, s.BeginStage(state.StageFinal))
	if status, err := s.Status(); err != nil || status.Stage == nil || *status.Stage != state.StageFinal {
		t.Errorf("status is %+v, %v", status, err)
	}
}

func TestTheLedgerIsReadBackPastATornLine(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	record := func(path string) {
		l, err := state.OpenLedger(m.Host, "boot-1")
		must(t, err)
		l.SetInstance("i-1")
		l.Record(host.Effect{Kind: host.KindFile, Path: path, Change: host.Added})
		must(t, l.Close())
	}
	record("/etc/a")
	f, err := os.OpenFile(m.Dir+"/var/lib/cloud/data/ledger.jsonl", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"boot":"boot-1","path":"/etc/to`)
	must(t, err)
	must(t, f.Close())
	record("/etc/b")

	entries, err := s.Ledger()
	must(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Boot+" "+e.Instance+" "+e.Path)
	}
	if diff := cmp.Diff([]string{"boot-1 i-1 /etc/a", "boot-1 i-1 /etc/b"}, got); diff != "" {
		t.Errorf("ledger differs (-want +got):\n%s", diff)
	}
	if info, err := m.Stat("/var/lib/cloud/data/ledger.jsonl"); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestFrequenciesAreReadInAllSpellings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]state.Frequency{
		"always": state.Always, "once": state.Once, "instance": state.PerInstance,
		"once-per-instance": state.PerInstance, " Always ": state.Always,
	} {
		if got, err := state.ParseFrequency(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if _, err := state.ParseFrequency("daily"); err == nil {
		t.Error("daily is a frequency")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStepsAreToldApartAndForgotten(t *testing.T) {
	t.Parallel()
	for _, f := range []state.Frequency{state.PerInstance, state.Once} {
		s, _ := open(t)
		become(t, s, "i-1")
		steps := s.Steps("config_scripts_user", f)
		must(t, steps.Begin("a-b"))
		must(t, steps.End("a-b"))
		must(t, steps.Begin("a/b"))
		for step, want := range map[string]state.Standing{"a-b": state.Done, "a_b": state.NotRun, "a/b": state.Interrupted} {
			if got, err := steps.Standing(step); err != nil || got != want {
				t.Errorf("%s: %s stands at %d, %v; want %d", f, step, got, err, want)
			}
		}
		must(t, steps.Forget())
		if got, err := steps.Standing("a-b"); err != nil || got != state.NotRun {
			t.Errorf("%s: after forgetting it stands at %d, %v", f, got, err)
		}
	}
	s, _ := open(t)
	if s.Steps("x", state.Always) != nil {
		t.Error("work that is always done has steps")
	}
}

func TestNumbersThatJSONHasNotAreTextInInstanceData(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	facts := state.Facts{
		Seed:         map[string]any{"meta_data": map[string]any{"a": math.Inf(1), "list": []any{math.NaN(), 1.5}}},
		SystemConfig: map[string]any{"deep": map[string]any{"x": math.Inf(-1)}},
	}
	store := state.New(m.Host)
	must(t, store.WriteInstanceData(facts))
	data, _, err := store.InstanceData(true)
	must(t, err)
	want := map[string]any{"a": "+Inf", "list": []any{"NaN", 1.5}}
	if diff := cmp.Diff(want, data["ds"].(map[string]any)["meta_data"]); diff != "" {
		t.Errorf("the metadata differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"x": "-Inf"}, data["merged_cfg"].(map[string]any)["deep"]); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
}
