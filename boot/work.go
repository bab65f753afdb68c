package boot

import (
	"fmt"
	"time"

	"cloudseed/state"
)

// How long a module is at work before the status tells of it, and how often the console does.
const (
	statusAfter  = 2 * time.Second
	consoleEvery = 30 * time.Second
)

// tellOfWork tells of a module that is at work for long, in the status and on the console,
// until stop is called. A short one costs nothing.
func (run *runner) tellOfWork(module string) (stop func()) {
	work := state.Work{Module: module, Stage: run.stage.name, Since: run.o.Host.Now()}
	store, done, ended := state.New(run.o.Host), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		timer := time.NewTimer(statusAfter)
		defer timer.Stop()
		select {
		case <-done:
			return
		case <-timer.C:
		}
		if err := store.SetRunning(work); err != nil {
			run.o.Log.Debug("the status does not tell what runs", "error", err.Error())
		}
		ticker := time.NewTicker(consoleEvery)
		defer ticker.Stop()
		for begun := time.Now(); ; {
			select {
			case <-done:
				if err := store.NotRunning(); err != nil {
					run.o.Log.Debug("the status still tells what ran", "error", err.Error())
				}
				return
			case <-ticker.C:
				if run.o.Console == nil {
					continue
				}
				took := (time.Since(begun) + statusAfter).Round(time.Second)
				if _, err := fmt.Fprintf(run.o.Console, "cloudseed: %s has been at work for %s\n", module, took); err != nil {
					run.o.Log.Debug("cannot write to the console", "error", err.Error())
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}
