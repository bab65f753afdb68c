package boot_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// reported boots a guest whose seed says who is told of events, and returns what is printed, the log
// and the warnings.
func reported(t *testing.T, reporting string) (printed, log string, warnings []string) {
	t.Helper()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nruncmd: [a]\nreporting: "+reporting+"\n"))
	var out, kept bytes.Buffer
	for _, stage := range state.Stages {
		o := g.options(t)
		o.Console = &out
		o.Log, o.Warnings = bootlog.New(bootlog.Handler{File: &kept, Level: slog.LevelDebug})
		b := boot.New(o)
		b.Run(t.Context(), stage)
		b.AwaitReports()
		warnings = append(warnings, b.Report().Warnings...)
	}
	return out.String(), kept.String(), warnings
}

func TestEventsArePrintedAndPosted(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	var posted []map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		event := map[string]any{}
		if err == nil {
			err = json.Unmarshal(content, &event)
		}
		if err != nil {
			t.Error(err)
		}
		lock.Lock()
		defer lock.Unlock()
		posted = append(posted, event)
	}))
	defer server.Close()
	printed, log, warnings := reported(t, "{screen: {type: print}, web: {type: webhook, endpoint: '"+server.URL+"', timeout: 5, retries: 1}}")
	if len(warnings) > 0 {
		t.Errorf("it warns: %q", warnings)
	}
	for _, line := range []string{
		"start: modules-config/config-runcmd: running config-runcmd with frequency once-per-instance\n",
		"finish: modules-config/config-runcmd: SUCCESS: config-runcmd ran successfully",
	} {
		if !strings.Contains(printed, line) || !strings.Contains(log, line) {
			t.Errorf("%q is not printed or not logged:\n%s", line, printed)
		}
	}
	lock.Lock()
	defer lock.Unlock()
	for _, want := range []map[string]any{
		{"name": "modules-config", "event_type": "start", "origin": "cloudinit"},
		{"name": "modules-config/config-runcmd", "event_type": "start", "origin": "cloudinit"},
		{"name": "modules-config/config-runcmd", "event_type": "finish", "result": "SUCCESS"},
		{"name": "modules-final", "event_type": "finish", "result": "SUCCESS"},
	} {
		if !slices.ContainsFunc(posted, func(event map[string]any) bool {
			for key, value := range want {
				if event[key] != value {
					return false
				}
			}
			at, ok := event["timestamp"].(float64)
			return ok && at > 1e9
		}) {
			t.Errorf("%v is not posted: %v", want, posted)
		}
	}
}

// The server answers when the boot is over: a boot that waited for it would have no end.
func TestABootDoesNotWaitForAWebhookThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer server.Close()
	defer close(over)
	_, log, warnings := reported(t, "{web: {type: webhook, endpoint: 'http://user:hunter2@"+strings.TrimPrefix(server.URL, "http://")+"', timeout: 1e9, retries: 1000}}")
	if len(warnings) > 0 {
		t.Errorf("a guest that works is degraded: %q", warnings)
	}
	if !strings.Contains(log, "not all events could be reported") {
		t.Error("the log does not say that events were lost")
	}
	if strings.Contains(log, "hunter2") {
		t.Error("the log has the password")
	}
}

// Each of the three stages that have a network gives up for itself.
func TestAWebhookThatRefusesEventsIsToldOfNoMore(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	reported(t, "{web: {type: webhook, endpoint: '"+server.URL+"'}}")
	if got := asked.Load(); got != 3*3 {
		t.Errorf("it is asked %d times, want 3 times in each stage", got)
	}
}

func TestWhatCannotBeAHandlerIsToldOfAndDoesNoHarm(t *testing.T) {
	t.Parallel()
	for reporting, want := range map[string]string{
		"x":                                   `reporting: expected a mapping of handlers, got "x"`,
		"{a: x}":                              "reporting.a: expected the type log, print or webhook",
		"{a: {type: nosuch}}":                 `reporting.a: expected the type log, print or webhook, got "nosuch"`,
		"{a: {type: [print]}}":                "reporting.a: expected the type log, print or webhook",
		"{a: {type: webhook}}":                "reporting.a: endpoint is missing; the handler is skipped",
		"{a: {type: webhook, endpoint: [1]}}": "reporting.a: endpoint is missing; the handler is skipped",
		"{a: {type: webhook, endpoint: x, token_key: hunter2}}": "reporting.a.token_key: events are not signed by OAuth; the handler is skipped",
		"{a: {type: webhook, endpoint: \"\\e[2Jx\"}}":           "",
		"{a: {type: webhook, endpoint: 'file:///etc/passwd'}}":  "",
		"{a: {type: log, level: CRITICAL}}":                     "",
		"{a: {type: hyperv}}":                                   "",
		"{a: null, b: {}, c: false}":                            "",
		"null":                                                  "",
	} {
		t.Run(reporting, func(t *testing.T) {
			t.Parallel()
			_, log, warnings := reported(t, reporting)
			if want == "" && len(warnings) > 0 || want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], want)) {
				t.Errorf("it warns %q, want %q", warnings, want)
			}
			if !strings.Contains(log, "finish: modules-final: SUCCESS") {
				t.Error("the boot does not come to its end in the log")
			}
			if strings.Contains(log, "hunter2") || strings.Contains(log, "\x1b") {
				t.Error("the log has what it must not")
			}
		})
	}
}

func TestEventsInTheLogHaveTheLevelThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for reporting, want := range map[string]string{
		"null":                                  "[DEBUG]: start: modules-config/config-runcmd",
		"{logging: {type: log, level: INFO}}":   "[INFO]: start: modules-config/config-runcmd",
		"{other: {type: log, level: CRITICAL}}": "[INFO]: start: modules-config/config-runcmd",
	} {
		if _, log, _ := reported(t, reporting); !strings.Contains(log, want) {
			t.Errorf("%s: the log has no %s", reporting, want)
		}
	}
	if _, log, _ := reported(t, "null"); !strings.Contains(log, "[DEBUG]: start: init-local/find-seed") {
		t.Error("before the configuration is read, events have another level")
	}
	if _, log, _ := reported(t, "{logging: null}"); strings.Contains(log, "start: modules-config/config-runcmd") {
		t.Error("the log has events that nobody wants")
	}
}
