// Package bootlog is how the agent says what it does: to the log file in
// cloud-init's line format, to the journal with fields, to the console when it
// matters, and to the boot's status.
//
// In come slog records, out go lines. It knows nothing of what they are about.
package bootlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"cloudseed/printable"

	"github.com/coreos/go-systemd/v22/journal"
)

// LevelDeprecated is between warning and error, as cloud-init has it.
const LevelDeprecated = slog.Level(6)

// levelName is a level as cloud-init's log and status.json spell it.
func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < LevelDeprecated:
		return "WARNING"
	case level < slog.LevelError:
		return "DEPRECATED"
	default:
		return "ERROR"
	}
}

// Journal takes a record's message, its syslog priority and its fields.
type Journal func(message string, priority int, fields map[string]string) error

// ToJournal is the machine's journal.
func ToJournal(message string, priority int, fields map[string]string) error {
	return journal.Send(message, journal.Priority(priority), fields)
}

// Handler fans records out to the places that want them. Its zero value drops all.
type Handler struct {
	File    io.Writer // every record, a line each
	Console io.Writer // warnings and worse
	Journal Journal   // info and worse, with fields
	Level   slog.Level

	attrs  []slog.Attr
	shared *recorder
}

// recorder keeps what the status is to tell of, for all loggers made from one
// Handler.
type recorder struct {
	mu       sync.Mutex
	messages map[string][]string
	dropped  map[string]int // how many more there were
}

// New makes a logger on a handler, and the function that gives the messages of
// warnings and worse since it was last called, by level.
func New(h Handler) (*slog.Logger, func() map[string][]string) {
	h.shared = &recorder{messages: map[string][]string{}, dropped: map[string]int{}}
	return slog.New(&h), h.shared.take
}

// maxKept is how many messages of a level are kept for the status, which everybody reads
// as a whole. The log has all of them.
const maxKept = 200

// keep keeps a message. The caller has the lock.
func (r *recorder) keep(level, message string) {
	if len(r.messages[level]) < maxKept {
		r.messages[level] = append(r.messages[level], message)
	} else {
		r.dropped[level]++
	}
}

func (r *recorder) take() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.messages
	for level, more := range r.dropped {
		messages[level] = append(messages[level], fmt.Sprintf("and %d more, in the log", more))
	}
	r.messages, r.dropped = map[string][]string{}, map[string]int{}
	return messages
}

// Enabled, WithAttrs, WithGroup and Handle are slog's.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.Level }

// WithAttrs adds attributes to every record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	more.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	return &more
}

// WithGroup is not used by this program: attributes are flat.
func (h *Handler) WithGroup(string) slog.Handler { return h }

// Handle writes one record everywhere. One place that fails does not cost the others.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	attrs := append([]slog.Attr{}, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	message := printable.String(text(r.Message, attrs)) // one event, one line, whatever it holds
	var errs []error
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	if h.File != nil {
		_, err := io.WriteString(h.File, line(r, message))
		errs = append(errs, err)
	}
	if r.Level >= slog.LevelWarn {
		if h.Console != nil {
			_, err := fmt.Fprintf(h.Console, "cloudseed: %s\n", message)
			errs = append(errs, err)
		}
		h.shared.keep(levelName(r.Level), message)
	}
	if h.Journal != nil && r.Level >= slog.LevelInfo {
		errs = append(errs, h.Journal(message, int(priority(r.Level)), fields(attrs)))
	}
	return errors.Join(errs...)
}

// line is a record as cloud-init's log has it, which tools parse:
// "2026-08-21 17:15:34,123 - file.py[LEVEL]: message", in UTC.
func line(r slog.Record, message string) string {
	source := "cloudseed"
	if frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next(); frame.File != "" {
		source = filepath.Base(frame.File)
	}
	at := r.Time.UTC()
	stamp := at.Format(time.DateTime) + fmt.Sprintf(",%03d", at.Nanosecond()/int(time.Millisecond))
	return fmt.Sprintf("%s - %s[%s]: %s\n", stamp, source, levelName(r.Level), message)
}

func text(message string, attrs []slog.Attr) string {
	var out strings.Builder
	out.WriteString(message)
	for _, a := range attrs {
		if a.Key == "stage" || a.Key == "step" {
			continue // said once, when it begins
		}
		value := a.Value.Resolve().String()
		if value == "" || strings.ContainsAny(value, " \"=\n") {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&out, " %s=%s", a.Key, value)
	}
	return out.String()
}

// fields are a record's attributes as the journal names them: CLOUDSEED_MODULE.
func fields(attrs []slog.Attr) map[string]string {
	vars := map[string]string{"SYSLOG_IDENTIFIER": "cloudseed"}
	for _, a := range attrs {
		vars["CLOUDSEED_"+strings.ToUpper(strings.ReplaceAll(a.Key, "-", "_"))] = a.Value.Resolve().String()
	}
	return vars
}

func priority(level slog.Level) journal.Priority {
	switch {
	case level < slog.LevelInfo:
		return journal.PriDebug
	case level < slog.LevelWarn:
		return journal.PriInfo
	case level < slog.LevelError:
		return journal.PriWarning
	default:
		return journal.PriErr
	}
}
