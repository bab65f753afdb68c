package boot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/state"
)

// entry is a module as cloud.cfg lists it: by name, or with a frequency and
// arguments of its own.
type entry struct {
	name      string
	frequency state.Frequency // "" is the module's own
	args      []string
	at        config.Pos
}

// runList runs the modules that a list of cloud.cfg names, one after the other. A
// module that fails does not stop the next.
func (run *runner) runList(ctx context.Context, key string) error {
	entries := run.entries(key)
	run.announce(entries)
	before := len(run.reports.report.Modules)
	defer func() { run.count(run.reports.report.Modules[before:]) }()
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s and all after it were not run: %w", e.name, context.Cause(ctx))
		}
		m, ok := modules.Find(e.name)
		if !ok {
			run.missing(e)
			continue
		}
		run.runModule(ctx, m, e)
	}
	return nil
}

// announce logs which modules have nothing to do, in cloud-init's words.
func (run *runner) announce(entries []entry) {
	var skipped []string
	for _, e := range entries {
		if m, ok := modules.Find(e.name); ok && !run.isActive(m, e) {
			skipped = append(skipped, m.Name)
		}
	}
	if len(skipped) > 0 {
		run.o.Log.Info(fmt.Sprintf("Skipping modules '%s' because no applicable config is provided.", strings.Join(skipped, ",")))
	}
}

// count logs how many modules ran, in cloud-init's words. Those that failed are among them.
func (run *runner) count(reports []ModuleReport) {
	var ran, failed int
	for _, r := range reports {
		switch r.Result {
		case ResultNoConfig, ResultUnknown:
			continue
		case ResultFailed, ResultInterrupted:
			failed++
		}
		ran++
	}
	run.o.Log.Debug(fmt.Sprintf("Ran %d modules with %d failures", ran, failed))
}

// entries reads a list of modules. What is no entry is reported and left out.
func (run *runner) entries(key string) []entry {
	list := run.config.Get(key)
	if list == nil {
		var names []entry
		for _, name := range modules.DefaultNames(modules.Stage(key)) {
			names = append(names, entry{name: name})
		}
		return names
	}
	var found config.Findings
	if list.Kind() != config.List {
		found.At(list.Pos(), key).Errorf("expected a list of modules; none of them is run")
	}
	var entries []entry
	for _, item := range list.Items() {
		e, problem := readEntry(item)
		if problem != "" {
			found.At(item.Pos(), key).Warnf("%s", problem)
		}
		if e.name != "" {
			entries = append(entries, e)
		}
	}
	run.reports.problems(found.List())
	return entries
}

// readEntry understands "name", [name, frequency, args...] and {name, frequency, args}.
func readEntry(item *config.Value) (entry, string) {
	e := entry{at: item.Pos()}
	var frequency *config.Value
	var args []*config.Value
	switch item.Kind() {
	case config.List:
		items := item.Items()
		if len(items) == 0 {
			return e, "expected a module's name, got an empty list"
		}
		e.name = items[0].Text()
		if len(items) > 1 {
			frequency, args = items[1], items[2:]
		}
	case config.Map:
		e.name = item.Get("name").Text()
		frequency, args = item.Get("frequency"), item.Get("args").Items()
	case config.Null:
		return e, ""
	default:
		e.name = item.Text()
	}
	if e.name == "" {
		return e, "expected a module's name"
	}
	for _, a := range args {
		e.args = append(e.args, a.PyStr())
	}
	if frequency.IsNull() {
		return e, ""
	}
	f, err := state.ParseFrequency(frequency.Text())
	if err != nil {
		return e, err.Error() + "; the module's own is used"
	}
	e.frequency = f
	return e, ""
}

// missing reports a module that this program does not have, as a warning unless none of this
// family has it.
func (run *runner) missing(e entry) {
	name := modules.CanonicalName(e.name)
	result := ModuleReport{Name: name, Stage: run.stage.name, Result: ResultUnknown}
	if slices.Contains(modules.Absent, name) {
		result.Result = ResultNoConfig
		run.o.Log.Debug("skipped: it does nothing on this family of systems", "module", name)
	} else {
		var found config.Findings
		found.At(e.at, "").Warnf("there is no module %q; it was skipped", e.name)
		result.Error = found.List()[0].Error()
		run.reports.problems(found.List())
	}
	run.reports.report.Modules = append(run.reports.report.Modules, result)
}

