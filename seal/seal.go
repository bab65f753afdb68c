// Package seal makes a guest ready to be cloned: it finds what identifies this one machine,
// and removes it.
//
// In comes a machine, running or below an image's root; out goes what was found, by kind.
// Accounts, their keys and the hostname are the administrator's, and stay.
package seal

import (
	"context"
	"errors"
	"fmt"

	"cloudseed/host"
)

// Found is what a machine has of one kind of trace.
type Found struct {
	Kind  string   `json:"kind"`
	Paths []string `json:"paths"`

	trace trace
}

// Find returns what identifies the machine, by kind. Nothing is changed.
func Find(h *host.Host) ([]Found, error) {
	var found []Found
	for _, t := range traces() {
		paths, err := t.find(h)
		if err != nil {
			return nil, fmt.Errorf("cannot look for what identifies this machine (%s): %w", t.kind, err)
		}
		if len(paths) > 0 {
			found = append(found, Found{t.kind, paths, t})
		}
	}
	return found, nil
}

// Remove removes what was found, all that it can. The error says what is still there.
func (f Found) Remove(ctx context.Context, h *host.Host) error {
	var errs []error
	if f.trace.before != nil {
		errs = append(errs, f.trace.before(ctx, h))
	}
	remove := f.trace.remove
	if remove == nil {
		remove = (*host.Host).RemoveAll
	}
	for _, path := range f.Paths {
		errs = append(errs, remove(h, path))
	}
	return errors.Join(errs...)
}
