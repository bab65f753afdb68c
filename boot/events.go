package boot

import (
	"fmt"
	"time"

	"cloudseed/bootlog/events"
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

// stageBegins tells that a stage begins. The log has its banner.
func (s *reports) stageBegins(stage string) {
	e := eventNames[stage]
	s.reporting.tell(events.Event{Name: e.name, Description: e.description, Time: float64(time.Now().UnixMicro()) / 1e6})
}

// stageEnded tells that a stage has ended.
func (s *reports) stageEnded(stage string, took time.Duration) {
	result := eventSuccess
	switch {
	case len(s.report.Errors) > s.before:
		result = eventFail
	case len(s.warnings()) > 0:
		result = eventWarn
	}
	e := eventNames[stage]
	s.ends(e.name, result, e.description, took)
}

// moduleBegins tells that a module begins.
func (s *reports) moduleBegins(r ModuleReport) {
	s.begins(eventNames[r.Stage].name+"/config-"+r.Name, fmt.Sprintf("running config-%s with frequency %s", r.Name, r.Frequency))
}

// moduleEnded tells that a module has ended.
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
	s.ends(eventNames[r.Stage].name+"/config-"+r.Name, result, what, took)
}

// begins tells that a step or a module begins.
func (s *reports) begins(name, description string) {
	s.reporting.publish(s.o.Log, events.Event{Name: name, Description: description})
}

// ends tells that a stage, a step or a module has ended.
func (s *reports) ends(name, result, description string, took time.Duration) {
	s.reporting.publish(s.o.Log, events.Event{
		Name: name, Description: fmt.Sprintf("%s (duration: %.3fs)", description, took.Seconds()), Finish: true, Result: result,
	})
}
