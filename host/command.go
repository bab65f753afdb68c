package host

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"cloudseed/secret"
)

// Command is a program to run, by its argument list; a shell only when Argv names
// one. It runs with a clean environment, no input but Stdin, and in a session of
// its own, so that all it starts can be ended with it.
type Command struct {
	Argv       []string
	Stdin      secret.Bytes
	Env        []string      // NAME=value, added to the clean environment
	Dir        string        // working directory; "" is /
	Timeout    time.Duration // 0 is two minutes, NoTimeout none
	Pass       bool          // the output goes where the stage's output goes; else it is captured
	SecretArgs []int         // positions in Argv that are not to be shown
	OK         []int         // exit codes beside 0 that are no error
	Quiet      bool          // not recorded: it only asks
	Secretive  bool          // errors do not show what it said

	// Prompt is what the command asks on its terminal before it reads Stdin there, in one
	// line, as programs read passwords. "": it has no terminal, and Stdin is its input.
	Prompt string

	// Line is called with each line of captured output as it comes, one at a time: long
	// work shows by it how far it is. May be nil.
	Line func(line string)
}

// NoTimeout lets a command run as long as it takes: the user's own scripts.
const NoTimeout = -1

const defaultTimeout = 2 * time.Minute

// graceful is how long a command may go on after its time or its context's is up
// and it was told to end.
const graceful = 5 * time.Second

// Result is what a command did.
type Result struct {
	Stdout, Stderr string // empty for Pass commands
	Exit           int    // -1: it could not be started, or a signal ended it
	Duration       time.Duration
}

// ExecFunc runs a command; tests replace it.
type ExecFunc func(ctx context.Context, c Command) (Result, error)

// ExitError says that a command ended with an exit code that is an error.
type ExitError struct {
	Argv   []string // secrets redacted
	Exit   int
	Reason string // the last line it wrote to stderr, or the signal
}

func (e *ExitError) Error() string {
	text := fmt.Sprintf("%s failed with exit code %d", e.Argv[0], e.Exit)
	if e.Exit < 0 {
		text = e.Argv[0] + " failed"
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Run runs a command to its end and records it. The error is an *ExitError when
// it ran and ended with a code that is neither 0 nor in OK.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it took longer than %s", c.Timeout))
		defer cancel()
	}
	shown := shownArgv(c)
	for _, begin := range []func([]string){h.shared.begin, h.begin} {
		if begin != nil && !c.Quiet {
			begin(shown)
		}
	}
	h.settleBefore(c)
	start := time.Now()
	result, err := Result{Exit: -1}, c.canBePassed()
	if err == nil {
		result, err = h.commands.run(ctx, c)
	}
	result.Duration = time.Since(start)
	h.noteChanges(c)
	if err == nil && result.Exit != 0 && !slices.Contains(c.OK, result.Exit) {
		err = &ExitError{Argv: shown, Exit: result.Exit, Reason: c.withoutSecrets(lastLine(result.Stderr))}
	}
	h.log.Debug("ran", "argv", shown, "exit", result.Exit, "duration", result.Duration)
	if !c.Quiet {
		e := Effect{Kind: KindCommand, Argv: shown, Exit: &result.Exit, DurationMS: result.Duration.Milliseconds()}
		if err != nil {
			e.Error = err.Error()
		}
		h.note(e)
	}
	return result, err
}

// maxArgument is the length of the longest argument that Linux passes to a program, with its
// end (MAX_ARG_STRLEN in linux/binfmts.h, with pages of 4 KiB).
const maxArgument = 128 << 10

// canBePassed says of an argument that execve(2) would refuse which it is, and why.
func (c Command) canBePassed() error {
	for i, word := range c.Argv {
		switch {
		case strings.ContainsRune(word, 0):
			return fmt.Errorf("cannot run %q: argument %d holds a zero byte", shorten(c.Argv[0]), i)
		case len(word) >= maxArgument:
			return fmt.Errorf("cannot run %q: argument %d has %d bytes, more than a program can be given", shorten(c.Argv[0]), i, len(word))
		}
	}
	return nil
}

// shorten returns so much of a program's name as a message needs.
func shorten(name string) string { return name[:min(len(name), 80)] }

// settleBefore syncs before a command of the user's: it may depend on all that was done so
// far, and must not run twice because a power cut undid the record of it.
func (h *Host) settleBefore(c Command) {
	if !c.Pass {
		return
	}
	if err := h.Sync(); err != nil {
		h.log.Warn(err.Error())
	}
}

// noteChanges has what a command changed synced with the next Sync.
func (h *Host) noteChanges(c Command) {
	if c.Quiet {
		return
	}
	if err := h.files.changedByCommand(); err != nil {
		h.log.Warn("what " + c.Argv[0] + " changed may not last through a power cut: " + err.Error())
	}
}

// LookPath finds a program of the machine. Its path is as the machine sees it; the
// error is a *MissingError.
func (h *Host) LookPath(name string) (string, error) { return h.commands.look(name) }

func shownArgv(c Command) []string {
	shown := slices.Clone(c.Argv)
	for _, i := range c.SecretArgs {
		if i >= 0 && i < len(shown) {
			shown[i] = secret.Redacted
		}
	}
	return shown
}

// withoutSecrets is what a command says of itself, logins of URLs redacted, or nothing if it
// says any of the secrets that it was given: each line of its input, what follows the first
// colon there (chpasswd's form), and its secret arguments.
func (c Command) withoutSecrets(said string) string {
	if c.Secretive {
		return ""
	}
	var secrets []string
	for line := range strings.Lines(string(c.Stdin.Reveal())) {
		line = strings.TrimSpace(line)
		_, value, _ := strings.Cut(line, ":")
		secrets = append(secrets, line, strings.TrimSpace(value))
	}
	for _, i := range c.SecretArgs {
		if i >= 0 && i < len(c.Argv) {
			_, value, _ := strings.Cut(c.Argv[i], "=") // of --option=value
			secrets = append(secrets, c.Argv[i], value)
		}
	}
	if slices.ContainsFunc(secrets, func(s string) bool { return s != "" && strings.Contains(said, s) }) {
		return secret.Redacted
	}
	return secret.WithoutLogins(said)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// MissingError says that the machine lacks a program.
type MissingError struct{ Program string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the program %s is not installed", e.Program)
}

// Is makes a missing program a missing file.
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }
