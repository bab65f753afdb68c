package boot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/state"
)

// reports collects what went wrong in the stages of one process, and what became of their
// modules; and tells who watches.
type reports struct {
	o      *Options
	report Report
	errs   []error   // those of the report
	known  known     // problems that need no second word in this stage
	before int       // the errors of the report that are of stages before this one
	unsaid string    // the banner, until it is known where the stage's output goes
	end    state.End // what the status of this stage is to have; the warnings are those that are no longer in Options.Warnings

	reporting reporting // who is told of events
}

// begin begins the reports of a stage.
func (s *reports) begin() {
	s.known, s.end, s.before = known{}, state.End{}, len(s.report.Errors)
}

// alreadyTold notes problems as told: modules find them again when they read their keys, in
// this stage or in a later one. They are listed when a module finds any.
func (s *reports) alreadyTold(list func() []config.Problem) { s.known = known{list: list} }

// watched tells who watches.
func (s *reports) watched(e Event) {
	if s.o.Watch != nil {
		s.o.Watch(e)
	}
}

// Report is what the boot did so far.
func (s *reports) Report() Report {
	r := s.report
	if r.Modules == nil {
		r.Modules = []ModuleReport{}
	}
	if r.Errors == nil {
		r.Errors = []string{}
	}
	return r
}

// note keeps an error for the status and logs it; each error of a joined one by
// itself. nil is no error.
func (s *reports) note(err error) {
	for _, e := range flatten(err) {
		s.o.Log.Error(e.Error())
		s.errs = append(s.errs, e)
		s.report.Errors = append(s.report.Errors, e.Error())
	}
}

// problems reports what was wrong with an input: errors to the status, the rest to
// the log, from where warnings reach the status too.
func (s *reports) problems(list []config.Problem) {
	list = slices.DeleteFunc(slices.Clone(list), s.wasTold)
	for _, p := range config.Limited(list) {
		if s.lacked(p) != "" {
			s.report.Notes = append(s.report.Notes, p.Error())
			continue
		}
		switch p.Severity {
		case config.Error:
			s.note(p)
		case config.Deprecated:
			// cloud-init counts these as recoverable errors, so that a guest that works
			// is "degraded": complaint of many. They are logged and no more.
			s.o.Log.Info("deprecated: " + p.Error())
		case config.Note:
			s.o.Log.Info(p.Error())
			s.end.Notes = append(s.end.Notes, p.Error())
		default:
			s.o.Log.Warn(p.Error())
		}
	}
}

// lacked is the program for the want of which something failed in a rehearsal; "" if it was
// not for that.
func (s *reports) lacked(err error) string {
	var missing *host.MissingError
	if s.o.Rehearsal && errors.As(err, &missing) {
		return missing.Program
	}
	return ""
}

// warnings are the stage's warnings and worse until now, by their levels.
func (s *reports) warnings() map[string][]string {
	if s.o.Warnings == nil {
		return s.end.Recoverable
	}
	for level, messages := range s.o.Warnings() {
		if s.end.Recoverable == nil {
			s.end.Recoverable = map[string][]string{}
		}
		s.end.Recoverable[level] = append(s.end.Recoverable[level], messages...)
	}
	return s.end.Recoverable
}

// identify says in the report which instance this is.
func (s *reports) identify(seed *datasource.Seed) {
	s.report.InstanceID, s.report.Datasource, s.report.Description = seed.InstanceID, seed.Datasource, seed.Description
}

// stepTook notes that a step was taken.
func (s *reports) stepTook(name string, took time.Duration) {
	s.end.Steps = append(s.end.Steps, state.Step{Name: name, Seconds: took.Round(time.Millisecond).Seconds()})
}

// ended returns what the status of this stage is to have, and adds its warnings to the report.
func (s *reports) ended() state.End {
	s.warnings()
	for _, level := range []string{"WARNING", "DEPRECATED"} {
		s.report.Warnings = append(s.report.Warnings, s.end.Recoverable[level]...)
	}
	s.end.Errors = s.report.Errors[s.before:]
	return s.end
}

// wasTold reports whether a problem needs no second word.
func (s *reports) wasTold(p config.Problem) bool { return s.known.has(p) }

// maxShownWarnings is how many warnings the summary has room for.
const maxShownWarnings = 10

// summarise tells people who watch the boot what went wrong in all of it, and what
// they can do. It says nothing when all went well.
func (s *reports) summarise(store *state.Store, seed *datasource.Seed) {
	status, err := store.Status()
	if err != nil || status == nil || s.o.Console == nil {
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
	if seed != nil {
		if _, earlier := store.Failures(seed.InstanceID); len(earlier) > 0 {
			lines = append(lines, "  Of an earlier boot of this instance, and not done since (cloudseed status --acknowledge forgets them):")
			for _, f := range earlier {
				lines = append(lines, "  "+printable.String(f.String()))
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	_, err = fmt.Fprintf(s.o.Console, "\ncloudseed: this machine is not all that its seed asks for. %s\n%s\n"+
		"  To see more: cloudseed status --long, cloudseed changes. To run a module again: cloudseed single --name MODULE --frequency always\n",
		counts(errs, warnings), strings.Join(lines, "\n"))
	if err != nil {
		s.o.Log.Debug("cannot write to the console: " + err.Error())
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
