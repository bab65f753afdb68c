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
		e, is, ok := parse(lines.Text())
		switch {
		case ok && is:
			list = append(list, e)
		case !ok:
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

// parse reads a line. is is false for one that is no event; ok for one that looks like one, and
// cannot be understood.
func parse(line string) (e Event, is, ok bool) {
	banner := strings.Contains(line, "Cloud-init v.")
	if !banner && !strings.Contains(line, start+":") && !strings.Contains(line, finish+":") {
		return e, false, true
	}
	at, text, found := strings.Cut(line, " - ")
	if !found {
		return e, false, true // another program's line
	}
	when, err := time.Parse("2006-01-02 15:04:05,000", at)
	if err != nil || strings.Contains(text, " - ") {
		return e, false, false
	}
	if banner {
		_, running, is := strings.Cut(text, " running '")
		stage, _, _ := strings.Cut(running, "'")
		e, known := stages[stage]
		e.Time = seconds(when)
		return e, is && known, !is || known
	}
	// handlers.py[DEBUG]: finish: init-local/check-cache: SUCCESS: no cache found
	_, text, _ = strings.Cut(text, "]: ")
	kind, rest, _ := strings.Cut(text, ": ")
	e.Name, e.Description, found = strings.Cut(rest, ": ")
	if !found || kind != start && kind != finish {
		return e, false, false
	}
	e.Time = seconds(when)
	if kind == finish {
		e.Finish = true
		e.Result, e.Description, _ = strings.Cut(e.Description, ": ")
	}
	return e, true, true
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
