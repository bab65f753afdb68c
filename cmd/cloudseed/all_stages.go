package main

import (
	"context"
	"errors"

	"cloudseed/boot"
)

// runAllStages runs the stages of a boot one after the other, in this process. systemd runs
// each as a unit of its own; this is for who starts them without it.
//
// Difference from cloud-init: there the process waits at a socket before each stage, until
// the stage's unit writes to it.
func (g *globals) runAllStages(ctx context.Context) error {
	m, err := g.openLogs()
	if err != nil {
		return err
	}
	if err := m.turn.take(ctx, turnTime); err != nil {
		return errors.Join(err, m.Close())
	}
	b := m.boot(boot.Options{Power: m.power()})
	errs := b.RunAll(ctx)
	err = errors.Join(m.host.Sync(), m.turn.Close())
	b.AwaitReports()
	if err := errors.Join(err, m.release()); err != nil {
		return err
	}
	if len(errs) > 0 {
		return exitCode(exitError) // the log has said why, on standard error too
	}
	return nil
}
