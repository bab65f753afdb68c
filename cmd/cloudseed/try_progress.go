package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"cloudseed/boot"
	"cloudseed/printable"

	"golang.org/x/sys/unix"
)

// insideEvent is a line that the boot inside the sandbox writes to the command outside,
// as it happens. One of its fields is set.
type insideEvent struct {
	Stage   string             `json:",omitempty"` // it begins
	Step    string             `json:",omitempty"` // it begins
	Module  string             `json:",omitempty"` // it begins
	Ended   *boot.ModuleReport `json:",omitempty"` // a module
	Running []string           `json:",omitempty"` // a command begins
	Ran     *triedCommand      `json:",omitempty"`
	Report  *boot.Report       `json:",omitempty"` // at the end
}

// progress shows the boot as it goes on, and keeps what it said. It is the Writer that
// the sandbox's output goes to.
//
//	init-local
//	  set_hostname         ok                   0 ms
//	  ssh                  ok                 729 ms
//
// On a terminal, the last line is what runs now, since when.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time
	stop     chan struct{}
	drawer   sync.WaitGroup // of the terminal's last line

	mu       sync.Mutex
	line     []byte // read so far
	now      string // what runs
	since    time.Time
	modules  []boot.ModuleReport
	commands []triedCommand
	report   boot.Report
	err      error // the first one of w
}

func newProgress(w io.Writer, terminal bool) *progress {
	p := &progress{w: w, terminal: terminal, start: time.Now(), stop: make(chan struct{}), commands: []triedCommand{}}
	if terminal {
		p.drawer.Go(p.draw)
	}
	return p
}

// Write takes lines of JSON. What is no event is an error: it would be a mistake of ours.
func (p *progress) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.line, data...)
	for {
		line, rest, whole := bytes.Cut(p.line, []byte("\n"))
		if !whole {
			return len(data), nil
		}
		var e insideEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, fmt.Errorf("cannot read what the sandbox reports: %w", err)
		}
		p.line = rest
		p.take(e)
	}
}

func (p *progress) take(e insideEvent) {
	switch {
	case e.Stage != "":
		p.print("%s", e.Stage)
		p.runs(e.Stage)
	case e.Step != "":
		p.runs(e.Step)
	case e.Module != "":
		p.runs(e.Module)
	case e.Ended != nil:
		p.modules = append(p.modules, *e.Ended)
		if e.Ended.Result != boot.ResultNoConfig {
			p.print("  %-20s %-16s %5d ms", e.Ended.Name, e.Ended.Result, e.Ended.DurationMS)
		}
	case len(e.Running) > 0:
		p.runs(shellwords(e.Running))
	case e.Ran != nil:
		p.commands = append(p.commands, *e.Ran)
	case e.Report != nil:
		p.report = *e.Report
	}
}

func (p *progress) runs(what string) { p.now, p.since = what, time.Now() }

// print prints a line, over the one that shows what runs.
func (p *progress) print(format string, args ...any) {
	if p.terminal {
		format = clearLine + format
	}
	if p.err == nil {
		_, p.err = printable.Fprintf(p.w, format+"\n", args...)
	}
}

// clearLine goes to the begin of a terminal's line and empties it.
const clearLine = "\r\x1b[K"

// draw shows what runs and since when, until end.
func (p *progress) draw() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
		p.mu.Lock()
		if p.now != "" && p.err == nil {
			_, p.err = fmt.Fprintf(p.w, "%s%c %s  %.1f s", clearLine, frames[i%len(frames)], printable.String(shorten(p.now, 60)), time.Since(p.since).Seconds())
		}
		p.mu.Unlock()
	}
}

// end says how long it took.
func (p *progress) end() time.Duration {
	close(p.stop)
	p.drawer.Wait()
	if p.terminal {
		fmt.Fprint(p.w, clearLine)
	}
	return time.Since(p.start)
}

// interrupted is the error of a boot that did not end, with what ran at that time.
func (p *progress) interrupted(why error) string {
	if p.now == "" {
		return fmt.Sprintf("interrupted before the first stage: %v", why)
	}
	return fmt.Sprintf("interrupted: %v; at that time %s was running, since %.1f s", why, p.now, time.Since(p.since).Seconds())
}

// shorten cuts a string to so many characters.
func shorten(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(slices.Concat(runes[:most-1], []rune("…")))
}

// isTerminal reports whether a writer is a terminal, on which a line can be drawn again.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
