package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"cloudseed/host"
	"cloudseed/state"

	"golang.org/x/sys/unix"
)

// turn is the right to change a machine, which one process has at a time. The kernel
// gives it back when the process ends, however it does.
type turn struct {
	host *host.Host
	file *os.File // nil: it was not taken yet
}

// errBusy says that another process has the turn.
var errBusy = errors.New("another cloudseed is at work on this machine; wait for it: cloudseed status --wait")

// turnTime is how long a stage of the boot, or the handler of a device, waits for its turn.
const turnTime = 2 * time.Minute

// take waits for the turn, for so long at the most; 0 does not wait. The error is errBusy
// when another process keeps it.
func (t *turn) take(ctx context.Context, wait time.Duration) error {
	if t.file == nil {
		var err error
		if t.file, err = t.host.OpenLog(state.LockFile, host.Log{}); err != nil {
			return fmt.Errorf("cannot lock the machine: %w", err)
		}
	}
	err := lock(t.file, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errBusy
		if wait > 0 {
			err = t.await(ctx, wait)
		}
	}
	switch {
	case err == nil, errors.Is(err, errBusy), ctx.Err() != nil:
		return err
	}
	return fmt.Errorf("cannot lock the machine: %w", err)
}

// await waits for the kernel to give the lock. A wait that is given up goes on in its
// thread, for nothing ends flock(2), and gives the lock back at once.
func (t *turn) await(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errBusy)
	defer cancel()
	taken := make(chan error)
	go func() {
		err := lock(t.file, unix.LOCK_EX)
		select {
		case taken <- err:
		case <-ctx.Done():
			_ = lock(t.file, unix.LOCK_UN) // nobody has it, or wants to know
		}
	}()
	select {
	case err := <-taken:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// standAside gives the turn to others while a command of the user's runs: it may call
// this program. What it returns takes the turn again, for which it waits as long as a
// stage does: what the command left running may keep it.
func (t *turn) standAside() (resume func() error) {
	if t.file == nil {
		return func() error { return nil }
	}
	err := lock(t.file, unix.LOCK_UN)
	return func() error {
		if again := t.take(context.Background(), turnTime); again != nil {
			err = errors.Join(err, fmt.Errorf("going on beside another process: %w", again))
		}
		return err
	}
}

// Close gives the turn back, if it has it.
func (t *turn) Close() error {
	if t.file == nil {
		return nil
	}
	file := t.file
	t.file = nil
	return file.Close()
}

func lock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
