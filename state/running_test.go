package state_test

import (
	"testing"
	"time"

	"cloudseed/host/hosttest"
	"cloudseed/state"
)

func TestWhatRunsIsShownInItsOwnStageAlone(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	s := state.New(m.Host)
	w := state.Work{Module: "scripts_user", Step: "final-modules", Stage: state.StageFinal, Since: time.Unix(1, 0)}
	shown := func() string {
		o, err := s.Overall("")
		must(t, err)
		if o.Running == nil {
			return ""
		}
		return o.Running.String()
	}
	must(t, s.BeginBoot())
	must(t, s.BeginStage(state.StageFinal))
	if got := shown(); got != "" {
		t.Errorf("nothing runs, and %q is shown", got)
	}
	must(t, s.SetRunning(w))
	if got, want := shown(), "modules-final/final-modules/scripts_user, since Thu, 01 Jan 1970 00:00:01 +0000"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	must(t, s.BeginStage(state.StageConfig)) // the final stage was killed
	if got := shown(); got != "" {
		t.Errorf("of a killed stage, %q is shown", got)
	}
	must(t, s.BeginStage(state.StageFinal))
	m.Put(t, state.RunDir+"/running.json", "{")
	if got := shown(); got != "" {
		t.Errorf("of a damaged file, %q is shown", got)
	}
	must(t, s.SetRunning(w))
	must(t, s.NotRunning())
	if got := shown(); got != "" || m.Exists(state.RunDir+"/running.json") {
		t.Errorf("%q is shown, or the file is there", got)
	}
}
