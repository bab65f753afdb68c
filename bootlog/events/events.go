// Package events reads the events of boots out of cloud-init's log: which stage or step began
// and ended when, and how.
//
// In come lines of a log, cloud-init's or this program's; out go events, and what people read of
// them. It knows nothing of what the steps do.
package events

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Event is a stage or a step that begins or has ended.
type Event struct {
	Name        string // "init-local", "init-local/search-NoCloud"
	Description string
	Finish      bool    // it ended; else it begins
	Result      string  // of one that ended: SUCCESS, WARN or FAIL
	Time        float64 // seconds since 1970
}

// The kinds of events, as the log and the JSON have them.
const (
	start  = "start"
	finish = "finish"
)

// String is the event as the log has it.
func (e Event) String() string {
	if e.Finish {
		return fmt.Sprintf("%s: %s: %s: %s", finish, e.Name, e.Result, e.Description)
	}
	return fmt.Sprintf("%s: %s: %s", start, e.Name, e.Description)
}

// JSON is the event as "analyze dump" prints it.
func (e Event) JSON() map[string]any {
	fields := map[string]any{
		"name": e.Name, "description": e.Description, "timestamp": e.Time, "origin": "cloudinit", "event_type": start,
	}
	if e.Finish {
		fields["event_type"], fields["result"] = finish, e.Result
	}
	return fields
}

// ErrEmpty says that there is nothing in a log.
var ErrEmpty = errors.New("the log is empty")

// Read reads the events of a log, or those that "analyze dump" printed. skipped is how many
// lines look like events and are none.
func Read(r io.Reader) (list []Event, skipped int, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	if strings.TrimSpace(string(data)) == "" {
		return nil, 0, ErrEmpty
	}
	if list, err := dumped(data); err == nil {
		return list, 0, nil
	}
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		switch e, what := parse(lines.Text()); what {
		case isEvent:
			list = append(list, e)
		case isBroken:
			skipped++
		}
	}
	return list, skipped, lines.Err()
}

func dumped(data []byte) ([]Event, error) {
	var read []struct {
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Type        string  `json:"event_type"`
		Result      string  `json:"result"`
		Time        float64 `json:"timestamp"`
	}
	err := json.Unmarshal(data, &read)
	var list []Event
	for _, e := range read {
		list = append(list, Event{e.Name, e.Description, e.Type == finish, e.Result, e.Time})
	}
	return list, err
}

// stages are what a banner says that begins, by its words: "Cloud-init v. 26.2-1 running
// 'modules:final' at …". The log is not open yet when cloud-init reports the begin of a stage.
var stages = map[string]Event{
	"init-local":     {Name: "init-local", Description: "starting search for local datasources"},
	"init":           {Name: "init-network", Description: "searching for network datasources"},
	"modules:config": {Name: "modules-config", Description: "running config modules"},
	"modules:final":  {Name: "modules-final", Description: "finalizing modules"},
}

// line is what a line of a log is.
type line int

const (
	isOther  line = iota // neither of these
	isEvent              // an event
	isBroken             // it looks like an event, and cannot be understood
)

// parse reads a line.
func parse(text string) (e Event, what line) {
	banner := strings.Contains(text, "Cloud-init v.")
	if !banner && !strings.Contains(text, start+":") && !strings.Contains(text, finish+":") {
		return e, isOther
	}
	at, text, found := strings.Cut(text, " - ")
	if !found {
		return e, isOther // another program's
	}
	when, err := time.Parse("2006-01-02 15:04:05,000", at)
	if err != nil || strings.Contains(text, " - ") {
		return e, isBroken
	}
	if banner {
		return parseBanner(text, when)
	}
	// handlers.py[DEBUG]: finish: init-local/check-cache: SUCCESS: no cache found
	_, text, _ = strings.Cut(text, "]: ")
	kind, rest, _ := strings.Cut(text, ": ")
	e.Name, e.Description, found = strings.Cut(rest, ": ")
	if !found || kind != start && kind != finish {
		return e, isBroken
	}
	e.Time = seconds(when)
	if kind == finish {
		e.Finish = true
		e.Result, e.Description, _ = strings.Cut(e.Description, ": ")
	}
	return e, isEvent
}

// parseBanner reads the banner of a stage; the final message looks like one.
func parseBanner(text string, when time.Time) (Event, line) {
	_, running, begins := strings.Cut(text, " running '")
	if !begins {
		return Event{}, isOther
	}
	stage, _, _ := strings.Cut(running, "'")
	e, known := stages[stage]
	if !known {
		return Event{}, isBroken
	}
	e.Time = seconds(when)
	return e, isEvent
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Boots are the events of each boot as lines of a format, in their order. A step that ended
// with nothing in between is a line; a stage has one where it begins and one where it ends.
// cloud-init's formats have %d (how long), %D (description), %E (since the boot's first event), %e
// (kind), %I (indentation), %n (name), %o (origin), %r (result) and %t (time).
func Boots(list []Event, format string) [][]string {
	var boots [][]string
	var lines []string
	var open []Event // stages that have not ended
	var total, first float64
	begun := false
	end := func() {
		boots = append(boots, append(lines, fmt.Sprintf("Total Time: %3.5f seconds\n", total)))
		lines, total, begun = nil, 0, false
	}
	for i, e := range list {
		if e.Finish {
			if last := len(open) - 1; last >= 0 && open[last].Name == e.Name {
				took := e.Time - open[last].Time
				open, total = open[:last], total+took
				lines = append(lines, fmt.Sprintf("Finished stage: (%s) %08.5f seconds\n", e.Name, took))
			}
			continue
		}
		if len(lines) > 0 && e.Name == "init-local" {
			end()
		}
		if !begun {
			begun, first = true, e.Time
		}
		if i+1 < len(list) && list[i+1].Name == e.Name {
			if list[i+1].Finish {
				lines = append(lines, formatted(format, e, list[i+1], first))
			}
			continue
		}
		lines = append(lines, "Starting stage: "+e.Name)
		open = append(open, e)
	}
	end()
	return boots
}

func formatted(format string, begin, end Event, first float64) string {
	return strings.NewReplacer(
		"%d", fmt.Sprintf("%08.5f", end.Time-begin.Time),
		"%D", end.Description,
		"%E", fmt.Sprintf("%08.5f", begin.Time-first),
		"%e", finish,
		"%I", "|"+strings.Repeat(" ", max(strings.Count(begin.Name, "/")-1, 0))+"`->",
		"%n", end.Name,
		"%o", "cloudinit",
		"%r", end.Result,
		"%t", fmt.Sprintf("%08.5f", end.Time),
	).Replace(format)
}
