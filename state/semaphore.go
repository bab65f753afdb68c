package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Standing is what a semaphore tells of a piece of work.
type Standing int

// The standings of work. Interrupted work was begun and neither ended nor failed:
// the power went, or the process was killed.
const (
	NotRun Standing = iota
	Interrupted
	Done
)

// startedSuffix marks the semaphore of work that is going on. Without it the name
// is cloud-init's, and means that the work is done.
const startedSuffix = ".started"

// Standing reports how a piece of work of the present instance stands; work that is
// always done, how it stands in this boot.
func (s *Store) Standing(name string, f Frequency) (Standing, error) {
	standing, err := s.standing(s.semaphore(name, f))
	if err != nil {
		err = fmt.Errorf("cannot tell whether %s has run: %w", name, err)
	}
	return standing, err
}

func (s *Store) standing(file string) (Standing, error) {
	for _, look := range []struct {
		suffix   string
		standing Standing
	}{{"", Done}, {startedSuffix, Interrupted}} {
		_, err := s.host.Lstat(file + look.suffix)
		if err == nil && s.ended[file] {
			return Done, nil
		}
		if err == nil {
			return look.standing, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return NotRun, err
		}
	}
	return NotRun, nil
}

// Begin marks work as begun. Where no power cut may make the work happen twice unseen, Sync
// comes before the work.
func (s *Store) Begin(name string, f Frequency) error {
	file := s.semaphore(name, f)
	delete(s.ended, file)
	now := s.host.Now()
	// cloud-init's words: process id, and seconds since the epoch as a decimal.
	text := fmt.Sprintf("%d: %d.%06d\n", os.Getpid(), now.Unix(), now.Nanosecond()/1000)
	if err := s.write(file+startedSuffix, []byte(text), false); err != nil {
		return fmt.Errorf("cannot mark %s as begun: %w", name, err)
	}
	return nil
}

// End marks work that was begun as done, whether it went well or not: as with
// cloud-init, what failed is not tried again at each boot. One rename does it. That of work
// of one boot is made at once. What lasts is renamed when Sync has brought out what the work
// wrote: a semaphore never says that something is done that a power cut can still undo.
func (s *Store) End(name string, f Frequency) error {
	file := s.semaphore(name, f)
	if f != PerInstance && f != Once {
		return s.record(name, file)
	}
	s.ended[file] = true
	s.host.AfterSync(func() error {
		if !s.ended[file] {
			return nil // it was begun anew, or is owed anew
		}
		delete(s.ended, file)
		return s.record(name, file)
	})
	return nil
}

// Unbegin marks work as not begun, as if it had not been asked for.
func (s *Store) Unbegin(name string, f Frequency) error {
	if err := s.host.Remove(s.semaphore(name, f) + startedSuffix); err != nil {
		return fmt.Errorf("cannot mark %s as not begun: %w", name, err)
	}
	return nil
}

// record marks work as done at once. It lasts with the next Sync.
func (s *Store) record(name, file string) error {
	if err := s.host.Rename(file+startedSuffix, file); err != nil {
		return fmt.Errorf("cannot mark %s as done: %w", name, err)
	}
	return nil
}

// Sync makes the state, and all that was done to the machine so far, last through a power
// cut; then work that ended is done. That lasts with the Sync after it.
func (s *Store) Sync() error { return s.host.Sync() }

// semaphore is the file of a piece of work. That of work that is always done is gone at
// the next boot.
func (s *Store) semaphore(name string, f Frequency) string {
	name = strings.ReplaceAll(strings.ReplaceAll(name, "-", "_"), "/", "_")
	switch f {
	case PerInstance:
		return path.Join(s.instanceDir(), "sem", name)
	case Once:
		return path.Join(CloudDir, "sem", name+".once")
	default:
		return path.Join(RunDir, "sem", name)
	}
}

// instanceDir is the present instance's directory: by its own path, so that it stays that
// instance's when the machine becomes another.
func (s *Store) instanceDir() string {
	if dir, err := s.host.Readlink(InstanceLink); err == nil && path.IsAbs(dir) {
		return dir
	}
	return InstanceLink
}
