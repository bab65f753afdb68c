package state

import (
	"errors"
	"fmt"
	"path"
)

// Steps is how far a piece of work came that is done in steps, through power cuts: a
// semaphore for each step.
type Steps struct {
	store     *Store
	work      string
	frequency Frequency
	begun     bool
}

// Steps gives the steps of a piece of work; nil for work that is always done, since
// nothing of it is kept.
func (s *Store) Steps(work string, f Frequency) *Steps {
	if f == Always {
		return nil
	}
	return &Steps{store: s, work: work, frequency: f}
}

// Standing reports how a step stands, as it does for work as a whole. Any text is the name
// of a step.
func (s *Steps) Standing(step string) (Standing, error) {
	return s.store.Standing(s.name(step), s.frequency)
}

// Begin marks a step as begun. It returns when that is on disk, and all that was done before:
// no power cut can make the step happen twice unseen.
func (s *Steps) Begin(step string) error {
	s.begun = true
	if len(s.store.ended) > 0 { // else they would be recorded when the step counts as begun and has not
		if err := s.store.Sync(); err != nil {
			return err
		}
	}
	if err := s.store.Begin(s.name(step), s.frequency); err != nil {
		return err
	}
	return s.store.Sync()
}

// Begun reports whether a step was begun in this run.
func (s *Steps) Begun() bool { return s.begun }

// End marks a step as done. That lasts with the next Sync.
func (s *Steps) End(step string) error {
	name := s.name(step)
	return s.store.record(name, s.store.semaphore(name, s.frequency))
}

// Forget makes all steps count as never run.
func (s *Steps) Forget() error {
	pattern := s.store.semaphore(s.work, s.frequency)
	files, err := s.store.host.Glob(path.Join(path.Dir(pattern), s.work+".step.*"))
	for _, file := range files {
		err = errors.Join(err, s.store.host.RemoveAll(file))
	}
	return err
}

// name is the semaphore of a step. Semaphores fold some characters into others, and
// two steps must never share one: what is neither letter nor digit is written in hex.
func (s *Steps) name(step string) string {
	name := s.work + ".step."
	for _, b := range []byte(step) {
		if b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == '.' {
			name += string(rune(b))
		} else {
			name += fmt.Sprintf("%%%02x", b)
		}
	}
	return name
}
