package boot

import (
	"context"
	"fmt"

	"cloudseed/state"
)

// askReboot is how a module asks for a reboot, which is made at the end of the boot's last
// stage; nil where none will be.
func (b *Boot) askReboot() func(why string) {
	if b.Options.Reboot == nil || b.stage != state.StageFinal {
		return nil
	}
	return func(why string) { b.restart = why }
}

// reboot reboots the machine if a module asked for it. All is recorded by then: the next
// boot does nothing of this one again.
func (b *Boot) reboot(ctx context.Context) {
	if b.restart == "" {
		return
	}
	b.Log.Warn("rebooting: " + b.restart)
	b.restart = ""
	if err := b.Options.Reboot(ctx); err != nil {
		b.note(fmt.Errorf("cannot reboot: %w", err))
	}
}
