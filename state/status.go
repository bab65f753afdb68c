package state

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"cloudseed/host"
)

// The stages of a boot, by the names that status.json has for them.
const (
	StageLocal   = "init-local"
	StageNetwork = "init"
	StageConfig  = "modules-config"
	StageFinal   = "modules-final"
)

// Stages are all stages in the order in which a boot runs them.
var Stages = []string{StageLocal, StageNetwork, StageConfig, StageFinal}

// Status is the content of status.json.
type Status struct {
	Datasource *string // nil before one is found
	Previous   *string // the instance that the machine was before this boot; nil: it is no new one
	Stage      *string // the one that is running; nil between stages
	Stages     map[string]*StageStatus
}

// StageStatus is what status.json says of one stage, in the order of cloud-init. Times are seconds since the
// kernel started, as cloud-init counts them.
type StageStatus struct {
	Errors   []string `json:"errors"`
	Finished *float64 `json:"finished"`

	// Notes are worth knowing and change no status, such as a command of runcmd that failed
	// while the script went on. cloud-init has none.
	Notes []string `json:"notes,omitempty"`

	RecoverableErrors map[string][]string `json:"recoverable_errors"`
	Start             *float64            `json:"start"`

	// Steps are what the stage did, in order. cloud-init has none.
	Steps []Step `json:"steps,omitempty"`
}

// Step is a step that a stage has taken.
type Step struct {
	Name    string  `json:"name"` // with that of its stage: "init-local/find-seed"
	Seconds float64 `json:"seconds"`
}

const (
	statusFile = CloudDir + "/data/status.json"
	resultFile = CloudDir + "/data/result.json"

	// What scripts look at. The links are relative, as cloud-init's are.
	statusLink = RunDir + "/status.json"
	resultLink = RunDir + "/result.json"
)

// BeginBoot forgets what the last boot said of itself.
func (s *Store) BeginBoot() error {
	errs := []error{s.rememberUnended()}
	for _, file := range []string{awaitedFile, networkNeedFile, cleanedMark, resultLink, statusLink, resultFile, statusFile, path.Join(InstanceLink, "boot-finished")} {
		errs = append(errs, s.status.RemoveAll(file))
	}
	errs = append(errs, s.forgetStages(), s.write(bootFile, []byte(rand.Text()+"\n"), false))
	status := Status{Stages: map[string]*StageStatus{}}
	for _, stage := range Stages {
		status.Stages[stage] = newStage()
	}
	return errors.Join(append(errs, s.writeStatus(status))...)
}

func newStage() *StageStatus {
	return &StageStatus{Errors: []string{}, RecoverableErrors: map[string][]string{}}
}

// BeginStage notes that a stage runs.
func (s *Store) BeginStage(stage string) error {
	err := s.update(func(status *Status) {
		fresh := newStage()
		fresh.Start = s.uptime()
		status.Stages[stage] = fresh
		status.Stage = &stage
	})
	mark := stageMark(stage)
	return errors.Join(err, s.write(mark+startedSuffix, nil, false), s.host.RemoveAll(mark))
}

// SetDatasource notes which datasource the instance came from.
func (s *Store) SetDatasource(description string) error {
	return s.update(func(status *Status) { status.Datasource = &description })
}

// SetPrevious notes that the machine became another instance in this boot.
func (s *Store) SetPrevious(id string) error {
	return s.update(func(status *Status) { status.Previous = &id })
}

// End is how a stage ended. Recoverable errors are messages by their level: WARNING,
// DEPRECATED, ERROR.
type End struct {
	Errors      []string
	Recoverable map[string][]string
	Notes       []string // the first are kept
	Steps       []Step
}

// EndStage notes that a stage has ended.
func (s *Store) EndStage(stage string, end End) error {
	err := s.update(func(status *Status) {
		at := status.Stages[stage]
		at.Errors = append([]string{}, end.Errors...)
		at.RecoverableErrors = map[string][]string{}
		for level, messages := range end.Recoverable {
			at.RecoverableErrors[level] = messages
		}
		at.Notes, at.Steps = end.Notes, end.Steps
		if more := len(at.Notes) - maxNotes; more > 0 {
			at.Notes = append(at.Notes[:maxNotes:maxNotes], fmt.Sprintf("and %d more, in the log", more))
		}
		at.Finished = s.uptime()
		status.Stage = nil
	})
	return errors.Join(err, s.StageDone(stage))
}

