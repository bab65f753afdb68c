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
		if err == nil {
			return look.standing, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return NotRun, err
		}
	}
	return NotRun, nil
}

// Begin marks work as begun. It returns when that is on disk, so that no power cut
// can make the work happen twice unseen.
func (s *Store) Begin(name string, f Frequency) error {
	file := s.semaphore(name, f)
	now := s.host.Now()
	// cloud-init's words: process id, and seconds since the epoch as a decimal.
	text := fmt.Sprintf("%d: %d.%06d\n", os.Getpid(), now.Unix(), now.Nanosecond()/1000)
	if err := s.write(file+startedSuffix, []byte(text), false); err != nil {
		return fmt.Errorf("cannot mark %s as begun: %w", name, err)
	}
	return nil
}

// End marks work that was begun as done, whether it went well or not: as with
// cloud-init, what failed is not tried again at each boot. One rename does it, once what the
// work's commands wrote is on disk: else a power cut could leave the semaphore and not the work.
func (s *Store) End(name string, f Frequency) error {
	file := s.semaphore(name, f)
	var err error
	if f != Always {
		err = s.host.Flush()
	}
	if err = errors.Join(err, s.host.Rename(file+startedSuffix, file)); err != nil {
		return fmt.Errorf("cannot mark %s as done: %w", name, err)
	}
	return nil
}

// semaphore is the file of a piece of work. That of work that is always done is gone at
// the next boot.
func (s *Store) semaphore(name string, f Frequency) string {
	name = strings.ReplaceAll(strings.ReplaceAll(name, "-", "_"), "/", "_")
	switch f {
	case PerInstance:
		return path.Join(InstanceLink, "sem", name)
	case Once:
		return path.Join(CloudDir, "sem", name+".once")
	default:
		return path.Join(RunDir, "sem", name)
	}
}
