package state

import (
	"fmt"
	"path"
	"time"
)

// Work is a step of a stage that has been at work for some time, or one of its modules.
type Work struct {
	Module string    `json:"module,omitempty"`
	Stage  string    `json:"stage"`
	Step   string    `json:"step,omitempty"`
	Since  time.Time `json:"since"`
	Doing  string    `json:"doing,omitempty"` // what of its work it is at; for all to read
}

// String is a line for people.
func (w Work) String() string {
	line := fmt.Sprintf("%s, since %s", path.Join(w.Stage, w.Step, w.Module), w.Since.UTC().Format(time.RFC1123Z))
	if w.Doing != "" {
		line += ": " + w.Doing
	}
	return line
}

// runningFile is below /run: a power cut ends what it tells of.
var runningFile = path.Join(RunDir, "running.json")

// SetRunning records what is at work. NotRunning, that none is.
func (s *Store) SetRunning(w Work) error { return s.write(runningFile, encode(w), false) }

// NotRunning is described at SetRunning.
func (s *Store) NotRunning() error { return s.host.RemoveAll(runningFile) }

// running is what is at work in a stage; nil when none is, or not for long.
func (s *Store) running(stage string) *Work {
	var w Work
	if err := s.readJSON(runningFile, &w); err != nil || w.Stage != stage {
		return nil // or it is of a stage that was killed
	}
	return &w
}
