package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"
)

// pace is a wait that does not make the tests slow.
var pace = state.Pace{Look: time.Millisecond, Ask: 2 * time.Millisecond}

func units(standing ...string) map[string]host.UnitState {
	all := map[string]host.UnitState{}
	for i, active := range standing {
		all[state.Units[i]] = host.UnitState{Active: active, Result: "success"}
	}
	return all
}

// TestAWaitForTheEndOfTheBootAlwaysEnds has guests whose boot never comes to its end.
func TestAWaitForTheEndOfTheBootAlwaysEnds(t *testing.T) {
	t.Parallel()
	killed := units("active", "active", "active", "failed")
	killed["cloud-final.service"] = host.UnitState{Active: "failed", Result: "signal"}
	for name, row := range map[string]struct {
		prepare func(t *testing.T, m *hosttest.Machine, s *state.Store)
		units   map[string]host.UnitState
		want    string
	}{
		"a machine that was never set up": {nil, units("inactive", "inactive", "inactive", "inactive"), "systemd has none to start"},
		"no systemd":                      {nil, nil, "systemd does not run here"},
		"the final stage was killed": {func(t *testing.T, _ *hosttest.Machine, s *state.Store) {
			must(t, s.BeginBoot())
			must(t, s.BeginStage(state.StageFinal))
		}, killed, "cloud-final.service failed (signal); see journalctl -b -u cloud-final.service"},
		"the local stage failed before it announced itself": {nil, units("failed", "inactive", "inactive", "inactive"), "cloud-init-local.service failed"},
		"the disk was full from the first write on": {func(t *testing.T, m *hosttest.Machine, s *state.Store) {
			m.Guard(func(path string) error {
				if strings.HasPrefix(path, state.CloudDir) {
					return syscall.ENOSPC
				}
				return nil
			})
			if err := s.BeginBoot(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a full disk is not reported: %v", err)
			}
			if !s.Begun() {
				t.Error("the status is not below /run")
			}
		}, units("failed", "inactive", "inactive", "inactive"), "cloud-init-local.service failed"},
		"after clean": {func(t *testing.T, _ *hosttest.Machine, s *state.Store) {
			must(t, s.BeginBoot())
			must(t, s.Finish())
			must(t, s.Clean(false))
		}, units("active", "active", "active", "active"), "systemd has none to start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := open(t)
			m.Units = row.units
			if row.prepare != nil {
				row.prepare(t, m, s)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := s.Wait(ctx, "", pace, func() {})
			if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %s", err, row.want)
			}
		})
	}
}

// A unit may wait early in the boot, when the stages are only queued.
func TestAWaitGoesOnWhileSystemdHasAStageToStart(t *testing.T) {
	t.Parallel()
	queued := units("inactive", "inactive", "inactive", "inactive")
	queued["cloud-init-local.service"] = host.UnitState{Active: "inactive", Job: true}
	for name, standing := range map[string]map[string]host.UnitState{
		"queued":  queued,
		"running": units("active", "activating", "inactive", "inactive"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := open(t)
			m.Units = standing
			ended := make(chan struct{})
			looks := 0
			o, err := s.Wait(t.Context(), "", pace, func() {
				if looks++; looks == 20 { // many times longer than systemd is asked
					go func() {
						defer close(ended)
						must(t, s.BeginBoot())
						must(t, s.Finish())
					}()
				}
			})
			<-ended
			if err != nil || o.Word != state.Finished {
				t.Errorf("%q, %v", o.Word, err)
			}
		})
	}
}

func TestAStageThatRunsAfterErrorsIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	must(t, s.BeginBoot())
	must(t, s.SetDatasource("DataSourceNoCloud [seed=/dev/sr0]"))
	must(t, s.EndStage(state.StageLocal, state.End{Errors: []string{"something failed"}}))
	must(t, s.BeginStage(state.StageNetwork))
	o, err := s.Overall("")
	if err != nil || o.Word != state.Failed || o.Extended() != "error - running" || o.Over() || o.Detail == "" || o.LastUpdate.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
}

// damages are the ways in which a file of the state may be spoiled.
var damages = map[string]func(t *testing.T, at string){
	"empty":     func(t *testing.T, at string) { t.Helper(); must(t, os.WriteFile(at, nil, 0o600)) },
	"truncated": func(t *testing.T, at string) { t.Helper(); must(t, os.Truncate(at, 1)) },
	"garbled":   func(t *testing.T, at string) { t.Helper(); must(t, os.WriteFile(at, []byte("\x00\xff{]"), 0o600)) },
	"a directory": func(t *testing.T, at string) {
		t.Helper()
		must(t, os.RemoveAll(at))
		must(t, os.Mkdir(at, 0o755))
	},
	"a dangling link": func(t *testing.T, at string) {
		t.Helper()
		must(t, os.RemoveAll(at))
		must(t, os.Symlink("nowhere/at/all", at))
	},
}

func TestADamagedStatusIsNoEndOfIt(t *testing.T) {
	t.Parallel()
	for file, sub := range map[string]string{"status.json": "data", "network.json": "data", "result.json": "data"} {
		for name, damage := range damages {
			t.Run(file+" is "+name, func(t *testing.T) {
				t.Parallel()
				s, m := open(t)
				must(t, s.BeginBoot())
				must(t, s.SetNetwork(state.Network{Source: "seed"}))
				must(t, s.Finish())
				damage(t, filepath.Join(m.Dir, state.CloudDir, sub, file))
				if _, err := s.Overall(""); err != nil {
					t.Errorf("status: %v", err)
				}
				// The next boot writes it anew.
				must(t, s.BeginBoot())
				must(t, s.SetNetwork(state.Network{Source: "seed"}))
				must(t, s.Finish())
				if o, err := s.Overall(""); err != nil || o.Word != state.Finished || o.Network == nil {
					t.Errorf("after the next boot: %+v, %v", o, err)
				}
			})
		}
	}
}

func TestADamagedInstanceIDDoesNotLoseTheInstance(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		if name == "truncated" {
			continue // another id, as far as anybody can tell
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := open(t)
			become(t, s, "i-1")
			damage(t, filepath.Join(m.Dir, state.CloudDir, "data/instance-id"))
			if id, err := s.PreviousID(); err != nil || id != "i-1" {
				t.Errorf("it is %q, %v", id, err)
			}
			become(t, s, "i-1") // and it is written anew
			if got := m.Text(t, state.CloudDir+"/data/instance-id"); got != "i-1\n" {
				t.Errorf("got %q", got)
			}
		})
	}
}
