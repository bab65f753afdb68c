package boot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"cloudseed/bootlog/events"
	"cloudseed/config"
	"cloudseed/modules"
	"cloudseed/printable"
)

// The key "reporting" says who is told of events: {NAME: {type: log|print|webhook, …}}. The handlers
// and their options are those of cloud-init's cloudinit/reporting; "logging" is there unless it is
// taken away, and writes the events that "analyze" reads.

// Bounds of a webhook.
//
// Differences from cloud-init: there each event is waited for at the end of a stage, each for as long
// as the configuration says, or for ever.
const (
	webhookTime     = 5 * time.Second // for one event, at the most
	webhookFailures = 3               // one after the other; then it is told of no more
	webhookQueue    = 1000            // events that wait; those beyond are lost
	webhookPatience = 3 * time.Second // for the events that wait when the stage is over
)

// reporting tells of events.
type reporting struct {
	level slog.Level // of events in the log
	quiet bool       // the log has none
	print io.Writer  // nil: nobody reads them
	hooks []*webhook
	ended []*webhook // of stages of this process that are over
}

// webhook is a URL to which events are posted, one after the other, while the stage goes on.
type webhook struct {
	post   func(ctx context.Context, e events.Event) error
	queue  chan events.Event
	over   sync.WaitGroup
	cancel context.CancelCauseFunc
	lost   int   // read when it is over
	err    error // of the last event that was lost
}

// configureReporting reads the key "reporting" for a stage. What is wrong with it is told of in the
// stage that applies user data.
func (run *runner) configureReporting(ctx context.Context, list string) {
	r := &run.reports.reporting
	r.ended = append(r.ended, r.hooks...)
	r.level, r.quiet, r.print, r.hooks = slog.LevelDebug, false, nil, nil
	var found config.Findings
	value := run.config.Get("reporting")
	at := found.At(value.Pos(), "reporting").With(value)
	switch at.Kind() {
	case config.Map:
		for _, e := range at.Entries() {
			run.addHandler(ctx, e.Key, e.Value)
		}
	case config.Null:
	default:
		at.Warnf("expected a mapping of handlers, got %s; events are in the log alone", config.Shown(at.Value()))
	}
	if list == string(modules.InitStage) {
		run.reports.problems(found.List())
	}
}

// addHandler has a handler be told of events. One without a value is taken away, as with cloud-init.
func (run *runner) addHandler(ctx context.Context, name string, at config.Cursor) {
	r := &run.reports.reporting
	if on, isBool := config.AsBool(at.Value()); at.IsNull() || isBool && !on || at.Kind() == config.Map && len(at.Entries()) == 0 {
		r.quiet = r.quiet || name == "logging"
		return
	}
	switch kind := at.Get("type").Text(); kind {
	case "log":
		r.level = eventLevel(at.Get("level"))
	case "print":
		r.print = run.standardError()
	case "webhook":
		run.addWebhook(ctx, at)
	case "hyperv":
		at.Get("type").Notef("events are not reported to Hyper-V")
	default:
		at.Warnf("expected the type log, print or webhook, got %s; the handler is skipped", config.Shown(at.Get("type").Value()))
	}
}

// eventLevel is the level of events in the log.
//
// Difference from cloud-init: it is debug or info. An event that is a warning would have each boot
// be degraded.
func eventLevel(at config.Cursor) slog.Level {
	switch level := strings.ToUpper(at.Text()); {
	case at.IsNull(), level == "DEBUG", level == "NOTSET", level == "10", level == "0":
		return slog.LevelDebug
	case level != "INFO" && level != "20":
		at.Notef("events are in the log at the level INFO")
	}
	return slog.LevelInfo
}

// addWebhook starts to post events to a URL, where there is a network.
func (run *runner) addWebhook(ctx context.Context, at config.Cursor) {
	endpoint := at.Get("endpoint").Text()
	if endpoint == "" {
		at.Warnf("endpoint is missing; the handler is skipped")
		return
	}
	for _, key := range []string{"consumer_key", "token_key", "token_secret", "consumer_secret"} {
		if !at.Get(key).IsNull() {
			at.Get(key).Warnf("events are not signed by OAuth; the handler is skipped")
			return
		}
	}
	post := run.inputs.Post()
	if post == nil || run.inputs.IsEarly() {
		return
	}
	limit := webhookTime
	if n, ok := at.Get("timeout").Value().Int(); ok && n > 0 && n < int64(limit/time.Second) {
		limit = time.Duration(n) * time.Second
	}
	ctx, cancel := context.WithCancelCause(ctx)
	hook := &webhook{queue: make(chan events.Event, webhookQueue), cancel: cancel}
	hook.post = func(ctx context.Context, e events.Event) error {
		content, err := json.Marshal(e.JSON())
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("it took longer than "+limit.String()))
		defer cancel()
		return post(ctx, endpoint, content, "application/json", 1)
	}
	hook.over.Go(func() { hook.run(ctx) })
	run.reports.reporting.hooks = append(run.reports.reporting.hooks, hook)
}

// run posts the events of the queue until it is closed.
func (w *webhook) run(ctx context.Context) {
	for failures := 0; ; {
		e, more := <-w.queue
		if !more {
			return
		}
		if failures < webhookFailures && ctx.Err() == nil {
			err := w.post(ctx, e)
			if err == nil {
				failures = 0
				continue
			}
			w.err = err
			failures++
		}
		w.lost++
	}
}

// end waits for the events that are left, for a short time.
func (w *webhook) end(log *slog.Logger) {
	close(w.queue)
	timer := time.AfterFunc(webhookPatience, func() { w.cancel(errors.New("the stage is over")) })
	defer timer.Stop()
	w.over.Wait()
	w.cancel(nil)
	if w.lost > 0 {
		log.Info("not all events could be reported", "lost", w.lost, "why", w.err)
	}
}

// publish tells of an event.
func (r *reporting) publish(log *slog.Logger, e events.Event) {
	e.Time = float64(time.Now().UnixMicro()) / 1e6
	if !r.quiet {
		log.Log(context.Background(), r.level, e.String())
	}
	r.tell(e)
}

// tell tells of an event that the log has in other words.
func (r *reporting) tell(e events.Event) {
	if r.print != nil {
		// Nobody is to be told that nobody can be told.
		_, _ = printable.Fprintf(r.print, "%s\n", e.String())
	}
	for _, w := range r.hooks {
		select {
		case w.queue <- e:
		default: // it is behind by far, and is told at its end of what it can post
		}
	}
}

// AwaitReports waits until those who are told of events have been told, for a short time: whoever
// holds the machine gives it back first.
func (b *Boot) AwaitReports() {
	r := &b.reports.reporting
	var all sync.WaitGroup
	for _, w := range append(r.ended, r.hooks...) {
		all.Go(func() { w.end(b.log) })
	}
	all.Wait()
	r.ended, r.hooks = nil, nil
}
