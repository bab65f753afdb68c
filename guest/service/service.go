// Package service has services of a guest read their configuration, and start at boot.
//
// In comes a unit's name, out go calls of systemctl. In an image nothing runs: there a unit
// is enabled and no more. Whoever wants a service knows why.
package service

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cloudseed/host"
)

// Reload has a service that runs read its configuration: by its own reload, or a restart.
func Reload(ctx context.Context, h *host.Host, unit string) error {
	result, err := systemctl(ctx, h, "try-reload-or-restart", unit)
	if err != nil && strings.Contains(result.Stderr, "Unknown operation") {
		// EL7's systemd 219 knows it by its old name (systemd 229).
		_, err = systemctl(ctx, h, "reload-or-try-restart", unit)
	}
	return wrapped(err, "reload", unit)
}

// Start has a service read its configuration, and starts one that does not run.
func Start(ctx context.Context, h *host.Host, unit string) error {
	_, err := systemctl(ctx, h, "reload-or-restart", unit)
	return wrapped(err, "start", unit)
}

// Restart restarts a service, and starts one that does not run.
func Restart(ctx context.Context, h *host.Host, unit string) error {
	_, err := systemctl(ctx, h, "restart", unit)
	return wrapped(err, "restart", unit)
}

// Enable has a service start at each boot; in an image too, by its own systemctl.
func Enable(ctx context.Context, h *host.Host, unit string) error {
	if err := Check(unit); err != nil {
		return err
	}
	if h.Units().Enabled(withSuffix(unit)) {
		return nil
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "enable", unit}})
	return wrapped(err, "enable", unit)
}

// systemctl calls the program of that name; an image has nothing that it could reach.
func systemctl(ctx context.Context, h *host.Host, verb, unit string) (host.Result, error) {
	if err := Check(unit); err != nil || !h.Runs() {
		return host.Result{}, err
	}
	return h.Run(ctx, host.Command{Argv: []string{"systemctl", verb, unit}})
}

// unitName is what systemd.unit(5) allows in a name, without what begins an option.
var unitName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.:@\\][A-Za-z0-9_.:@\\-]{0,200}$`) })

// Check returns why a name is not that of a unit. One that begins with "-" would be an option of
// systemctl.
func Check(unit string) error {
	if !unitName().MatchString(unit) {
		return fmt.Errorf("%.80q is not the name of a systemd unit", unit)
	}
	return nil
}

// suffixes are those of the units that can be enabled.
var suffixes = []string{".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap"}

// withSuffix is a name as the file of the unit has it: that of a service unless it says more.
func withSuffix(unit string) string {
	if slices.Contains(suffixes, path.Ext(unit)) {
		return unit
	}
	return unit + ".service"
}

func wrapped(err error, verb, unit string) error {
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, unit, err)
	}
	return nil
}
