package modules

import (
	"fmt"
	"strings"

	"cloudseed/config"
)

// script turns a list of commands into one sh script, as cloud-init does it: the
// strings as they are, each item of a list in single quotes, an empty entry left
// out, a newline after each. Being one script is what people rely on: a directory,
// a variable or an `if` begun in one entry holds in the next.
//
// That is also why the script does not record the exit code of each entry. What
// would be put between two entries becomes text where an entry leaves a here-
// document, a quote, a `case` or a backslash open, changes `$?` and `$!` for the
// next one, and goes unseen after `exec` or `exit`; bash's ERR trap is not in
// POSIX sh, and tracing shows the arguments, which may be secret. The script's
// exit code stays that of its last command. What the others say on stderr, with the
// script's line number, is in the output log.
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
func script(key string, list *config.Value) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for i, entry := range commands(list) {
		switch entry.Kind() {
		case config.Null:
		case config.String:
			b.WriteString(entry.Text() + "\n")
		case config.List:
			b.WriteString(commandLine(entry) + "\n")
		default:
			fmt.Fprintf(&b, "false # %s.%d was skipped: it is no command\n", key, i)
		}
	}
	return b.String()
}

// commands are the entries of a list of commands, or of what stands in its place.
func commands(list *config.Value) []*config.Value {
	if list.Kind() == config.String {
		return []*config.Value{list}
	}
	return list.Items()
}

// checkScript reports what is wrong with a list of commands.
func checkScript(e *Env, key string, list *config.Value) {
	at := e.At(key)
	switch list.Kind() {
	case config.Null, config.List:
	case config.String:
		at.Warnf("expected a list of commands, got text; it was taken as one command")
	default:
		at.Errorf("expected a list of commands, got %s; none was run", kindName(list))
	}
	for _, entry := range at.Items() {
		switch entry.Value().Kind() {
		case config.Null, config.String, config.List:
		default:
			entry.Errorf("expected a command as text or a list, got %s; it was skipped%s", kindName(entry.Value()), quoteHint(entry.Value()))
		}
	}
}

// quoteHint says what people most often did wrong where an entry is no command.
func quoteHint(entry *config.Value) string {
	if entry.Kind() == config.Map {
		return " (a command with a colon and a space in it must be quoted)"
	}
	return ""
}

// commandLine quotes a program and its arguments for sh.
func commandLine(list *config.Value) string {
	var words []string
	for _, item := range list.Items() {
		words = append(words, quote(item.PyStr()))
	}
	return strings.Join(words, " ")
}

// quote makes text one word of sh. Nothing is special between single quotes but
// the quote itself, which is put between two quoted parts.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// shown is a value for "got ...", quoted if it is text.
func shown(v *config.Value) string {
	if v.Kind() == config.String {
		return abbreviate(v.Text())
	}
	return kindName(v)
}

// kindName is what people call a kind of value.
func kindName(v *config.Value) string {
	switch v.Kind() {
	case config.Null:
		return "nothing"
	case config.Bool:
		return "the boolean " + v.Text()
	case config.Int, config.Float:
		return "the number " + v.Text()
	case config.String:
		return "a string"
	case config.Binary:
		return "binary data"
	case config.Timestamp:
		return "the date " + v.Text()
	case config.List:
		return "a list"
	case config.Map:
		return "a mapping"
	}
	return "something else"
}
