// Package script runs a list of commands as one sh script, and tells how each one ended.
//
// In come entries, each the lines of a command; out go the exit codes of those that failed
// and where the script ended. The entries share one shell and do what they would do in a
// script without the package's marks. It never knows where entries come from, or whether a
// failure matters.
package script

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"cloudseed/host"
	"cloudseed/secret"
)

// Script is a list of commands that one shell runs.
type Script struct {
	Entries []string // each without the newline at its end
	Stop    bool     // end at the first entry that fails, with its exit code

	// Plainly is what runs the script where it cannot have marks; nil: it is written to File
	// without them.
	Plainly []string

	File  string   // where the script is written while it runs; beside it, File+Ended
	Env   []string // as in host.Command
	Shell string   // the program that reads it; "" is /bin/sh

	// Starting is called when all is ready and the shell starts: from then on the script may
	// have done something. May be nil.
	Starting func()
}

// Ended is the suffix of the file that has a line for each entry that has ended: its number
// and exit code, "0 1". It is there while the script runs.
const Ended = ".ended"

// Outcome is how a script's entries ended.
type Outcome struct {
	Failed []Failure // entries that failed, in order, the script going on

	// At is the entry in whose middle the script ended: it failed, called exit, or was
	// killed. It is the number of entries if the script came to its end, and -1 if that
	// is not known.
	At int

	// Plain is why nothing is known of the entries; "": it is known. The script ran as it is.
	Plain   string
	PlainAt int // the entry that Plain is about; -1: none by itself
}

// Failure is an entry that failed.
type Failure struct{ Entry, Exit int }

// Text is the script without marks.
func (s Script) Text() string {
	var b strings.Builder
	b.WriteString(header)
	for _, entry := range s.Entries {
		b.WriteString(entry + "\n")
	}
	return b.String()
}

const header = "#!/bin/sh\n"

// Run runs the script to its end. The error is host.Run's.
func (s Script) Run(ctx context.Context, h *host.Host) (result host.Result, o Outcome, err error) {
	quiet := h.Quietly()
	o = Outcome{At: -1}
	o.Plain, o.PlainAt = s.whyPlain(ctx, h)
	command := host.Command{Argv: []string{s.shell(), s.File}, Env: s.Env, Pass: true, Timeout: host.NoTimeout}
	if o.Plain == "" {
		defer func() { err = errors.Join(err, remove(quiet, s.File, s.File+Ended)) }()
		if fault := write(quiet, s.marked(), s.File, s.File+Ended); fault != nil && s.Plainly == nil {
			return host.Result{Exit: -1}, o, fault
		} else if fault != nil { // such as a full /run
			o.Plain, o.PlainAt = fault.Error(), -1
		}
	}
	switch {
	case o.Plain == "":
	case s.Plainly != nil:
		command.Argv = s.Plainly
	default:
		defer func() { err = errors.Join(err, remove(quiet, s.File)) }()
		if err := write(quiet, s.Text(), s.File); err != nil {
			return host.Result{Exit: -1}, o, err
		}
	}
	if s.Starting != nil {
		s.Starting()
	}
	result, err = h.Run(ctx, command)
	if o.Plain == "" {
		o.read(h, s)
	}
	return result, o, err
}

// write writes a script, and empty files beside it.
func write(h *host.Host, text string, file string, empty ...string) error {
	private := host.File{Mode: 0o600, Secret: true}
	_, err := h.WriteFile(file, []byte(text), private)
	for _, name := range empty {
		if err == nil {
			_, err = h.WriteFile(name, nil, private)
		}
	}
	return err
}

func remove(h *host.Host, files ...string) error {
	var errs []error
	for _, file := range files {
		errs = append(errs, h.RemoveAll(file))
	}
	return errors.Join(errs...)
}

func (s Script) shell() string {
	if s.Shell != "" {
		return s.Shell
	}
	return "/bin/sh"
}

// A mark is put before an entry, on its first line, so that the script's lines keep their
// numbers. It notes the exit code of the entry before, and leaves to the next one what that
// entry could see: $? and bash's $_ (which is why its last command has that argument). The
// left side of && has no effect by set -e; what set -x would show goes nowhere; and it
// starts no process, for $! and for speed.
const (
	markFunction = `__cloudseed_entry() { set -- "$1" "$2" "$?"; command echo "$1 $3" >>%s; __cloudseed_last=$2; return "$3"; }; `
	mark         = `{ __cloudseed_entry %d "${_-}" && : "$__cloudseed_last"; } 2>/dev/null`
	markStop     = mark + ` || exit`
)

// marked is the script with a mark behind each entry that runs anything.
func (s Script) marked() string {
	format := mark
	if s.Stop {
		format = markStop
	}
	var b strings.Builder
	fmt.Fprintf(&b, header+markFunction, Quote(s.File+Ended))
	before := ""
	for i, entry := range s.Entries {
		b.WriteString(before + entry + "\n")
		before = ""
		if !isIdle(entry) {
			before = fmt.Sprintf(format, i) + "; "
		}
	}
	b.WriteString(strings.TrimSuffix(before, "; ") + "\n")
	return b.String()
}

