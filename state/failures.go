package state

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Failure is a module of an instance that failed or was interrupted, and has not
// succeeded since.
type Failure struct {
	Module string `json:"module"`
	Stage  string `json:"stage"`
	Result string `json:"result"`
	Error  string `json:"error"`
	Boot   string `json:"boot"`
}

// String is a line for people.
func (f Failure) String() string {
	if f.Error == "" {
		return f.Module + ": " + f.Result
	}
	return f.Module + ": " + f.Result + ": " + f.Error
}

// bootFile names this run of the stages, so that the next one can be told from it.
const bootFile = RunDir + "/.boot"

func failuresFile(id string) string { return path.Join(InstanceDir(id), "data", "failures.json") }

// Failures returns what failed in any boot of an instance, in the order of the names of
// the modules. Earlier is what failed in another boot than this one.
func (s *Store) Failures(id string) (all, earlier []Failure) {
	known := s.failures(id)
	boot, _ := s.line(bootFile) // lost: then all of it is from earlier
	for _, module := range slices.Sorted(maps.Keys(known)) {
		all = append(all, known[module])
		if known[module].Boot != boot {
			earlier = append(earlier, known[module])
		}
	}
	return all, earlier
}

func (s *Store) failures(id string) map[string]Failure {
	known := map[string]Failure{}
	if err := s.readJSON(failuresFile(id), &known); err != nil {
		return map[string]Failure{} // noted as damaged
	}
	return known
}

// stagePrefix marks what is remembered of a stage and not of a module.
const stagePrefix = "stage "

// rememberUnended notes which stages of the boot before did not run, or not to their end,
// before it is forgotten: what they left undone is done in the boot that begins, and shown
// in that one alone.
func (s *Store) rememberUnended() error {
	id, err := s.PreviousID()
	if err != nil || id == "" {
		return nil // no instance, or none that is known: nothing was left undone
	}
	known := s.failures(id)
	before := maps.Clone(known)
	maps.DeleteFunc(known, func(name string, _ Failure) bool { return strings.HasPrefix(name, stagePrefix) })
	last, err := s.Status()
	if err == nil && last != nil && last.Datasource != nil && !s.host.Exists(resultFile) {
		for _, stage := range Stages {
			f := Failure{Module: stagePrefix + stage, Stage: stage, Result: "interrupted", Boot: "before"}
			switch at := last.Stages[stage]; {
			case at.Start == nil:
				f.Error = "it did not run"
			case at.Finished == nil:
				f.Error = "it was killed before its end"
			default:
				continue
			}
			known[f.Module] = f
		}
	}
	if maps.Equal(known, before) {
		return nil
	}
	return s.write(failuresFile(id), encode(known), true)
}

// Remember keeps which modules of an instance failed in this boot; those that succeeded
// are forgotten.
func (s *Store) Remember(id string, failed []Failure, succeeded []string) error {
	known := s.failures(id)
	before := maps.Clone(known)
	boot, err := s.line(bootFile)
	if err != nil {
		return err
	}
	for _, module := range succeeded {
		delete(known, module)
	}
	for _, f := range failed {
		f.Boot = boot
		known[f.Module] = f
	}
	if maps.Equal(known, before) {
		return nil
	}
	return s.write(failuresFile(id), encode(known), true)
}

// Acknowledge forgets all failures of an instance: somebody has seen to them.
func (s *Store) Acknowledge(id string) error { return s.host.RemoveAll(failuresFile(id)) }
