package state

import (
	"errors"
	"path"
	"strings"
)

// How the stages of this boot stand is kept below /run: it is gone at the next boot, and
// can be written when /var/lib/cloud is full. A record that is missing is never success.

func stageMark(stage string) string { return path.Join(RunDir, "sem", "stage-"+stage) }

// StageStanding reports how a stage of this boot stands: it has not begun, it began and
// did not end, or it ended.
func (s *Store) StageStanding(stage string) (Standing, error) { return s.standing(stageMark(stage)) }

// StageDone records that a stage ended, or that another stage has run what it left undone.
func (s *Store) StageDone(stage string) error {
	mark := stageMark(stage)
	return errors.Join(s.write(mark, nil, false), s.host.RemoveAll(mark+startedSuffix))
}

// StageUndone records that a stage ended and could do nothing: its work is the next one's.
func (s *Store) StageUndone(stage string) error {
	mark := stageMark(stage)
	return errors.Join(s.host.RemoveAll(mark), s.host.RemoveAll(mark+startedSuffix))
}

// forgetStages forgets the last run of the stages, and what was done once a boot in it.
func (s *Store) forgetStages() error {
	files, err := s.host.Glob(path.Join(RunDir, "sem", "*"))
	for _, file := range files {
		name := path.Base(file)
		if strings.HasPrefix(name, "stage-") || strings.HasPrefix(name, "config_") || strings.HasPrefix(name, "program_") {
			err = errors.Join(err, s.host.RemoveAll(file))
		}
	}
	return err
}

// StageMissed records why a stage could not run: another process did not let it. What it
// would have done is the next stage's to do. A boot whose first stage that is begins all the
// same, and the unit of the next one starts.
func (s *Store) StageMissed(stage string, why error) error {
	var errs []error
	if stage == StageLocal {
		errs = append(errs, s.BeginBoot(), s.write(awaitedFile, nil, false))
	}
	return errors.Join(append(errs, s.update(func(status *Status) {
		at := status.Stages[stage]
		at.Errors = append(at.Errors, why.Error())
	}))...)
}

// BootBegun reports whether the stages of this boot are this program's: a later stage by
// itself is one that somebody runs by hand, or of a boot that began with another program.
func (s *Store) BootBegun() bool { return s.host.Exists(bootFile) }
