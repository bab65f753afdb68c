// Package service has services of a guest read their configuration, and start at boot.
//
// In comes a unit's name, out go calls of systemctl. In an image nothing runs: there a unit
// is enabled and no more. Whoever wants a service knows why.
package service

import (
	"context"
	"errors"
	"fmt"

	"cloudseed/host"
)

// Reload has a service that runs read its configuration: by its own reload, or a restart.
func Reload(ctx context.Context, h *host.Host, unit string) error {
	err := systemctl(ctx, h, "try-reload-or-restart", unit)
	var exit *host.ExitError
	if errors.As(err, &exit) {
		// EL7's systemd 219 knows it by its old name (systemd 229).
		if again := systemctl(ctx, h, "reload-or-try-restart", unit); again == nil {
			return nil
		}
	}
	return wrapped(err, "reload", unit)
}

// Start has a service read its configuration, and starts one that does not run.
func Start(ctx context.Context, h *host.Host, unit string) error {
	return wrapped(systemctl(ctx, h, "reload-or-restart", unit), "start", unit)
}

// Restart restarts a service, and starts one that does not run.
func Restart(ctx context.Context, h *host.Host, unit string) error {
	return wrapped(systemctl(ctx, h, "restart", unit), "restart", unit)
}

// Enable has a service start at each boot; in an image too, by its own systemctl.
func Enable(ctx context.Context, h *host.Host, unit string) error {
	if h.UnitEnabled(unit) {
		return nil
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "enable", unit}})
	return wrapped(err, "enable", unit)
}

// systemctl calls the program of that name; an image has nothing that it could reach.
func systemctl(ctx context.Context, h *host.Host, verb, unit string) error {
	if !h.Runs() {
		return nil
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", verb, unit}})
	return err
}

func wrapped(err error, verb, unit string) error {
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, unit, err)
	}
	return nil
}
