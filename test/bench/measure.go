package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cost is what processes took.
type cost struct {
	own, children time.Duration // of the processor
	wall          time.Duration
	peak          int64 // resident memory in bytes, of the largest
}

func (c *cost) add(o cost) {
	c.own, c.children, c.wall, c.peak = c.own+o.own, c.children+o.children, c.wall+o.wall, max(c.peak, o.peak)
}

// waits keeps a process from its program until a line is read, so that it is counted from
// its first instruction: the counters begin at exec.
const waits = `read go; exec "$0" "$@" </dev/null >/run/bench.out 2>&1`

// measure runs a program in the root. meanwhile runs beside it, and the time that it takes is the program's.
func (m *machine) measure(ctx context.Context, env, args []string, meanwhile func() error) (cost, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", waits}, args...)...)
	cmd.Env, cmd.Dir = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, env...), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: m.root}
	gate, err := cmd.StdinPipe()
	if err != nil {
		return cost{}, err
	}
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	own, err := count(cmd.Process.Pid, inheritThreads)
	if err != nil {
		return cost{}, errors.Join(err, gate.Close(), cmd.Wait())
	}
	all, err := count(cmd.Process.Pid, 0)
	if err != nil {
		return cost{}, errors.Join(err, own.Close(), gate.Close(), cmd.Wait())
	}
	began := time.Now()
	_, err = io.WriteString(gate, "go\n")
	if meanwhile != nil {
		err = errors.Join(err, meanwhile())
	}
	// The exit code is of the boot, whose success the caller looks at.
	var failed *exec.ExitError
	if ended := cmd.Wait(); !errors.As(ended, &failed) {
		err = errors.Join(err, ended)
	}
	c := cost{wall: time.Since(began)}
	if used, is := cmd.ProcessState.SysUsage().(*syscall.Rusage); is {
		c.peak = used.Maxrss << 10
	}
	var total time.Duration
	c.own, total, err = read(own, all, err)
	c.children = total - c.own
	return c, errors.Join(err, own.Close(), all.Close())
}

func read(own, all *os.File, before error) (time.Duration, time.Duration, error) {
	var counts [2]time.Duration
	errs := []error{before}
	for i, f := range []*os.File{own, all} {
		var value [8]byte
		_, err := io.ReadFull(f, value[:])
		errs = append(errs, err)
		counts[i] = time.Duration(binary.NativeEndian.Uint64(value[:]))
	}
	return counts[0], counts[1], errors.Join(errs...)
}

// inheritThreads is a bit of perf_event_attr since Linux 5.13: what a process clones is counted
// if it is a thread.
const inheritThreads = 1 << 35

// count counts a process's time on the processors, in nanoseconds, from its next exec: rusage has that of
// its children in it. bits are added to the counter's.
func count(pid int, bits uint64) (*os.File, error) {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK,
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits: unix.PerfBitDisabled | unix.PerfBitInherit | unix.PerfBitEnableOnExec | bits,
	}
	fd, err := unix.PerfEventOpen(&attr, pid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot count the time of a process: %w", err)
	}
	return os.NewFile(uintptr(fd), "counter"), nil
}
