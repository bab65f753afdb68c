package state

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"cloudseed/host"
)

// cleanedMark says that the state was removed in this boot, while a stage was running: a
// user's command called "clean", as builders of images do. Until the next boot nothing is
// kept any more, so that this is a first one.
const cleanedMark = RunDir + "/.cleaned"

// Cleaned reports whether the state was removed while this boot was going on.
func (s *Store) Cleaned() bool { return isCleaned(s.host) }

func isCleaned(h *host.Host) bool {
	_, err := h.Lstat(cleanedMark)
	return err == nil
}

// Guard returns what host.Options.Guard is to be for a machine: after "clean" has removed
// the state in the middle of a boot, nothing is created below /var/lib/cloud.
func Guard(h *host.Host) func(path string) error {
	return func(at string) error {
		if strings.HasPrefix(path.Clean("/"+at)+"/", CloudDir+"/") && isCleaned(h) {
			return host.ErrDropped
		}
		return nil
	}
}

// Clean removes all state, so that the next boot is a first one. Seeds kept in
// /var/lib/cloud/seed stay unless they are asked to go too. What this boot says of itself
// stays below /run.
func (s *Store) Clean(seeds bool) error {
	if s.Begun() && !s.Finished() {
		if err := s.detach(); err != nil {
			return err
		}
	}
	entries, err := s.host.ReadDir(CloudDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() == "seed" && !seeds {
			continue
		}
		errs = append(errs, s.host.RemoveAll(path.Join(CloudDir, e.Name())))
	}
	return errors.Join(errs...)
}

// detach keeps the status of a boot that is going on, which is among what is removed.
func (s *Store) detach() error {
	status, err := s.Status()
	if err == nil && status != nil {
		err = errors.Join(s.write(cleanedMark, nil, false), s.writeStatus(*status))
	}
	return err
}