// Quote makes a string one word of sh. Nothing is special between single quotes but
// the quote itself, which is put between two quoted parts.
func Quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// isIdle reports whether an entry is blank or a comment: $? is then another entry's.
func isIdle(entry string) bool {
	for line := range strings.Lines(entry) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// watching is what a script may look at that marks change: its own name, its commands as
// they are read or run.
var watching = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$0|\$\{0|BASH_(SOURCE|LINENO|COMMAND)|\bcaller\b|\bDEBUG\b|\bverbose\b|\bfunctrace\b|\bset\s+[-+][a-zA-Z]*v`)
})

// whyPlain returns why the script cannot have marks, and for which entry; "" if it can.
func (s Script) whyPlain(ctx context.Context, h *host.Host) (why string, entry int) {
	if !h.Runs() && !h.Exists("/dev/null") { // of an image
		return "there is no /dev/null", -1
	}
	for i, entry := range s.Entries {
		if word := watching().FindString(entry); word != "" {
			return "it uses " + word, i
		}
	}
	for i, entry := range s.Entries {
		if !s.isWhole(ctx, h, entry) {
			return "it is not a whole command by itself", i
		}
	}
	return "", -1
}

// isWhole reports whether an entry is one or more whole commands. The shell that is to run
// it says so, without running it: in braces, what is left open (a quote, a here-document, a
// line that goes on, a construct) leaves the brace open too.
func (s Script) isWhole(ctx context.Context, h *host.Host, entry string) bool {
	if isIdle(entry) || isSimple(entry) {
		return true
	}
	_, err := h.Run(ctx, host.Command{
		Argv: []string{s.shell(), "-n"}, Stdin: secret.NewBytes([]byte("{ :\n" + entry + "\n}\n")), Quiet: true, Secretive: true,
	})
	return err == nil
}

// isSimple reports whether an entry is a line of plain commands and words, of which no shell
// has to be asked: a shell's start is most of what a short script takes.
func isSimple(entry string) bool {
	if !simple().MatchString(entry) {
		return false
	}
	for _, field := range strings.FieldsFunc(entry, func(r rune) bool { return strings.ContainsRune(" \t;|&", r) }) {
		if reserved[field] {
			return false
		}
	}
	return true
}

var simple = sync.OnceValue(func() *regexp.Regexp {
	const (
		plain    = "[A-Za-z0-9_./:=,@%+~^*?\\[\\]-]"
		variable = `\$[A-Za-z0-9_]`
		quoted   = `'[^'\n]*'|"(?:[^"\\$` + "`" + `\n]|` + variable + `)*"`
		word     = `(?:[0-9]?>&[0-9]|(?:[0-9]?(?:>>?|<)[ \t]*)?(?:` + plain + `|` + variable + `|` + quoted + `)+)`
		command  = `[ \t]*` + word + `(?:[ \t]+` + word + `)*[ \t]*`
	)
	return regexp.MustCompile(`^` + command + `(?:(?:&&|\|\||\||;)` + command + `)*(?:[ \t]#[^\n]*)?$`)
})

// reserved are the words that begin, divide or end a construct.
var reserved = map[string]bool{
	"if": true, "then": true, "else": true, "elif": true, "fi": true, "do": true, "done": true, "case": true, "esac": true,
	"while": true, "until": true, "for": true, "in": true, "select": true, "function": true, "time": true, "coproc": true, "[[": true, "]]": true,
}

// read reads which entries ended, and how.
func (o *Outcome) read(h *host.Host, s Script) {
	data, err := h.ReadFile(s.File + Ended)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			o.Plain = err.Error()
		} else {
			o.Plain = "the script removed " + path.Base(s.File) + Ended
		}
		return
	}
	o.At = 0
	for line := range strings.Lines(string(data)) {
		entry, exit, ok := parseEnded(line)
		if !ok || entry < o.At || entry >= len(s.Entries) {
			continue // the script's own doing
		}
		if o.At = entry + 1; exit != 0 {
			o.Failed = append(o.Failed, Failure{entry, exit})
		}
	}
	for o.At < len(s.Entries) && isIdle(s.Entries[o.At]) {
		o.At++
	}
	if n := len(o.Failed); s.Stop && n > 0 {
		o.At, o.Failed = o.Failed[n-1].Entry, o.Failed[:n-1] // where it was made to stop
	}
}

func parseEnded(line string) (entry, exit int, ok bool) {
	first, second, _ := strings.Cut(strings.TrimSpace(line), " ")
	entry, err := strconv.Atoi(first)
	exit, err2 := strconv.Atoi(second)
	return entry, exit, err == nil && err2 == nil && entry >= 0
}
