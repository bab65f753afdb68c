package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// StartFunc starts a command that goes on by itself; tests replace it.
type StartFunc func(ctx context.Context, c Command, pipe string) error

// Start starts a command and returns at once. The command goes on after ctx and
// after this process have ended; whoever needs it to be over calls Wait, in this
// process or a later one. It has no input and no deadline, and its output goes to a
// named pipe that is made at path pipe, where nothing may be yet: the kernel closes
// its end when the command ends, however that comes about.
func (h *Host) Start(ctx context.Context, c Command, pipe string) error {
	err := h.commands.start(ctx, c, pipe)
	shown := shownArgv(c)
	h.log.Debug("started", "argv", shown)
	e := Effect{Kind: KindCommand, Argv: shown}
	if err != nil {
		e.Error = err.Error()
	}
	h.note(e)
	return err
}

// startDetached is the StartFunc of real machines.
func (r *runner) startDetached(ctx context.Context, c Command, pipe string) (err error) {
	cmd, err := r.command(context.WithoutCancel(ctx), c)
	if err != nil {
		return err
	}
	at := r.root.resolve(pipe)
	if err := unix.Mkfifo(at, 0o600); err != nil {
		return fmt.Errorf("cannot start %s: cannot make the pipe %s: %w", c.Argv[0], pipe, err)
	}
	// For reading too, so that neither this open waits for a reader nor the command
	// gets SIGPIPE for want of one (fifo(7)).
	f, err := os.OpenFile(at, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", c.Argv[0], err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", c.Argv[0], err)
	}
	// Nobody here waits for it: init collects it when this process has ended.
	return cmd.Process.Release()
}

// Wait waits until the command that was started with this pipe, and whatever it
// left running, has ended. It returns what the command wrote, as far as it was
// still to be had. A pipe that is not there is of a command that never ran, which
// is no error: the command's results tell whether it succeeded.
func (h *Host) Wait(ctx context.Context, pipe string) (output string, err error) {
	// Not blocking: open(2) would wait for a writer, and the runtime polls it then.
	f, err := os.OpenFile(h.root.resolve(pipe), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot wait for %s: %w", filepath.Base(pipe), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) }) // only wakes the read
	defer stop()
	var said capture
	// With no writer left a read returns 0 at once, though poll(2) on a pipe whose
	// writers went before it was opened would report nothing.
	if _, err := io.Copy(&said, f); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return said.String(), fmt.Errorf("cannot wait for %s: %w", filepath.Base(pipe), err)
	}
	return said.String(), nil
}
