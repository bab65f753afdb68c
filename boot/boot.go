// Package boot runs the four stages of a boot in order, and one module by hand.
//
// In come a machine and where its seed may be; out go a configured guest and a
// report of what was done and what went wrong. It knows when each thing happens,
// and never any one module's business.
package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/fetch"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/netconf"
	"cloudseed/printable"
	"cloudseed/state"
)

// Options are what a boot works with. Host and Log must be given.
type Options struct {
	Host     *host.Host
	Log      *slog.Logger
	Warnings func() map[string][]string // messages of warnings and worse since the last call; may be nil
	Ledger   *state.Ledger              // told which instance effects are of; may be nil
	Output   *Output                    // where commands' output goes; may be nil
	Console  io.Writer                  // for people who watch the boot; nil when nobody can
	Terminal io.Writer                  // the machine's own console, for passwords that are for who watches it alone; nil when it has none
	Version  string

	Seed     string   // a device, image file or directory that is the only place to look for a seed; "" looks everywhere
	SeedName string   // what messages call Seed, if not by its path
	Cmdline  string   // the kernel's command line
	Files    []string // further configuration files, over all others (--file)

	Offline bool // there is no network, and there will be none: nothing is asked of it

	// Rehearsal says that this machine only stands in for the guest: what it lacks of
	// programs is no fault of the seed's, and becomes a note of the report.
	Rehearsal bool

	// Power restarts the machine or turns it off, at the end of a boot in which a module
	// asks for it; nil where that cannot be, or must not.
	Power power.Switch

	// Watch is told of stages and modules as they begin and end; may be nil.
	Watch func(Event)

	// Get is how things are fetched; nil: as the client has it. Tests replace it.
	Get     func(ctx context.Context, c *fetch.Client, r fetch.Request) ([]byte, error)
	Devices *netconf.Devices // network devices; nil: the machine's
}

// Event is a stage that begins, or a module that begins or has ended.
type Event struct {
	Stage  string
	Module string        // "" for a stage
	Ended  *ModuleReport // nil: it begins
}

// watched tells who watches.
func (b *Boot) watched(e Event) {
	if b.Watch != nil {
		b.Watch(e)
	}
}

// Boot is one run of one or more stages.
type Boot struct {
	Options
	store  *state.Store
	stage  string
	seed   *datasource.Seed
	fresh  bool // the machine is a new instance
	found  bool // the seed is here and now, not remembered
	inputs *inputs.Reader
	config *config.Config
	report Report

	over bool          // no stage comes after this one
	told map[told]bool // problems that need no second word in this stage

	before   int                 // the errors of the report that are of stages before this one
	warned   map[string][]string // this stage's warnings that are no longer in Options.Warnings
	requests []power.Request     // for a reboot and the like when all is recorded

	takingOver bool // what runs is the work of an earlier stage that did not end
}

// New prepares a boot. Nothing happens until a stage is run.
func New(o Options) *Boot {
	b := &Boot{Options: o, store: state.New(o.Host)}
	b.read()
	return b
}

// Report is what a boot did, for people and programs.
type Report struct {
	Datasource  string         `json:"datasource"`
	Description string         `json:"description"`
	InstanceID  string         `json:"instance_id"`
	Hostname    string         `json:"hostname"`
	Modules     []ModuleReport `json:"modules"`
	Errors      []string       `json:"errors"`
	Warnings    []string       `json:"warnings,omitempty"`
	Notes       []string       `json:"notes,omitempty"` // of a rehearsal: what this machine lacks
}

// ModuleReport is what became of one module.
type ModuleReport struct {
	Name       string          `json:"name"`
	Stage      string          `json:"stage"`
	Frequency  state.Frequency `json:"frequency"`
	Result     Result          `json:"result"`
	DurationMS int64           `json:"duration_ms"`
	Error      string          `json:"error"`
}

// Result says in a word what became of a module.
type Result string

