package main

import (
	"io"
	"path/filepath"
	"strings"
	"time"

	"cloudseed/printable"
	"cloudseed/state"
)

// print prints the outcome, after the stages and modules, which were shown as they ran:
//
//	seed.iso is a ConfigDrive seed. With it this machine would be instance 27fab643… with
//	the hostname abc123.
//
//	Commands, Changes: a line each. Then what went wrong, then one line that sums it up.
func (t *tryCall) print(w io.Writer, r *tried, took time.Duration) error {
	p := &printer{w: w}
	if r.InstanceID != "" {
		p.line("\n%s is a %s seed. With it this machine would be instance %s with the hostname %s.", filepath.Base(t.seed), r.Datasource, r.InstanceID, r.Hostname)
	}
	p.heading("Commands", len(r.Commands))
	for _, c := range r.Commands {
		p.line("  %-20s %s  (%s)", c.Module, shellwords(c.Argv), ended(c.Exit, c.DurationMS))
	}
	var guest, own []triedChange
	for _, c := range r.Changes {
		if isOwnState(c.Path) {
			own = append(own, c)
		} else {
			guest = append(guest, c)
		}
	}
	p.heading("Changes to the guest", len(guest))
	p.changes(guest, t.diff)
	switch {
	case t.all:
		p.heading("The agent's own state", len(own))
		p.changes(own, false)
	case len(own) > 0:
		p.line("\nThe agent's own state: %d files and directories below %s and %s (--all lists them)", len(own), state.CloudDir, state.RunDir)
	}
	p.list("Notes", r.Notes)
	p.list("Warnings", r.Warnings)
	p.list("Errors", r.Errors)
	p.line("\n%s, in %.1f s: %d changes, %d commands, %d warnings, %d errors. Nothing outside the sandbox was changed.",
		r.Status, took.Seconds(), len(guest), len(r.Commands), len(r.Warnings), len(r.Errors))
	return p.err
}

// isOwnState reports whether a path holds the agent's own state.
func isOwnState(path string) bool {
	for _, dir := range []string{state.CloudDir, state.RunDir, "/run/cloudseed-sandbox"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = printable.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) heading(title string, count int) {
	if count > 0 {
		p.line("\n%s", title)
	}
}

// list prints messages below a title.
func (p *printer) list(title string, messages []string) {
	p.heading(title, len(messages))
	for _, message := range messages {
		p.line("  %s", message)
	}
}

func (p *printer) changes(list []triedChange, showDiff bool) {
	for _, c := range list {
		p.line("  %-8s %s %s", c.Change, c.Mode, c.Path)
		if !showDiff {
			continue
		}
		for _, line := range diffBody(c.diff) {
			p.line("               %s", line)
		}
	}
}

// diffBody is a diff without its head.
func diffBody(text string) []string {
	_, body, _ := strings.Cut(text, "\n@@")
	if body == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix("@@"+body, "\n"), "\n")
}
