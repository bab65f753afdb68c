package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloudseed/guest/power"
	"cloudseed/state"
)

// askPower is how a module asks for a reboot and the like, which is made at the end of the
// boot's last stage, or of a module that is run by hand; nil where none will be.
func (run *runner) askPower() func(power.Request) {
	if run.o.Power == nil || run.stage.name != state.StageFinal && run.stage.name != stageSingle {
		return nil
	}
	return func(r power.Request) { *run.requests = append(*run.requests, r) }
}

// changePower makes the change that a module asked for, if one did: once, whatever was
// asked for, and of several the last one whose condition is met. All is recorded by then:
// the next boot does nothing of this one again.
func (b *Boot) changePower(ctx context.Context) {
	requests := b.requests
	b.requests = nil
	if len(requests) == 0 {
		return
	}
	p := powerChange{o: &b.o, store: b.store, reports: b.reports, stage: b.stage.name}
	if r := p.chosen(ctx, requests); r != nil {
		b.o.Log.Warn(fmt.Sprintf("%s: %s", r.Change, r.Why)) // which who watches the console sees
		if err := b.o.Power.Apply(ctx, r.Change); err != nil {
			b.reports.note(err)
			p.late(err.Error())
		}
	}
}

// powerChange is the change that modules asked for.
type powerChange struct {
	o       *Options
	store   *state.Store
	reports *reports
	stage   string
}

// chosen is the last request whose condition is met; nil where there is none.
func (p powerChange) chosen(ctx context.Context, requests []power.Request) *power.Request {
	succeeded := p.succeeded()
	for _, r := range slices.Backward(requests) {
		if r.If == nil {
			return &r
		}
		met, err := r.If(ctx, succeeded)
		if p.o.Output != nil {
			err = errors.Join(err, p.o.Output.Close()) // which a command of the condition may have opened
		}
		if err != nil {
			p.o.Log.Warn(fmt.Sprintf("no %s: %v", r.Change, err))
			p.late()
		}
		if met && err == nil {
			return &r
		}
	}
	return nil
}

// succeeded reports whether nothing failed in this boot, nor in an earlier one of this
// instance without having been done since.
func (p powerChange) succeeded() bool {
	o, err := p.store.Overall(p.o.Cmdline)
	return err == nil && len(o.Errors) == 0 && len(o.Earlier) == 0 && len(p.reports.report.Errors) == 0
}

// late records what was reported since the status of the stage was written.
func (p powerChange) late(errs ...string) {
	var warnings map[string][]string
	if p.o.Warnings != nil {
		warnings = p.o.Warnings()
		p.reports.report.Warnings = append(p.reports.report.Warnings, warnings["WARNING"]...)
	}
	if p.stage != stageSingle && len(errs)+len(warnings) > 0 {
		p.reports.note(p.store.AddToStage(p.stage, errs, warnings))
	}
}
