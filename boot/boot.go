// Package boot runs the four stages of a boot in order, and one module by hand.
//
// In come a machine and where its seed may be; out go a configured guest and a
// report of what was done and what went wrong. It knows when each thing happens,
// and never any one module's business.
package boot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"cloudseed/datasource"
	"cloudseed/fetch"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/netconf"
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
	Version  string                     // of this program

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

	// Watch is told of stages, steps and modules as they begin and end; may be nil.
	Watch func(Event)

	// Get is how things are fetched; nil: as the client has it. Tests replace it.
	Get     func(ctx context.Context, c *fetch.Client, r fetch.Request) ([]byte, error)
	Devices *netconf.Devices // network devices; nil: the machine's
}

// Event is a stage or one of its steps that begins, or a module that begins or has ended.
type Event struct {
	Stage  string
	Step   string        // "" for a stage
	Module string        // "" for a stage or a step
	Ended  *ModuleReport // nil: it begins
}

// Boot is one run of one or more stages.
type Boot struct {
	o       Options
	log     *slog.Logger // without a stage
	store   *state.Store
	reports *reports

	stage    stage
	instance instance
	read     read
	over     bool            // no stage comes after this one
	requests []power.Request // for a reboot and the like when all is recorded
}

// stage is what runs.
type stage struct {
	name       string
	step       string
	takingOver bool             // it is the work of an earlier stage that did not end
	userData   *inputs.UserData // nil until it was read
	settled    bool             // the machine became its instance in this stage
	modulesDue bool             // it is for this stage to run the init modules
}

// instance is what the machine is.
type instance struct {
	seed  *datasource.Seed // nil: none
	fresh bool             // a new one
	found bool             // the seed is here and now, not remembered
}

// New prepares a boot. Nothing happens until a stage is run.
func New(o Options) *Boot {
	b := &Boot{o: o, log: o.Log, store: state.New(o.Host)}
	b.reports = &reports{o: &b.o, reporting: reporting{level: slog.LevelDebug}}
	b.readAnew()
	return b
}

// Report returns what the boot did so far.
func (b *Boot) Report() Report { return b.reports.Report() }

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

// Run runs one stage, by its name in status.json. It returns the errors of the
// stage, which are also in the status and the report: a stage goes on after an
// error as far as it can.
func (b *Boot) Run(ctx context.Context, stage string) []error {
	for _, s := range sequence {
		if s.name == stage {
			return b.runStage(ctx, s.name, s.steps)
		}
	}
	return []error{fmt.Errorf("there is no stage %q", stage)}
}

// RunAll runs all stages, one after the other.
func (b *Boot) RunAll(ctx context.Context) []error {
	var errs []error
	for _, s := range sequence {
		errs = append(errs, b.runStage(ctx, s.name, s.steps)...)
		if b.instance.seed == nil && (b.over || !b.store.AwaitsSeed()) {
			break // no instance: the later units' conditions would skip them
		}
		if o, err := b.store.Overall(b.o.Cmdline); err == nil && o.Word == state.Disabled {
			break // so would they when a stage has switched the agent off
		}
	}
	return errs
}

// runStage frames a stage: its status before and after, its labels, its errors.
func (b *Boot) runStage(ctx context.Context, name string, steps []step) []error {
	start := time.Now()
	b.stage = stage{name: name}
	b.reports.begin()
	b.o.Log = b.log.With("stage", name)
	if name == state.StageLocal {
		b.reports.note(b.store.ForgetIdentified())
	}
	b.readAnew()
	if name == state.StageLocal {
		b.reports.note(b.store.BeginBoot())
	}
	modulesBefore := len(b.reports.report.Modules)
	b.reports.note(b.store.BeginStage(name))
	b.reports.banner(name)

	b.reports.watched(Event{Stage: name})
	ready := b.takeOver(ctx, name)
	if ready {
		b.reports.note(b.runSteps(ctx, steps))
	}
	b.reports.note(b.o.Host.Relabel(ctx))
	for _, message := range b.store.Damage() {
		b.o.Log.Warn(message)
	}
	if b.o.Output != nil {
		b.reports.note(b.o.Output.Close())
	}

	b.runner().remember(b.reports.report.Modules[modulesBefore:])
	b.reports.note(b.store.Sync())
	if name == state.StageFinal || b.over {
		b.reports.note(b.store.Sync()) // that modules are done lasts too
	}
	b.reports.note(b.store.EndStage(name, b.reports.ended()))
	if !ready {
		b.reports.note(b.store.StageUndone(name))
	}
	b.reports.stageEnded(name, time.Since(start))
	if name == state.StageFinal || b.over {
		b.reports.note(b.store.Finish())
		b.reports.summarise(b.store, b.instance.seed)
		b.changePower(ctx)
	}
	return b.reports.errs[b.reports.before:]
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

// instance is what modules may know of the instance.
func (run *runner) moduleInstance() modules.Instance {
	i := modules.Instance{
		Dir: state.InstanceLink, CloudDir: state.CloudDir, RunDir: state.RunDir,
		Version: CloudInitVersion, Distribution: run.distribution(),
	}
	if run.instance.seed != nil {
		i.ID, i.Hostname, i.PublicKeys = run.instance.seed.InstanceID, run.instance.seed.Hostname, run.instance.seed.PublicKeys
		i.RandomSeed, i.Datasource = run.instance.seed.RandomSeed, run.instance.seed.Description
	}
	if run.config != nil {
		i.DefaultUser = run.config.Get("system_info.default_user")
	}
	return i
}

// stageOf is the name that a list of modules in cloud.cfg goes by.
func stageOf(list string) string {
	at := slices.IndexFunc(moduleLists, func(l moduleList) bool { return l.key == list })
	return moduleLists[at].name
}
