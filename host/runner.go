package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// runner runs programs on the machine or in its root.
type runner struct {
	root   root
	exec   ExecFunc
	start  StartFunc
	look   func(name string) (string, error)
	output func() (stdout, stderr *os.File)
	aside  func() (resume func() error)
}

func newRunner(at root, o Options) *runner {
	r := &runner{root: at, exec: o.Exec, start: o.Start, look: o.LookPath, output: o.Output, aside: o.Aside}
	if r.exec == nil {
		r.exec = r.execute
	}
	if r.start == nil {
		r.start = r.startDetached
	}
	if r.look == nil {
		r.look = r.search
	}
	if r.output == nil {
		r.output = func() (stdout, stderr *os.File) { return os.Stdout, os.Stderr }
	}
	if r.aside == nil {
		r.aside = func() func() error { return func() error { return nil } }
	}
	return r
}

// run runs a command; one of the user's own, while this process stands aside.
func (r *runner) run(ctx context.Context, c Command) (result Result, err error) {
	if c.Pass {
		resume := r.aside()
		defer func() { err = errors.Join(err, resume()) }()
	}
	return r.exec(ctx, c)
}

// busyTime is how long a program that is being written may keep a command from running.
const busyTime = 500 * time.Millisecond

// execute is the ExecFunc of real machines. A script that was just written can be busy:
// another command that was started at that moment has its descriptor until its own
// program begins (https://go.dev/issue/22315).
func (r *runner) execute(ctx context.Context, c Command) (Result, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		result, err := r.executeOnce(ctx, c)
		if !errors.Is(err, syscall.ETXTBSY) || wait > busyTime {
			return result, err
		}
		time.Sleep(wait)
	}
}

func (r *runner) executeOnce(ctx context.Context, c Command) (Result, error) {
	cmd, err := r.command(ctx, c)
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
		cmd.Stdout, cmd.Stderr = r.output()
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
func (r *runner) command(ctx context.Context, c Command) (*exec.Cmd, error) {
	program, err := r.look(c.Argv[0])
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
	if !r.root.isLive() {
		cmd.SysProcAttr.Chroot = string(r.root)
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

func (r *runner) search(name string) (string, error) {
	if strings.Contains(name, "/") {
		if r.isExecutable(name) {
			return name, nil
		}
		return "", &MissingError{name}
	}
	for _, dir := range filepath.SplitList(pathVariable()) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && r.isExecutable(path) {
			return path, nil
		}
	}
	return "", &MissingError{name}
}

func (r *runner) isExecutable(path string) bool {
	info, err := os.Stat(r.root.resolve(path))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

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
