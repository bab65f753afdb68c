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
	if r := b.chosen(ctx, requests); r != nil {
		b.o.Log.Warn(fmt.Sprintf("%s: %s", r.Change, r.Why)) // which who watches the console sees
		if err := b.o.Power.Apply(ctx, r.Change); err != nil {
			b.reports.note(err)
			b.late(err.Error())
		}
	}
}

// chosen is the last request whose condition is met; nil where there is none.
func (b *Boot) chosen(ctx context.Context, requests []power.Request) *power.Request {
	succeeded := b.succeeded()
	for _, r := range slices.Backward(requests) {
		if r.If == nil {
			return &r
		}
		met, err := r.If(ctx, succeeded)
		if b.o.Output != nil {
			err = errors.Join(err, b.o.Output.Close()) // which a command of the condition may have opened
		}
		if err != nil {
			b.o.Log.Warn(fmt.Sprintf("no %s: %v", r.Change, err))
			b.late()
		}
		if met && err == nil {
			return &r
		}
	}
	return nil
}

// succeeded reports whether nothing failed in this boot, nor in an earlier one of this
// instance without having been done since.
func (b *Boot) succeeded() bool {
	o, err := b.store.Overall(b.o.Cmdline)
	return err == nil && len(o.Errors) == 0 && len(o.Earlier) == 0 && len(b.reports.report.Errors) == 0
}

// late records what was reported since the status of the stage was written.
func (b *Boot) late(errs ...string) {
	var warnings map[string][]string
	if b.o.Warnings != nil {
		warnings = b.o.Warnings()
		b.reports.report.Warnings = append(b.reports.report.Warnings, warnings["WARNING"]...)
	}
	if b.stage.name != stageSingle && len(errs)+len(warnings) > 0 {
		b.reports.note(b.store.AddToStage(b.stage.name, errs, warnings))
	}
}
