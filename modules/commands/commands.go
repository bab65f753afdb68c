// Package commands runs lists of commands of cloud-config, runcmd and bootcmd, as one sh script.
//
// In comes a list with its place, out go the script, its run, and what is to be said of each
// command. It must never know a module.
package commands

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/script"
	"cloudseed/host"
)

// List is a list of commands that are run as one sh script.
//
// The script is cloud-init's: the strings as they are, each item of a list in single quotes,
// an empty entry skipped, a newline after each. Being one script is what people rely on: a
// directory, a variable or an `if` begun in one entry holds in the next.
//
// Difference from cloud-init: an entry that is not a command does not stop all the
// others. It is reported with its position, and a command that fails stands in its
// place, so that `set -e` and an `if` around it act as for any command that failed.
//
// Difference from cloud-init: binary data among a command's arguments is the data,
// not Python's way to print it, b'...'.
//
// Difference from cloud-init: a string in place of the list is one entry of it, with a
// warning; nothing in its place is an empty list.
type List struct {
	list    config.Cursor
	at      []config.Cursor // of each entry of the script
	refused map[int]bool    // entries of the script that are not commands, which Check reports
	script.Script
}

// Read reads a list of commands. ok: there is one.
func Read(list config.Cursor) (l List, ok bool) {
	l = List{list: list, refused: map[int]bool{}}
	switch list.Kind() {
	case config.List:
		for i, item := range list.Items() {
			l.add(i, item)
		}
	case config.String:
		l.add(0, list)
	default:
		return l, false
	}
	return l, true
}

func (l *List) add(i int, item config.Cursor) {
	text := ""
	switch item.Kind() {
	case config.Null:
		return
	case config.String:
		text = item.Text()
	case config.List:
		text = commandLine(item.Value())
	default:
		text = fmt.Sprintf("false # %s.%d was skipped: it is not a command", l.list.Key(), i)
		l.refused[len(l.at)] = true
	}
	l.Entries, l.at = append(l.Entries, text), append(l.at, item)
}

// Run runs the commands, and reports those that failed. The error is the script's.
//
// Difference from cloud-init: there only the script's exit code is told, which is that of
// its last command.
func (l List) Run(ctx context.Context, h *host.Host, log *slog.Logger) (host.Result, error) {
	result, o, err := l.Script.Run(ctx, h)
	if o.Plain != "" {
		where := ""
		if o.PlainAt >= 0 {
			where = placeOf(l.at[o.PlainAt]) + ": "
		}
		log.Info("the exit codes of single commands are not known: " + where + o.Plain)
		if l.Stop {
			l.list.Warnf("it cannot be stopped at the first command that fails: %s%s", where, o.Plain)
		}
		return result, err
	}
	// Where the script failed by the exit code of its last command, that is not another failure.
	if n := len(o.Failed); n > 0 && err != nil && o.At == len(l.Entries) {
		o.At, o.Failed = o.Failed[n-1].Entry, o.Failed[:n-1]
		l.record(h, o.At, result.Exit)
	} else if o.At < len(l.Entries) && err != nil {
		l.record(h, o.At, result.Exit)
	}
	for _, f := range o.Failed {
		if l.refused[f.Entry] {
			continue
		}
		l.record(h, f.Entry, f.Exit)
		l.at[f.Entry].Notef("it failed with exit code %d, and the commands after it were run", f.Exit)
	}
	if o.At >= len(l.Entries) {
		return result, err
	}
	if err == nil && o.At < len(l.Entries)-1 {
		l.at[o.At].Notef("it ended the script with exit code 0: the commands after it were not run")
	}
	if err != nil {
		err = EndedAt{err, placeOf(l.at[o.At])}
	}
	return result, err
}

// record enters a command that failed into the change log.
func (l List) record(h *host.Host, entry, exit int) {
	h.Note(host.Effect{Kind: host.KindEntry, Value: placeOf(l.at[entry]), Exit: &exit})
}

// EndedAt is an error of a script, with the command in which it ended: "runcmd.2 (user-data:5:3)".
type EndedAt struct {
	Err     error
	Command string
}

func (e EndedAt) Error() string { return e.Err.Error() + ", at " + e.Command }

func (e EndedAt) Unwrap() error { return e.Err }

// placeOf is what people call a value: "runcmd.2 (user-data:5:3)".
func placeOf(at config.Cursor) string {
	if pos := at.Pos().String(); pos != "" {
		return at.Key() + " (" + pos + ")"
	}
	return at.Key()
}

// commandLine quotes a program and its arguments for sh.
func commandLine(list *config.Value) string {
	var words []string
	for _, item := range list.Items() {
		words = append(words, script.Quote(item.PyStr()))
	}
	return strings.Join(words, " ")
}

// Check reports what is wrong with a list of commands.
func Check(list config.Cursor) {
	switch list.Kind() {
	case config.Null, config.List:
	case config.String:
		list.Warnf("expected a list of commands, got a string; it was taken as one command")
	default:
		list.Errorf("expected a list of commands, got %s; none was run", config.Shown(list.Value()))
	}
	for _, entry := range list.Items() {
		switch entry.Value().Kind() {
		case config.Null, config.String, config.List:
		default:
			entry.Errorf("expected a command as a string or a list, got %s; it was skipped%s", config.Shown(entry.Value()), quoteHint(entry.Value()))
		}
	}
}

// quoteHint says what people most often did wrong where an entry is not a command.
func quoteHint(entry *config.Value) string {
	if entry.Kind() == config.Map {
		return " (a command with a colon and a space in it must be quoted)"
	}
	return ""
}
