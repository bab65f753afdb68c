package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudseed/host"
)

// Units are those of the stages, in their order.
var Units = []string{"cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service"}

// Pace is how often a wait for the end of the boot looks, and how often it asks systemd.
type Pace struct{ Look, Ask time.Duration }

// DefaultPace is that of the command.
var DefaultPace = Pace{Look: 250 * time.Millisecond, Ask: time.Second}

// Wait waits until the boot is over, the context is, or nothing will come any more: the
// error then says why. It looks from time to time, and calls tick each time: the files may
// not exist yet, so there is nothing of which the kernel could tell.
//
// Difference from cloud-init: where the units do not run and are not going to, it waits for
// ever.
func (s *Store) Wait(ctx context.Context, cmdline string, pace Pace, tick func()) (Overall, error) {
	look, ask := time.NewTicker(pace.Look), time.NewTicker(pace.Ask)
	defer look.Stop()
	defer ask.Stop()
	for {
		o, err := s.Overall(cmdline)
		if err != nil || o.Over() {
			return o, err
		}
		tick()
		select {
		case <-ctx.Done():
			return o, context.Cause(ctx)
		case <-look.C:
		case <-ask.C:
			why := s.nothingComes(ctx)
			if why == nil {
				continue
			}
			// It may have ended while systemd was asked.
			if o, err = s.Overall(cmdline); err == nil && !o.Over() {
				err = why
			}
			return o, err
		}
	}
}

// Stopped is how the boot stands by what systemd says too: one that began, did not come to
// its end and is not going on is an error.
func (s *Store) Stopped(ctx context.Context, o Overall) Overall {
	if o.Over() || o.Status == nil {
		return o
	}
	why := s.nothingComes(ctx)
	if why == nil || errors.Is(why, errNoSystemd) {
		return o
	}
	o.Word, o.going = Failed, false
	o.Errors = append(o.Errors, why.Error())
	return o
}

var errNoSystemd = errors.New("no stage of the boot runs, and none will: systemd does not run here")

// nothingComes is why no stage runs and none is going to; nil while one may.
func (s *Store) nothingComes(ctx context.Context) error {
	if s.host.Locked(LockFile) {
		return nil // a stage, or somebody by hand
	}
	units, err := s.host.Units().States(ctx, Units...)
	if errors.Is(err, host.ErrNotBooted) {
		return errNoSystemd
	}
	if err != nil {
		return nil // it may be too early to ask: the wait goes on
	}
	var failed, names []string
	for _, unit := range units {
		switch {
		case unit.Job || slices.Contains([]string{"activating", "reloading", "deactivating"}, unit.Active):
			return nil
		case unit.Active == "failed":
			failed = append(failed, fmt.Sprintf("%s failed (%s)", unit.Name, unit.Result))
			names = append(names, "-u "+unit.Name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("the boot did not come to its end: %s; see journalctl -b %s", strings.Join(failed, ", "), strings.Join(names, " "))
	}
	return fmt.Errorf("no stage of the boot runs, and systemd has none to start; are the units enabled? see systemctl status %s", Units[0])
}