// inSeed tells whether the seed, and not the system, gives a top-level key.
func (run *runner) inSeed(key string) bool {
	return run.config.Get(key) != nil && run.inputs.System().Get(key) == nil
}

// tellOfVMware notes that cloud.cfg leaves customisation by VMware's tools to the agent, as that of EL8's
// and EL9's cloud-init does. Nothing here does it.
func (run *runner) tellOfVMware() {
	const key = "disable_vmware_customization"
	value := run.config.Get(key)
	if is, isBool := config.AsBool(value); isBool && !is {
		var found config.Findings
		found.At(value.Pos(), key).Notef("it has no effect: customisation by VMware's tools is not part of cloudseed")
		run.reports.problems(found.List())
	}
}

// tellOfUnlisted warns of what the seed asks for and no module does that is listed.
func (run *runner) tellOfUnlisted() {
	for _, m := range modules.All() {
		if !m.OffByDefault || run.isListed(m.Name) {
			continue
		}
		for _, key := range m.ActiveIf {
			value := run.config.Get(key)
			if is, isBool := config.AsBool(value); run.inSeed(key) && !value.IsNull() && (is || !isBool) { // false wants nothing
				run.o.Log.Warn(fmt.Sprintf("%s: %s has no effect: the module %s is not in %s", value.Pos(), key, m.Name, m.Stage))
			}
		}
	}
}

// isListed reports whether the configuration lists a module for any stage.
func (run *runner) isListed(name string) bool {
	for _, stage := range []modules.Stage{modules.InitStage, modules.ConfigStage, modules.FinalStage} {
		for _, item := range run.config.Get(string(stage)).Items() {
			if e, _ := readEntry(item); modules.CanonicalName(e.name) == name {
				return true
			}
		}
	}
	return false
}

// isActive reports whether anything is configured for a module.
func (run *runner) isActive(m modules.Module, e entry) bool {
	return len(m.ActiveIf) == 0 || len(e.args) > 0 || slices.ContainsFunc(m.ActiveIf, func(key string) bool { return run.config.Get(key) != nil })
}

// runModule runs a module if its semaphore allows, and reports what became of it.
func (run *runner) runModule(ctx context.Context, m modules.Module, e entry) {
	r := ModuleReport{Name: m.Name, Stage: run.stage.name, Frequency: frequencyOf(e, m)}
	start := time.Now()
	run.reports.watched(Event{Stage: run.stage.name, Step: run.stage.step, Module: m.Name})
	switch {
	case !run.isActive(m, e):
		r.Result = ResultNoConfig
	default:
		run.reports.moduleBegins(r)
		run.judge(m, &r, run.guarded(ctx, m, e, &r))
		run.reports.moduleEnded(r, time.Since(start))
	}
	r.DurationMS = time.Since(start).Milliseconds()
	run.reports.report.Modules = append(run.reports.report.Modules, r)
	run.reports.watched(Event{Stage: run.stage.name, Step: run.stage.step, Module: m.Name, Ended: &r})
}

// judge reports the errors of a module.
func (run *runner) judge(m modules.Module, r *ModuleReport, err error) {
	lacks := ""
	for _, one := range flatten(err) {
		if program := run.reports.lacked(one); program != "" {
			lacks = program
			run.reports.report.Notes = append(run.reports.report.Notes, m.Name+": "+one.Error())
			continue
		}
		r.Error = err.Error()
		if p := (config.Problem{}); errors.As(one, &p) && run.reports.wasTold(p) {
			continue
		}
		run.reports.note(fmt.Errorf("%s: %w", m.Name, one))
	}
	switch {
	case r.Error != "" && r.Result != ResultInterrupted:
		r.Result = ResultFailed
	case r.Error == "" && lacks != "":
		r.Result = Result("left out: no " + lacks + " here")
	}
}

