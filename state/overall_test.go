package state_test

import (
	"context"
	"testing"
	"time"

	"cloudseed/state"
)

func TestOverall(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, s *state.Store) {
		must(t, s.Enable())
		must(t, s.BeginBoot())
		must(t, s.BeginStage(state.StageLocal))
	}
	tests := []struct {
		name     string
		cmdline  string
		setUp    func(t *testing.T, s *state.Store)
		word     state.Word
		extended string
		code     string
		exit     int
		over     bool
	}{
		{
			name: "before the first stage it is not started", setUp: func(*testing.T, *state.Store) {},
			word: state.NotStarted, extended: "not started", code: "unknown",
		},
		{
			name: "a container's variable disables it", cmdline: "/sbin/init KERNEL_CMDLINE=cloud-init=disabled", setUp: func(*testing.T, *state.Store) {},
			word: state.Disabled, extended: "disabled", code: "disabled-by-environment-variable", over: true,
		},
		{
			name: "it runs until there is a result", setUp: begin,
			word: state.Running, extended: "running", code: "enabled-by-generator",
		},
		{
			name: "a good end is done", setUp: func(t *testing.T, s *state.Store) {
				begin(t, s)
				must(t, s.EndStage(state.StageLocal, state.End{}))
				must(t, s.Finish())
			},
			word: state.Finished, extended: "done", code: "enabled-by-generator", over: true,
		},
		{
			name: "a warning makes it degraded", setUp: func(t *testing.T, s *state.Store) {
				begin(t, s)
				must(t, s.EndStage(state.StageLocal, state.End{Recoverable: map[string][]string{"WARNING": {"w"}}}))
				must(t, s.Finish())
			},
			word: state.Finished, extended: "degraded done", code: "enabled-by-generator", exit: 2, over: true,
		},
		{
			name: "an error is an error once it is over", setUp: func(t *testing.T, s *state.Store) {
				begin(t, s)
				must(t, s.EndStage(state.StageLocal, state.End{Errors: []string{"e"}, Recoverable: map[string][]string{"ERROR": {"e"}}}))
				must(t, s.Finish())
			},
			word: state.Failed, extended: "error - done", code: "enabled-by-generator", exit: 1, over: true,
		},
		{
			name: "an error before the end shows while it runs", setUp: func(t *testing.T, s *state.Store) {
				begin(t, s)
				must(t, s.EndStage(state.StageLocal, state.End{Errors: []string{"e"}}))
			},
			word: state.Failed, extended: "error - running", code: "enabled-by-generator", exit: 1,
		},
		{
			name: "without a seed it is disabled, so that nobody waits",
			setUp: func(t *testing.T, s *state.Store) {
				begin(t, s)
				must(t, s.Disable("no seed was found"))
			},
			word: state.Disabled, extended: "disabled", code: "disabled-by-generator", over: true,
		},
		{
			name: "the kernel's command line disables it", cmdline: "ro cloud-init=disabled quiet", setUp: begin,
			word: state.Disabled, extended: "disabled", code: "disabled-by-kernel-command-line", over: true,
		},
		{
			name: "a word that only begins so does not", cmdline: "cloud-init=disabled-not", setUp: begin,
			word: state.Running, extended: "running", code: "enabled-by-generator",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			test.setUp(t, s)
			got, err := s.Overall(test.cmdline)
			must(t, err)
			if got.Word != test.word || got.Extended() != test.extended || got.BootStatusCode != test.code {
				t.Errorf("got %q, %q, %q; want %q, %q, %q", got.Word, got.Extended(), got.BootStatusCode, test.word, test.extended, test.code)
			}
			if got.ExitCode() != test.exit || got.Over() != test.over {
				t.Errorf("exit code %d, over %v; want %d, %v", got.ExitCode(), got.Over(), test.exit, test.over)
			}
		})
	}
}

func TestTheMarkerFileDisables(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	m.Put(t, "/etc/cloud/cloud-init.disabled", "")
	if got, err := s.Overall(""); err != nil || got.BootStatusCode != "disabled-by-marker-file" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWaitEndsWithTheBootOrTheContext(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	must(t, s.BeginBoot())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	ticks := 0
	if _, err := s.Wait(ctx, "", state.DefaultPace, func() { ticks++ }); err == nil || ticks == 0 {
		t.Errorf("error %v after %d ticks", err, ticks)
	}
	must(t, s.Finish())
	if got, err := s.Wait(t.Context(), "", state.DefaultPace, func() {}); err != nil || got.Word != state.Finished {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCleanKeepsSeedsUnlessTheyAreToGo(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	become(t, s, "i-1")
	m.Put(t, "/var/lib/cloud/seed/nocloud/meta-data", "")
	must(t, s.Clean(false))
	if m.Exists("/var/lib/cloud/instances") || !m.Exists("/var/lib/cloud/seed/nocloud/meta-data") {
		t.Error("the instance is still there, or the seed is not")
	}
	must(t, s.Clean(true))
	if m.Exists("/var/lib/cloud/seed") {
		t.Error("the seed is still there")
	}
	must(t, s.Clean(true))
}
