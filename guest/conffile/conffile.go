// Package conffile writes the configuration of other programs, so that none of them finds
// a file that it refuses.
//
// In come a file's content and how its program checks it; the content is written aside, checked,
// and only then takes effect. It knows none of these programs.
package conffile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"cloudseed/host"
)

// Check has the program that reads a file say whether it accepts it: aside is the path of a
// copy in the file's own directory. An error is why the file is not written.
type Check func(ctx context.Context, aside string) error

// Write writes a file after check, which may be nil, has accepted its content. What is there
// already is not checked again.
func Write(ctx context.Context, h *host.Host, file string, content []byte, f host.File, check Check) (changed bool, err error) {
	if old, err := h.ReadFile(file); check == nil || err == nil && bytes.Equal(old, content) {
		return h.WriteFile(file, content, f)
	}
	if err := checked(ctx, h.Quietly(), file, content, check); err != nil {
		return false, fmt.Errorf("%s is not written: %w", file, err)
	}
	return h.WriteFile(file, content, f)
}

// checked writes the content aside for the check. The name is one that readers of whole
// directories pass over: it begins with a dot and ends with a tilde.
func checked(ctx context.Context, h *host.Host, file string, content []byte, check Check) (err error) {
	aside := path.Join(path.Dir(file), "."+path.Base(file)+".check~")
	if _, err := h.WriteFile(aside, content, host.File{Mode: 0o600}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Remove(aside)) }()
	return check(ctx, aside)
}
