package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
)

// Booted tells whether systemd runs this machine, so that units can be asked for.
func (h *Host) Booted() bool { return h.IsLive() && h.Exists("/run/systemd/system") }

// Units are the machine's systemd units.
type Units struct{ h *Host }

// Units returns the machine's systemd units.
func (h *Host) Units() Units { return Units{h} }

// Active tells whether a unit is running. Where systemd does not run, none is.
func (u Units) Active(ctx context.Context, unit string) (bool, error) {
	if !u.h.Booted() {
		return false, nil
	}
	// systemd's private socket: it is there before the system bus is.
	conn, err := dbus.NewSystemdConnectionContext(ctx)
	if err != nil {
		return false, fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer conn.Close()
	states, err := conn.ListUnitsByNamesContext(ctx, []string{unit})
	if err != nil {
		// EL7's systemd 219 has no ListUnitsByNames.
		property, err := conn.GetUnitPropertyContext(ctx, unit, "ActiveState")
		if err != nil {
			return false, fmt.Errorf("cannot ask for the state of %s: %w", unit, err)
		}
		return property.Value.Value() == "active", nil
	}
	return len(states) == 1 && states[0].ActiveState == "active", nil
}

// Restart restarts a unit if it runs, and waits for that. Units that wait for
// this boot stage are not waited for in turn: mode ignore-dependencies. Where systemd
// does not run, and in an image's root, nothing runs that could be restarted.
func (u Units) Restart(ctx context.Context, unit string) error {
	if !u.h.Booted() {
		return nil
	}
	start := time.Now()
	err := tryRestart(ctx, unit)
	e := Effect{Kind: KindUnit, Argv: []string{"restart", unit}, DurationMS: time.Since(start).Milliseconds()}
	if err != nil {
		err = fmt.Errorf("cannot restart %s: %w", unit, err)
		e.Error = err.Error()
	}
	u.h.note(e)
	return err
}

func tryRestart(ctx context.Context, unit string) error {
	return job(ctx, func(conn *dbus.Conn, done chan<- string) error {
		_, err := conn.TryRestartUnitContext(ctx, unit, "ignore-dependencies", done)
		return err
	})
}

// Start starts a unit with all that it needs, and waits until it runs: a unit that is active
// already is not touched. Where systemd does not run, and in an image's root, nothing is
// started.
func (u Units) Start(ctx context.Context, unit string) error {
	start, began := u.h.startUnit, time.Now()
	if start == nil {
		if !u.h.Booted() {
			return nil
		}
		start = startUnit
	}
	err := start(ctx, unit)
	e := Effect{Kind: KindUnit, Argv: []string{"start", unit}, DurationMS: time.Since(began).Milliseconds()}
	if err != nil {
		err = fmt.Errorf("cannot start %s: %w", unit, err)
		e.Error = err.Error()
	}
	u.h.note(e)
	return err
}

func startUnit(ctx context.Context, unit string) error {
	return job(ctx, func(conn *dbus.Conn, done chan<- string) error {
		_, err := conn.StartUnitContext(ctx, unit, "replace", done)
		return err
	})
}

// job has systemd do something, and waits until it is done.
func job(ctx context.Context, ask func(conn *dbus.Conn, done chan<- string) error) error {
	conn, err := dbus.NewSystemdConnectionContext(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer conn.Close()
	done := make(chan string, 1)
	if err := ask(conn, done); err != nil {
		return err
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("the job ended as %q", result)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Enabled tells whether systemd starts a unit at boot: whether something wants it.
// It is read from the links, since systemd may not run, or be that of another root. One
// that is masked, which is a link to nothing, is not started whoever wants it.
func (u Units) Enabled(unit string) bool {
	if to, err := u.h.Readlink("/etc/systemd/system/" + unit); err == nil && to == os.DevNull {
		return false
	}
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		wants, err := u.h.Glob(dir + "/*.wants")
		if err != nil {
			continue // no such directory: nothing there wants it
		}
		for _, by := range wants {
			if _, err := u.h.Lstat(by + "/" + unit); err == nil {
				return true
			}
		}
	}
	return false
}

// UnitState is how a unit stands with systemd.
type UnitState struct {
	Name   string
	Active string // "active", "activating", "inactive", "failed", …
	Result string // why it failed: "exit-code", "signal", "oom-kill", …
	Job    bool   // systemd has still to start or stop it
}

// ErrNotBooted says that systemd does not run this machine.
var ErrNotBooted = errors.New("systemd does not run here")

// States asks systemd for units, which any user may. The error is ErrNotBooted where it
// does not run.
func (u Units) States(ctx context.Context, units ...string) ([]UnitState, error) {
	if u.h.units != nil {
		return u.h.units(ctx, units...)
	}
	if !u.h.Booted() {
		return nil, ErrNotBooted
	}
	connect := dbus.NewSystemdConnectionContext
	if os.Geteuid() != 0 {
		connect = dbus.NewSystemConnectionContext // systemd's own socket is root's
	}
	conn, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer conn.Close()
	var states []UnitState
	for _, unit := range units {
		// One by one: EL7's systemd 219 has no ListUnitsByNames.
		properties, err := conn.GetAllPropertiesContext(ctx, unit)
		if err != nil {
			return nil, fmt.Errorf("cannot ask for the state of %s: %w", unit, err)
		}
		state := UnitState{Name: unit}
		state.Active, _ = properties["ActiveState"].(string)
		state.Result, _ = properties["Result"].(string)
		if job, ok := properties["Job"].([]any); ok && len(job) > 0 {
			number, _ := job[0].(uint32) // 0: none
			state.Job = number != 0
		}
		states = append(states, state)
	}
	return states, nil
}
