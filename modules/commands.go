package modules

import (
	"context"
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/script"
	"cloudseed/host"
)

// commandList is runcmd or bootcmd: commands that are run as one sh script.
//
// The script is cloud-init's: the strings as they are, each item of a list in single quotes,
// an empty entry skipped, a newline after each. Being one script is what people rely on: a
// directory, a variable or an `if` begun in one entry holds in the next.
//
// Difference from cloud-init: an entry that is no command does not cost all the
// others. It is reported with its position, and a command that fails stands in its
// place, so that `set -e` and an `if` around it act as for any command that failed.
//
// Difference from cloud-init: binary data among a command's arguments is the data,
// not Python's way to print it, b'...'.
//
// Difference from cloud-init: text in place of the list is one entry of it, with a
// warning; nothing in its place is an empty list.
type commandList struct {
	key     string
	at      []config.Cursor // of each entry of the script
	refused map[int]bool    // entries of the script that are no commands, which Check reports
	script.Script
}

// commandsOf reads a list of commands. ok: there is one.
func commandsOf(e *Env, key string) (l commandList, ok bool) {
	list := e.At(key)
	l = commandList{key: key, refused: map[int]bool{}}
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

func (l *commandList) add(i int, item config.Cursor) {
	text := ""
	switch item.Kind() {
	case config.Null:
		return
	case config.String:
		text = item.Text()
	case config.List:
		text = commandLine(item.Value())
	default:
		text = fmt.Sprintf("false # %s.%d was skipped: it is no command", l.key, i)
		l.refused[len(l.at)] = true
	}
	l.Entries, l.at = append(l.Entries, text), append(l.at, item)
}

// run runs the commands, and reports those that failed. The error is the script's.
//
// Difference from cloud-init: there only the script's exit code is told, which is that of
// its last command.
func (l commandList) run(ctx context.Context, e *Env) (host.Result, error) {
	result, o, err := l.Script.Run(ctx, e.Host)
	if o.Plain != "" {
		where := ""
		if o.PlainAt >= 0 {
			where = placeOf(l.at[o.PlainAt]) + ": "
		}
		e.Log.Info("the exit codes of single commands are not known: " + where + o.Plain)
		if l.Stop {
			e.At(l.key).Warnf("it cannot be stopped at the first command that fails: %s%s", where, o.Plain)
		}
		return result, err
	}
	// Where the script failed by the exit code of its last command, that is no other failure.
	if n := len(o.Failed); n > 0 && err != nil && o.At == len(l.Entries) {
		o.At, o.Failed = o.Failed[n-1].Entry, o.Failed[:n-1]
		l.record(e, o.At, result.Exit)
	} else if o.At < len(l.Entries) && err != nil {
		l.record(e, o.At, result.Exit)
	}
	for _, f := range o.Failed {
		if l.refused[f.Entry] {
			continue
		}
		l.record(e, f.Entry, f.Exit)
		l.at[f.Entry].Notef("it failed with exit code %d, and the commands after it were run", f.Exit)
	}
	if o.At >= len(l.Entries) {
		return result, err
	}
	if err == nil && o.At < len(l.Entries)-1 {
		l.at[o.At].Notef("it ended the script with exit code 0: the commands after it were not run")
	}
	if err != nil {
		err = endedAt{err, l.at[o.At]}
	}
	return result, err
}

// record enters a command that failed into the change log.
func (l commandList) record(e *Env, entry, exit int) {
	e.Host.Note(host.Effect{Kind: host.KindEntry, Value: placeOf(l.at[entry]), Exit: &exit})
}

// endedAt is an error of a script, with the command in which it ended.
type endedAt struct {
	error
	command config.Cursor
}

func (e endedAt) Error() string { return e.error.Error() + ", at " + placeOf(e.command) }

func (e endedAt) Unwrap() error { return e.error }

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
		words = append(words, quote(item.PyStr()))
	}
	return strings.Join(words, " ")
}
