package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"cloudseed/bootlog/events"

	"github.com/google/go-cmp/cmp"
)

func TestLinesThatAreEvents(t *testing.T) {
	t.Parallel()
	const at = "2026-08-21 17:15:34,250 - x.py[DEBUG]: "
	const seconds = 1787332534.25
	for name, row := range map[string]struct {
		line    string
		want    []events.Event
		skipped int
	}{
		"a stage begins with its banner": {
			line: at + "Cloud-init v. 26.2-1 running 'init' at Fri, 21 Aug 2026 17:15:34 +0000. Up 1.56 seconds.",
			want: []events.Event{{Name: "init-network", Description: "searching for network datasources", Time: seconds}},
		},
		"its modes have a dash": {
			line: at + "Cloud-init v. 26.2-1 running 'modules:final' at Fri, 21 Aug 2026 17:15:34 +0000. Up 1.56 seconds.",
			want: []events.Event{{Name: "modules-final", Description: "finalizing modules", Time: seconds}},
		},
		"a step begins": {
			line: at + "start: init-local/search: looking for it",
			want: []events.Event{{Name: "init-local/search", Description: "looking for it", Time: seconds}},
		},
		"a step ends": {
			line: at + "finish: init-local/search: FAIL: not found: none",
			want: []events.Event{{Name: "init-local/search", Description: "not found: none", Finish: true, Result: "FAIL", Time: seconds}},
		},
		"the final message is none":       {line: at + "Cloud-init v. 26.2-1 finished at Fri, 21 Aug 2026 17:15:34 +0000."},
		"a single module is none":         {line: at + "Cloud-init v. 26.2-1 running 'single' at Fri, 21 Aug 2026.", skipped: 1},
		"another program's line is none":  {line: "kernel: start: of something"},
		"a line of the log is none":       {line: at + "ran argv=x"},
		"without a description it is one": {line: at + "start: x", skipped: 1},
		"a time that is none":             {line: "yesterday - x.py[DEBUG]: start: a: b", skipped: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, skipped, err := events.Read(strings.NewReader(row.line + "\n"))
			if err != nil || skipped != row.skipped {
				t.Errorf("skipped %d, want %d: %v", skipped, row.skipped, err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("the events differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnEmptyLogIsAnError(t *testing.T) {
	t.Parallel()
	if _, _, err := events.Read(strings.NewReader(" \n")); !errors.Is(err, events.ErrEmpty) {
		t.Errorf("it is %v", err)
	}
}

// What "analyze dump" prints can be analyzed again.
func TestEventsAreReadAgainFromTheirJSON(t *testing.T) {
	t.Parallel()
	want := []events.Event{{Name: "a", Description: "b", Time: 1.5}, {Name: "a", Description: "c", Finish: true, Result: "WARN", Time: 2}}
	var all []any
	for _, e := range want {
		all = append(all, e.JSON())
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := events.Read(strings.NewReader(string(data)))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A log that was cut off, or that another process wrote to as well, is analyzed as far as it goes.
func TestEventsThatDoNotPairAreNoPanic(t *testing.T) {
	t.Parallel()
	for _, list := range [][]events.Event{
		nil,
		{{Name: "a", Finish: true}},
		{{Name: "a"}, {Name: "b"}, {Name: "a", Finish: true}},
		{{Name: "init-local"}, {Name: "init-local"}},
	} {
		if boots := events.Boots(list, "%n"); len(boots) == 0 {
			t.Errorf("%v: there is no boot", list)
		}
	}
}
