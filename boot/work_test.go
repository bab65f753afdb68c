package boot_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

func TestWorkThatTakesLongIsShown(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nruncmd: [a]\n"))
	for _, stage := range state.Stages[:3] {
		g.run(t, stage)
	}
	look := func() *state.Work {
		o, err := state.New(g.Host).Overall("")
		if err != nil {
			t.Fatal(err)
		}
		return o.Running
	}
	begun := time.Time{}
	g.On(runsRuncmd, func(host.Command) {
		begun = time.Now()
		time.Sleep(time.Second)
		if w := look(); w != nil {
			t.Errorf("after a second the status has %v", w)
		}
		time.Sleep(65 * time.Second)
		if w := look(); w == nil || w.Module != "scripts_user" || w.Stage != state.StageFinal || w.Since.IsZero() || w.Doing != "running runcmd.sh" {
			t.Errorf("after a minute the status has %v", w)
		}
	})
	synctest.Test(t, func(t *testing.T) { g.run(t, state.StageFinal) })
	if begun.IsZero() {
		t.Fatal("nothing ran")
	}
	if w := look(); w != nil || g.Exists(state.RunDir+"/running.json") {
		t.Errorf("when all is over, the status has %v", w)
	}
	want := "cloudseed: scripts_user has been at work for 32s: running runcmd.sh\ncloudseed: scripts_user has been at work for 1m2s: running runcmd.sh\n"
	if got := g.console.String(); !strings.Contains(got, want) {
		t.Errorf("the console has %q", got)
	}
}
