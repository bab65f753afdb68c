package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	if h.shared.begin != nil && !c.Quiet {
		h.shared.begin(shown)
	}
	start := time.Now()
	result, err := h.run(ctx, c)
	result.Duration = time.Since(start)
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

// run runs a command; one of the user's own, while this process stands aside.
func (h *Host) run(ctx context.Context, c Command) (result Result, err error) {
	if c.Pass {
		resume := h.aside()
		defer func() { err = errors.Join(err, resume()) }()
	}
	return h.exec(ctx, c)
}

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

// busyTime is how long a program that is being written may keep a command from running.
const busyTime = 500 * time.Millisecond

// execute is the ExecFunc of real machines. A script that was just written can be busy:
// another command that was started at that moment has its descriptor until its own
// program begins (https://go.dev/issue/22315).
func (h *Host) execute(ctx context.Context, c Command) (Result, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		result, err := h.executeOnce(ctx, c)
		if !errors.Is(err, syscall.ETXTBSY) || wait > busyTime {
			return result, err
		}
		time.Sleep(wait)
	}
}

func (h *Host) executeOnce(ctx context.Context, c Command) (Result, error) {
	cmd, err := h.command(ctx, c)
	if err != nil {
		return Result{Exit: -1}, err
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = graceful
	if c.Prompt == "" && c.Stdin.Len() > 0 {
		cmd.Stdin = bytes.NewReader(c.Stdin.Reveal())
	}
	var stdout, stderr capture
	if c.Pass {
		// The files themselves, not copies through a pipe: what the command
		// leaves running in the background must not hold up the boot.
		cmd.Stdout, cmd.Stderr = h.output()
	} else {
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
	}
	if c.Line != nil && !c.Pass {
		var one sync.Mutex
		outLines, errLines := &lines{call: c.Line, one: &one}, &lines{call: c.Line, one: &one}
		defer outLines.end()
		defer errLines.end()
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, outLines), io.MultiWriter(&stderr, errLines)
	}
	if c.Prompt == "" {
		err = cmd.Run()
	} else {
		err = runOnTerminal(cmd, c.Prompt, c.Stdin.Reveal())
	}
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), Exit: -1}
	if cmd.ProcessState != nil {
		result.Exit = cmd.ProcessState.ExitCode()
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		if cmd.Process != nil {
			// Nobody is left to want it: an error can only mean that it is gone.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		return result, fmt.Errorf("%s was stopped: %w", c.Argv[0], cause)
	}
	return result, outcome(c, cmd.ProcessState, err)
}

// command is the process that c describes, on this machine or in its root.
func (h *Host) command(ctx context.Context, c Command) (*exec.Cmd, error) {
	program, err := h.LookPath(c.Argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, c.Argv[1:]...)
	cmd.Args[0] = c.Argv[0]
	cmd.Env = append(Environment(), c.Env...)
	cmd.Dir = "/"
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !h.IsLive() {
		cmd.SysProcAttr.Chroot = h.root
	}
	return cmd, nil
}

// outcome tells a plain exit code, which is Run's to judge, from what is an error
// at once.
func outcome(c Command, state *os.ProcessState, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil // ErrWaitDelay: it ended well and left a child with its output open
	case errors.As(err, &exit) && exit.Exited():
		return nil
	case errors.As(err, &exit):
		return &ExitError{Argv: shownArgv(c), Exit: -1, Reason: state.String()}
	default:
		return fmt.Errorf("cannot run %s: %w", c.Argv[0], err)
	}
}

// searchPath is where programs are looked for: systemd's own default.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is what every command gets. The locale is fixed so that messages can
// be quoted; what systemd and tests set on purpose is passed on.
func Environment() []string {
	env := []string{"PATH=" + pathVariable(), "LANG=C.UTF-8", "HOME=/root"}
	for _, name := range []string{"INVOCATION_ID", "TERM"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func pathVariable() string {
	if path := os.Getenv("PATH"); path != "" {
		return path
	}
	return searchPath
}

// LookPath finds a program of the machine. Its path is as the machine sees it; the
// error is a *MissingError.
func (h *Host) LookPath(name string) (string, error) { return h.look(name) }

func (h *Host) search(name string) (string, error) {
	if strings.Contains(name, "/") {
		if h.isExecutable(name) {
			return name, nil
		}
		return "", &MissingError{name}
	}
	for _, dir := range filepath.SplitList(pathVariable()) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && h.isExecutable(path) {
			return path, nil
		}
	}
	return "", &MissingError{name}
}

func (h *Host) isExecutable(path string) bool {
	info, err := h.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// MissingError says that the machine lacks a program.
type MissingError struct{ Program string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the program %s is not installed", e.Program)
}

// Is makes a missing program a missing file.
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// capture keeps the first part of a command's output; what is more is dropped, so
// that a command that never stops talking costs no memory.
type capture struct{ bytes.Buffer }

const maxCapture = 1 << 20

func (c *capture) Write(p []byte) (int, error) {
	if room := maxCapture - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// lines calls a function with each line that is written; one is held meanwhile.
type lines struct {
	call func(string)
	one  *sync.Mutex
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.one.Lock()
	defer l.one.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found && len(l.rest) < maxLine {
			return len(p), nil
		}
		l.call(string(line))
		l.rest = bytes.Clone(rest)
	}
}

// maxLine is how much of a line without an end is kept.
const maxLine = 64 << 10

// end gives away a last line that has no end.
func (l *lines) end() {
	l.one.Lock()
	defer l.one.Unlock()
	if len(l.rest) > 0 {
		l.call(string(l.rest))
		l.rest = nil
	}
}