// The results of modules.
const (
	ResultOK          Result = "ok"
	ResultFailed      Result = "failed"
	ResultWarned      Result = "degraded"
	ResultAlreadyRun  Result = "already run"
	ResultNoConfig    Result = "no configuration"
	ResultInterrupted Result = "interrupted"
	ResultUnknown     Result = "unknown"
)

// Report is what the boot did so far.
func (b *Boot) Report() Report {
	r := b.report
	if r.Modules == nil {
		r.Modules = []ModuleReport{}
	}
	if r.Errors == nil {
		r.Errors = []string{}
	}
	return r
}

// sequence is the boot: its stages in their order.
var sequence = []struct {
	name string
	run  func(*Boot, context.Context) error
}{
	{state.StageLocal, (*Boot).local},
	{state.StageNetwork, (*Boot).network},
	{state.StageConfig, (*Boot).configStage},
	{state.StageFinal, (*Boot).final},
}

// Run runs one stage, by its name in status.json. It returns the errors of the
// stage, which are also in the status and the report: a stage goes on after an
// error as far as it can.
func (b *Boot) Run(ctx context.Context, stage string) []error {
	for _, step := range sequence {
		if step.name == stage {
			return b.runStage(ctx, step.name, step.run)
		}
	}
	return []error{fmt.Errorf("there is no stage %q", stage)}
}

// RunAll runs all stages, one after the other.
func (b *Boot) RunAll(ctx context.Context) []error {
	var errs []error
	for _, step := range sequence {
		errs = append(errs, b.runStage(ctx, step.name, step.run)...)
		if b.seed == nil && (b.over || !b.store.AwaitsSeed()) {
			break // no instance: the later units' conditions would skip them
		}
		if o, err := b.store.Overall(b.Cmdline); err == nil && o.Word == state.Disabled {
			break // so would they when a stage has switched the agent off
		}
	}
	return errs
}

// runStage frames a stage: its status before and after, its labels, its errors.
func (b *Boot) runStage(ctx context.Context, name string, run func(*Boot, context.Context) error) []error {
	start := time.Now()
	b.stage, b.told = name, nil
	b.Log = b.Options.Log.With("stage", name)
	b.read()
	if name == state.StageLocal {
		b.note(b.store.BeginBoot())
	}
	modulesBefore := len(b.report.Modules)
	b.before, b.warned = len(b.report.Errors), nil
	b.note(b.store.BeginStage(name))
	b.Log.Info(fmt.Sprintf("cloudseed %s running '%s' at %s. Up %.2f seconds.", b.Version, name,
		b.Host.Now().UTC().Format(time.RFC1123Z), b.Host.Uptime().Seconds()))

	b.watched(Event{Stage: name})
	ready := b.takeOver(ctx, name)
	if ready {
		b.note(run(b, ctx))
	}
	b.note(b.Host.Relabel(ctx))
	for _, message := range b.store.Damage() {
		b.Log.Warn(message)
	}
	if b.Output != nil {
		b.note(b.Output.Close())
	}

	b.remember(b.report.Modules[modulesBefore:])
	errs := b.report.Errors[b.before:]
	warnings := b.warnings()
	for _, level := range []string{"WARNING", "DEPRECATED"} {
		b.report.Warnings = append(b.report.Warnings, warnings[level]...)
	}
	b.note(b.store.EndStage(name, errs, warnings))
	if !ready {
		b.note(b.store.StageUndone(name))
	}
	b.Log.Info("stage ended", "errors", len(b.report.Errors)-b.before, "duration", time.Since(start).Round(time.Microsecond).String())
	if name == state.StageFinal || b.over {
		b.note(b.store.Finish())
		b.summarise()
		b.changePower(ctx)
	}
	var list []error
	for _, text := range b.report.Errors[b.before:] {
		list = append(list, errors.New(text))
	}
	return list
}

// maxShownWarnings is how many warnings the summary has room for.
const maxShownWarnings = 10

