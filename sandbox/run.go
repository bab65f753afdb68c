package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Dir is where the sandbox keeps its own things inside: read-only, and in none
// of the host's directories.
const Dir = "/run/cloudseed-sandbox"

// SeedPath is where the program finds Options.Seed inside: a file, a directory
// or a block device like the one named, which can be read and not written.
const SeedPath = Dir + "/seed"

// OutputFD is the descriptor from which Result.Output is read.
const OutputFD = 3

const (
	// stopGrace is how long the inside may take to end after SIGTERM.
	stopGrace = 5 * time.Second
	// keeperGrace is how long the keeper may take for that and its report.
	keeperGrace = 15 * time.Second
)

// Options say what to run. The zero value runs this program without arguments.
type Options struct {
	// Args are this program's arguments inside, without its name.
	Args []string
	// Env is its whole environment; nil is a PATH as systemd sets it.
	Env []string
	// Seed is the path of a file, directory or block device to show as SeedPath.
	Seed string
	// Stdout and Stderr get what the program and its children print; nil throws
	// it away. They are fed through pipes, for a terminal's descriptor would let
	// the inside type into that terminal (TIOCSTI).
	Stdout, Stderr io.Writer
	// Output gets what the program writes to OutputFD, as it comes; nil throws it
	// away.
	Output io.Writer
	// ContentLimit keeps in each Change the content of regular files up to this
	// many bytes, before and after; 0 keeps none.
	ContentLimit int64
}

// Result is what came of a run.
type Result struct {
	// Exit is the program's exit code, or 128 plus the signal that killed it.
	Exit int
	// Changes are sorted by path.
	Changes []Change
	// Notes name, a sentence each, the host's file systems that the sandbox
	// could not overlay and shows read-only or not at all.
	Notes []string
}

// Run runs this program inside a new sandbox and waits for its end. An exit code
// other than 0 is no error. When ctx ends, the program gets SIGTERM and, five
// seconds later, SIGKILL; the error is then ctx's, and a Result that is not nil
// tells what was changed until then. When the calling process dies, the kernel
// kills the sandbox.
func Run(ctx context.Context, o Options) (*Result, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("cannot make a sandbox: it needs root, because it overlays the whole file system")
	}
	// The kernel sends PDEATHSIG when the thread that started the child ends, not
	// the process: this goroutine keeps that thread alive.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{keeperName}
	cmd.Env = o.environment()
	cmd.Stdout, cmd.Stderr = piped(o.Stdout), piped(o.Stderr)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = keeperGrace
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Setsid:     true, // Ctrl-C in the terminal is for the caller alone
		Pdeathsig:  syscall.SIGKILL,
	}
	var report bytes.Buffer
	err := runKeeper(cmd, o, &report)
	return conclude(ctx, err, report.Bytes())
}

// runKeeper starts the keeper, tells it what to do and waits until it has ended
// and all that was said is read.
func runKeeper(cmd *exec.Cmd, o Options, report io.Writer) error {
	text, err := json.Marshal(order{Args: o.Args, Env: cmd.Env, Seed: o.Seed, ContentLimit: o.ContentLimit})
	if err != nil {
		return fmt.Errorf("cannot write down the sandbox's order: %w", err)
	}
	var pipes pipeSet
	defer pipes.close()
	orderEnd, orderIn := pipes.make()
	reportOut, reportEnd := pipes.make()
	outputOut, outputEnd := pipes.make()
	if pipes.err != nil {
		return fmt.Errorf("cannot make the sandbox's pipes: %w", pipes.err)
	}
	cmd.ExtraFiles = []*os.File{orderEnd, reportEnd, outputEnd} // orderFD, reportFD, outputFD
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot make mount and PID namespaces: %w", refusal(err))
	}
	for _, f := range cmd.ExtraFiles {
		_ = f.Close() // the child has its own
	}
	var readers sync.WaitGroup
	var reportErr, outputErr error
	readers.Go(func() { _, reportErr = io.Copy(report, reportOut) })
	readers.Go(func() { _, outputErr = io.Copy(o.output(), outputOut) })
	// The order is written after Start, when PDEATHSIG is in force: a keeper whose
	// caller died before that reads no order and ends.
	_, orderErr := orderIn.Write(text)
	orderErr = errors.Join(orderErr, orderIn.Close())
	waitErr := cmd.Wait()
	readers.Wait()
	return errors.Join(waitErr, orderErr, reportErr, outputErr)
}

// conclude makes the result of what the keeper reported.
func conclude(ctx context.Context, runErr error, reported []byte) (*Result, error) {
	var r report
	if err := json.Unmarshal(reported, &r); err != nil {
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("the sandbox was stopped: %w", ctx.Err())
		case runErr != nil:
			return nil, runErr
		}
		return nil, fmt.Errorf("cannot read the sandbox's report: %w", err)
	}
	if r.Failed != "" {
		return nil, errors.New(r.Failed)
	}
	res := &Result{Exit: r.Exit, Changes: r.changes(), Notes: r.Notes}
	if r.Stopped && ctx.Err() != nil {
		return res, fmt.Errorf("the sandbox was stopped: %w", ctx.Err())
	}
	if runErr != nil && ctx.Err() == nil {
		return res, runErr
	}
	return res, nil
}

func (o Options) environment() []string {
	if o.Env != nil {
		return o.Env
	}
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
}

func (o Options) output() io.Writer {
	if o.Output == nil {
		return io.Discard
	}
	return o.Output
}

// piped hides that w may be a file, so that os/exec makes a pipe.
func piped(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return struct{ io.Writer }{w}
}

// refusal adds to an error what is needed to be allowed.
func refusal(err error) error {
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: a sandbox needs root with CAP_SYS_ADMIN, as on a real machine or in a privileged container", err)
	case errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("%w: this kernel does not have that file system", err)
	}
	return err
}

// pipeSet makes pipes and keeps the first error.
type pipeSet struct {
	files []*os.File
	err   error
}

func (p *pipeSet) make() (r, w *os.File) {
	if p.err != nil {
		return nil, nil
	}
	r, w, p.err = os.Pipe()
	if p.err == nil {
		p.files = append(p.files, r, w)
	}
	return r, w
}

// close closes what is still open; closing twice does nothing.
func (p *pipeSet) close() {
	for _, f := range p.files {
		_ = f.Close()
	}
}