// maxNotes is how many notes of a stage are in the status.
const maxNotes = 100

// AddToStage adds to what went wrong in a stage that has ended, and writes result.json
// anew if it is there.
func (s *Store) AddToStage(stage string, errs []string, recoverable map[string][]string) error {
	err := s.update(func(status *Status) {
		at := status.Stages[stage]
		at.Errors = append(at.Errors, errs...)
		for level, messages := range recoverable {
			at.RecoverableErrors[level] = append(at.RecoverableErrors[level], messages...)
		}
	})
	if s.Finished() {
		err = errors.Join(err, s.Finish())
	}
	return err
}

// Finish writes result.json, for which scripts wait: the boot is over.
func (s *Store) Finish() error {
	status, err := s.Status()
	if err != nil || status == nil { // damaged or lost: the boot is over all the same
		status = &Status{}
	}
	all := []string{}
	for _, stage := range Stages {
		if at := status.Stages[stage]; at != nil {
			all = append(all, at.Errors...)
		}
	}
	data := encode(map[string]any{"v1": map[string]any{"datasource": status.Datasource, "errors": all}})
	return s.show(resultLink, "result.json", data)
}

// show writes a file that lasts and is shown by a link below /run. Where it cannot last,
// as on a full disk or after "clean", it is in the place of the link, for this boot.
func (s *Store) show(link, name string, data []byte) error {
	var err error
	if !s.Cleaned() {
		if err = s.status.Symlink("../../var/lib/cloud/data/"+name, link); err == nil {
			if err = s.writeBy(s.status, link, data, host.File{}); err == nil {
				return nil
			}
		}
	}
	if info, statErr := s.status.Lstat(link); statErr == nil && !info.Mode().IsRegular() {
		err = errors.Join(err, s.status.RemoveAll(link))
	}
	return errors.Join(err, s.writeBy(s.status, link, data, host.File{}))
}

// Status reads status.json; nil when no boot of this machine has written one.
func (s *Store) Status() (*Status, error) {
	data, err := s.host.ReadFile(statusLink)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = s.host.ReadFile(statusFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var status *Status
	if err == nil {
		status, err = decodeStatus(data)
	}
	if err != nil {
		s.damaged(statusFile, err)
		return nil, fmt.Errorf("cannot read the status in %s: %w", statusFile, err)
	}
	return status, nil
}

// Finished tells whether this boot has come to its end.
func (s *Store) Finished() bool { return s.host.Exists(resultLink) }

// Begun tells whether this boot has started its first stage.
func (s *Store) Begun() bool { return s.host.Exists(statusLink) }

func (s *Store) update(change func(*Status)) error {
	status, err := s.Status()
	if err != nil || status == nil {
		// Lost or of another program: begun anew rather than given up.
		status = &Status{Stages: map[string]*StageStatus{}}
		for _, stage := range Stages {
			status.Stages[stage] = newStage()
		}
	}
	change(status)
	return s.writeStatus(*status)
}

func (s *Store) writeStatus(status Status) error {
	v1 := map[string]any{"datasource": status.Datasource, "stage": status.Stage}
	if status.Previous != nil {
		v1["previous_instance"] = status.Previous
	}
	for stage, at := range status.Stages {
		v1[stage] = at
	}
	return s.show(statusLink, "status.json", encode(map[string]any{"v1": v1}))
}

func decodeStatus(data []byte) (*Status, error) {
	var file struct {
		V1 map[string]json.RawMessage `json:"v1"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	status := &Status{Stages: map[string]*StageStatus{}}
	for _, field := range []struct {
		name string
		into any
	}{{"datasource", &status.Datasource}, {"stage", &status.Stage}, {"previous_instance", &status.Previous}} {
		if raw, ok := file.V1[field.name]; ok {
			if err := json.Unmarshal(raw, field.into); err != nil {
				return nil, err
			}
		}
	}
	for _, stage := range Stages {
		at := newStage()
		if raw, ok := file.V1[stage]; ok {
			if err := json.Unmarshal(raw, at); err != nil {
				return nil, err
			}
		}
		status.Stages[stage] = at
	}
	return status, nil
}

func (s *Store) uptime() *float64 {
	seconds := s.host.Uptime().Seconds()
	return &seconds
}

// encode writes JSON as cloud-init does: sorted keys, an indent of one blank, a
// newline at the end.
func encode(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("state: a value that JSON cannot hold: %v", err)) // a mistake in this package
	}
	return out.Bytes()
}