// summarise tells people who watch the boot what went wrong in all of it, and what
// they can do. It says nothing when all went well.
func (b *Boot) summarise() {
	status, err := b.store.Status()
	if err != nil || status == nil || b.Console == nil {
		return
	}
	var lines []string
	for _, stage := range state.Stages {
		for _, text := range status.Stages[stage].Errors {
			lines = append(lines, "  "+printable.String(text))
		}
	}
	errs := len(lines)
	for _, stage := range state.Stages {
		for _, text := range status.Stages[stage].RecoverableErrors["WARNING"] {
			lines = append(lines, "  "+printable.String(text))
		}
	}
	warnings := len(lines) - errs
	if most := errs + maxShownWarnings; len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("  and %d more warnings", len(lines)-most))
	}
	if b.seed != nil {
		if _, earlier := b.store.Failures(b.seed.InstanceID); len(earlier) > 0 {
			lines = append(lines, "  Of an earlier boot of this instance, and not done since (cloudseed status --acknowledge forgets them):")
			for _, f := range earlier {
				lines = append(lines, "  "+printable.String(f.String()))
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	_, err = fmt.Fprintf(b.Console, "\ncloudseed: this machine is not all that its seed asks for. %s\n%s\n"+
		"  To see more: cloudseed status --long, cloudseed changes. To run a module again: cloudseed single --name MODULE --frequency always\n",
		counts(errs, warnings), strings.Join(lines, "\n"))
	if err != nil {
		b.Log.Debug("cannot write to the console: " + err.Error())
	}
}

// counts says how much went wrong: "Errors: 1, warnings: 2".
func counts(errs, warnings int) string {
	switch {
	case warnings == 0:
		return fmt.Sprintf("Errors: %d", errs)
	case errs == 0:
		return fmt.Sprintf("Warnings: %d", warnings)
	}
	return fmt.Sprintf("Errors: %d, warnings: %d", errs, warnings)
}

// note keeps an error for the status and logs it; each error of a joined one by
// itself. nil is no error.
func (b *Boot) note(err error) {
	for _, e := range flatten(err) {
		b.Log.Error(e.Error())
		b.report.Errors = append(b.report.Errors, e.Error())
	}
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

// problems reports what was wrong with an input: errors to the status, the rest to
// the log, from where warnings reach the status too.
func (b *Boot) problems(list []config.Problem) {
	list = slices.DeleteFunc(slices.Clone(list), b.wasTold)
	for _, p := range config.Limited(list) {
		if b.lacked(p) != "" {
			b.report.Notes = append(b.report.Notes, p.Error())
			continue
		}
		switch p.Severity {
		case config.Error:
			b.note(p)
		case config.Deprecated:
			// cloud-init counts these as recoverable errors, so that a guest that works
			// is "degraded": complaint of many. They are logged and no more.
			b.Log.Info("deprecated: " + p.Error())
		case config.Note:
			b.Log.Info(p.Error())
		default:
			b.Log.Warn(p.Error())
		}
	}
}

// lacked is the program for the want of which something failed in a rehearsal; "" if it was
// not for that.
func (b *Boot) lacked(err error) string {
	var missing *host.MissingError
	if b.Rehearsal && errors.As(err, &missing) {
		return missing.Program
	}
	return ""
}

// instance is what modules may know of the instance.
func (b *Boot) instance() modules.Instance {
	i := modules.Instance{
		Dir: state.InstanceLink, CloudDir: state.CloudDir, RunDir: state.RunDir,
		Version: b.Version, Distribution: inputs.Distribution(b.Host),
	}
	if b.seed != nil {
		i.ID, i.Hostname, i.PublicKeys = b.seed.InstanceID, b.seed.Hostname, b.seed.PublicKeys
		i.RandomSeed, i.Datasource = b.seed.RandomSeed, b.seed.Description
	}
	if b.config != nil {
		i.DefaultUser = b.config.Get("system_info.default_user")
	}
	return i
}

// stageOf is the name that a list of modules in cloud.cfg goes by.
func stageOf(list string) string {
	at := slices.IndexFunc(moduleLists, func(l moduleList) bool { return l.key == list })
	return moduleLists[at].name
}
