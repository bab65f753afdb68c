package boot

import (
	"context"
	"errors"
	"fmt"

	"cloudseed/host"
)

// injectFiles writes the files that a config drive asks for, for a new instance only
// and before the machine becomes it: after a power cut it is still new. Mode and time
// are cloud-init's. What cannot be written costs no other file.
func (b *Boot) injectFiles(context.Context) error {
	if len(b.instance.seed.Files) == 0 {
		return nil
	}
	previous, err := b.store.PreviousID()
	if err != nil {
		return fmt.Errorf("cannot write the files of the config drive: %w", err)
	}
	if previous == b.instance.seed.InstanceID {
		return nil
	}
	h := b.o.Host.As(b.stage.name, "datasource")
	var errs []error
	for _, f := range b.instance.seed.Files {
		if _, err := h.WriteFile(f.Path, f.Content.Reveal(), host.File{Mode: 0o660, Secret: true}); err != nil {
			errs = append(errs, fmt.Errorf("file of the config drive: %w", err))
		}
	}
	return errors.Join(errs...)
}
