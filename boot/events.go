package boot

import (
	"fmt"
	"time"

	"cloudseed/state"
)

// cloud-init's log has events, which "analyze" reads, of cloud-init and of this program: a
// line where a step begins and one where it has ended. That a stage begins is its banner.

// eventNames are cloud-init's names of the stages in events, and what it says of them.
var eventNames = map[string]struct{ name, description string }{
	state.StageLocal:   {"init-local", "searching for local datasources"},
	state.StageNetwork: {"init-network", "searching for network datasources"},
	state.StageConfig:  {"modules-config", "running modules for config"},
	state.StageFinal:   {"modules-final", "running modules for final"},
	stageSingle:        {"single", "running a module by hand"},
}

// The results of events, in cloud-init's words.
const (
	eventSuccess = "SUCCESS"
	eventWarn    = "WARN"
	eventFail    = "FAIL"
)

// stageEnded logs the event that a stage has ended.
func (s *reports) stageEnded(stage string, took time.Duration) {
	result := eventSuccess
	switch {
	case len(s.report.Errors) > s.before:
		result = eventFail
	case len(s.warnings()) > 0:
		result = eventWarn
	}
	e := eventNames[stage]
	s.o.Log.Debug(ended(e.name, result, e.description, took))
}

// moduleBegins logs the event that a module begins.
func (s *reports) moduleBegins(r ModuleReport) {
	s.o.Log.Debug(fmt.Sprintf("start: %s/config-%s: running config-%s with frequency %s",
		eventNames[r.Stage].name, r.Name, r.Name, r.Frequency))
}

// moduleEnded logs the event that a module has ended.
func (s *reports) moduleEnded(r ModuleReport, took time.Duration) {
	result, what := eventSuccess, fmt.Sprintf("config-%s ran successfully and took %.3f seconds", r.Name, took.Seconds())
	switch r.Result {
	case ResultAlreadyRun:
		what = fmt.Sprintf("config-%s previously ran", r.Name)
	case ResultWarned:
		result = eventWarn
	case ResultFailed, ResultInterrupted:
		result, what = eventFail, fmt.Sprintf("config-%s: %s", r.Name, r.Result)
	}
	s.o.Log.Debug(ended(eventNames[r.Stage].name+"/config-"+r.Name, result, what, took))
}

func ended(name, result, description string, took time.Duration) string {
	return fmt.Sprintf("finish: %s: %s: %s (duration: %.3fs)", name, result, description, took.Seconds())
}
