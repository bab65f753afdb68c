package boot

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"sync"
	"time"

	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/state"
)

// How long a step or a module is at work before the status tells of it, how often the status follows
// what it does, and how often the console tells of it.
const (
	statusAfter  = 2 * time.Second
	statusEvery  = time.Second
	consoleEvery = 30 * time.Second
)

// work is what a module is at: everybody in the guest may read it, so that it has no
// arguments of commands and no URLs.
type work struct {
	mu    sync.Mutex
	doing string
}

func (w *work) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doing
}

func (w *work) does(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing = what
}

// watch learns what a module does from what it is given to work with.
func (w *work) watch(env *modules.Env) {
	env.Host, env.Fetch, env.Doing = env.Host.Watched(w.runs), w.fetches(env.Fetch), w.does
}

// runs says which program runs; of a shell, which script.
func (w *work) runs(argv []string) {
	program := path.Base(argv[0])
	if len(argv) > 1 && (program == "sh" || program == "bash") && path.IsAbs(argv[1]) {
		program = path.Base(argv[1])
	}
	w.does("running " + program)
}

// fetches is get, and says from where.
func (w *work) fetches(get fetcher) fetcher {
	return func(ctx context.Context, source string, headers map[string]string) ([]byte, error) {
		if u, err := url.Parse(source); err == nil && u.Host != "" {
			w.does("downloading from " + u.Hostname())
		}
		return get(ctx, source, headers)
	}
}

type fetcher = func(ctx context.Context, url string, headers map[string]string) ([]byte, error)

// tellOfWork tells of a step, or of one of its modules, that is at work for long, in the status
// and on the console, until stop is called. A short one costs nothing.
func (run *runner) tellOfWork(module string, w *work) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	begun, since := time.Now(), run.o.Host.Now()
	go func() {
		defer close(ended)
		timer := time.NewTimer(statusAfter)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			run.followWork(state.Work{Module: module, Step: run.stage.step, Stage: run.stage.name, Since: since}, begun, w, done)
		}
	}()
	return func() { close(done); <-ended }
}

func (run *runner) followWork(shown state.Work, begun time.Time, w *work, done <-chan struct{}) {
	store := state.New(run.o.Host)
	update := func() {
		shown.Doing = w.now()
		if err := store.SetRunning(shown); err != nil {
			run.o.Log.Debug("the status does not tell what runs", "error", err.Error())
		}
	}
	update()
	status, console := time.NewTicker(statusEvery), time.NewTicker(consoleEvery)
	defer status.Stop()
	defer console.Stop()
	for {
		select {
		case <-status.C:
			if shown.Doing != w.now() {
				update()
			}
		case <-console.C:
			run.tellConsole(shown, time.Since(begun))
		case <-done:
			if err := store.NotRunning(); err != nil {
				run.o.Log.Debug("the status still tells what ran", "error", err.Error())
			}
			return
		}
	}
}

func (run *runner) tellConsole(shown state.Work, took time.Duration) {
	if run.o.Console == nil {
		return
	}
	line := fmt.Sprintf("cloudseed: %s has been at work for %s", cmp.Or(shown.Module, shown.Step), took.Round(time.Second))
	if shown.Doing != "" {
		line += ": " + shown.Doing
	}
	if _, err := printable.Fprintf(run.o.Console, "%s\n", line); err != nil {
		run.o.Log.Debug("cannot write to the console", "error", err.Error())
	}
}