// guarded runs a module between its semaphore's begin and end.
func (run *runner) guarded(ctx context.Context, m modules.Module, e entry, r *ModuleReport) error {
	semaphore := "config_" + m.Name
	standing, err := run.standingOf(semaphore, r.Frequency)
	if err != nil {
		return err
	}
	switch {
	case standing == state.Done:
		r.Result = ResultAlreadyRun
		run.o.Log.Debug("skipped: it has run already", "module", m.Name, "frequency", string(r.Frequency))
		return nil
	case standing == state.Interrupted && !m.Repeatable:
		r.Result = ResultInterrupted
		return errors.Join(run.store.End(semaphore, r.Frequency), fmt.Errorf(
			"it was interrupted in an earlier boot and is not repeated; to run it again: cloudseed single --name %s --frequency always", m.Name))
	case standing == state.Interrupted:
		run.o.Log.Info("it was interrupted in an earlier boot and runs again", "module", m.Name)
	}
	steps := run.store.Steps(semaphore, r.Frequency)
	if standing == state.NotRun && steps != nil {
		err = steps.Forget() // of a run whose semaphore somebody removed to have it again
	}
	once := !m.Repeatable && r.Frequency != state.Always
	// Of a module that always runs, the mark keeps a stage that takes over from running it again.
	marked := !m.Repeatable || r.Frequency != state.Always
	if marked {
		err = errors.Join(err, run.store.Begin(semaphore, r.Frequency))
	}
	if err == nil && once {
		err = run.store.Sync()
	}
	if err != nil {
		return err
	}
	env, w := run.env(m, e.args), &work{}
	w.watch(env)
	if steps != nil {
		env.Steps = steps
	}
	err = run.call(ctx, m, env, w, r)
	if ctx.Err() != nil {
		// Killed from outside: it counts as interrupted, not as done.
		return errors.Join(err, fmt.Errorf("it was interrupted: %w", context.Cause(ctx)))
	}
	if env.Unfinished() || !marked {
		return err
	}
	if env.Skipped() != "" {
		return errors.Join(err, run.store.Unbegin(semaphore, r.Frequency))
	}
	err = errors.Join(err, run.store.End(semaphore, r.Frequency))
	if once || steps != nil && steps.Begun() {
		err = errors.Join(err, run.store.Sync())
	}
	if once {
		err = errors.Join(err, run.store.Sync()) // that it is done
	}
	return err
}

// call runs a module's own code. A mistake in it costs that module only.
func (run *runner) call(ctx context.Context, m modules.Module, env *modules.Env, w *work, r *ModuleReport) (err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			run.o.Log.Debug(string(debug.Stack()))
			err = fmt.Errorf("a mistake in cloudseed itself, please report it: %v", mistake)
		}
	}()
	defer run.tellOfWork(m.Name, w)()
	err = m.Run(ctx, env)
	r.Result = ResultOK
	others := slices.DeleteFunc(slices.Clone(env.Problems()), func(p config.Problem) bool { return p.Severity == config.Error })
	if slices.ContainsFunc(others, func(p config.Problem) bool { return p.Severity == config.Warning && run.reports.lacked(p) == "" }) {
		r.Result = ResultWarned
	}
	if why := env.Skipped(); why != "" {
		r.Result = Result("skipped: " + why)
		env.Host.Note(host.Effect{Kind: host.KindSkipped, Value: why})
	}
	run.reports.problems(others)
	return errors.Join(env.Err(), err)
}

// remember keeps which modules failed, or were interrupted, for the boots to come: their
// semaphores say that they are done.
func (run *runner) remember(reports []ModuleReport) {
	if run.instance.seed == nil {
		return
	}
	var failed []state.Failure
	var succeeded []string
	for _, r := range reports {
		switch r.Result {
		case ResultFailed, ResultInterrupted:
			failed = append(failed, state.Failure{Module: r.Name, Stage: r.Stage, Result: string(r.Result), Error: r.Error})
		case ResultOK, ResultWarned:
			succeeded = append(succeeded, r.Name)
		}
	}
	run.reports.note(run.store.Remember(run.instance.seed.InstanceID, failed, succeeded))
}
