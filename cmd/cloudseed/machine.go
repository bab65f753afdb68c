package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/host"
	"cloudseed/state"

	"golang.org/x/sys/unix"
)

// globals are the flags that every command has.
type globals struct {
	debug bool
	root  string
}

const logFile = "/var/log/cloud-init.log"

// machine is a machine opened to be changed: everything that is done to it is logged
// and entered into the ledger.
type machine struct {
	host     *host.Host
	store    *state.Store
	log      *slog.Logger
	warnings func() map[string][]string
	ledger   *state.Ledger
	output   *boot.Output
	console  io.Writer // for people who watch the machine; nil when it has none
	file     *os.File
	lock     *os.File
}

// openMachine opens the machine to be changed. Only root can, and only one process at
// a time.
func (g *globals) openMachine() (*machine, error) {
	if g.root == "/" && os.Geteuid() != 0 {
		return nil, errors.New("this changes the machine, so only root can do it")
	}
	m := &machine{}
	plain := host.New(g.root, host.Options{})
	var err error
	if m.lock, err = lock(plain); err != nil {
		return nil, err
	}
	handler := bootlog.Handler{Level: slog.LevelDebug}
	atBoot := g.root == "/" && underSystemd()
	if atBoot {
		handler.Journal = bootlog.ToJournal
	}
	if m.file, err = plain.OpenLog(logFile, host.Log{Mode: 0o640}); err != nil {
		fmt.Fprintf(os.Stderr, "cloudseed: cannot open the log, going on without: %v\n", err)
	} else {
		handler.File = m.file
	}
	m.console = console(atBoot)
	handler.Console = m.console
	if g.debug {
		handler.File = io.MultiWriter(writerOrDiscard(handler.File), os.Stderr)
		handler.Console = nil
	}
	m.log, m.warnings = bootlog.New(handler)
	if m.ledger, err = state.OpenLedger(plain, state.BootID()); err != nil {
		m.log.Error(err.Error())
	}
	options := host.Options{Log: m.log, Record: m.record}
	if g.root == "/" {
		m.output = boot.NewOutput(plain)
		options.Output = m.output.Files
	}
	m.host = host.New(g.root, options)
	m.store = state.New(m.host)
	return m, nil
}

// console is where warnings go for people who watch: standard error by hand; at boot
// the machine's console, since what goes to standard error there ends in the journal a
// second time.
func console(atBoot bool) io.Writer {
	if !atBoot {
		return os.Stderr
	}
	file, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil // none here: the journal has it all
	}
	return file
}

// errBusy says that another process has the lock.
var errBusy = errors.New("another cloudseed is at work on this machine; wait for it: cloudseed status --wait")

// turnTime is how long a process waits for another that has the lock.
const turnTime = 2 * time.Minute

// openMachineInTurn opens the machine when no other process is at work on it any more.
func (g *globals) openMachineInTurn(ctx context.Context) (*machine, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, turnTime, errBusy)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond) // the kernel tells nobody that a lock is free
	defer again.Stop()
	for {
		m, err := g.openMachine()
		if !errors.Is(err, errBusy) {
			return m, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// lock keeps two processes from changing one machine at the same time. The kernel
// gives it back when the process ends, however it does.
func lock(h *host.Host) (*os.File, error) {
	file, err := h.OpenLog(state.RunDir+"/lock", host.Log{})
	if err != nil {
		return nil, fmt.Errorf("cannot lock the machine: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(errBusy, file.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the machine: %w", errors.Join(err, file.Close()))
	}
	return file, nil
}

func (m *machine) record(e host.Effect) {
	if m.ledger != nil {
		m.ledger.Record(e)
	}
}

// boot prepares the stages to be run on the machine.
func (m *machine) boot(o boot.Options) *boot.Boot {
	o.Host, o.Log, o.Warnings, o.Ledger, o.Output = m.host, m.log, m.warnings, m.ledger, m.output
	o.Version, o.Console = version, m.console
	o.Cmdline = kernelCommandLine()
	return boot.New(o)
}

// Close ends the work on the machine.
func (m *machine) Close() error {
	var errs []error
	if m.ledger != nil {
		errs = append(errs, m.ledger.Close())
	}
	if m.file != nil {
		errs = append(errs, m.file.Close())
	}
	return errors.Join(append(errs, m.lock.Close())...)
}

// onlooker is a boot that is asked what it would do, and does nothing.
func (g *globals) onlooker(stderr io.Writer) *boot.Boot {
	return boot.New(boot.Options{
		Host: host.New(g.root, host.Options{}), Cmdline: kernelCommandLine(),
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
}

// openState opens the machine's state to be read. Anybody may.
func (g *globals) openState() *state.Store {
	return state.New(host.New(g.root, host.Options{}))
}

func underSystemd() bool { return os.Getenv("INVOCATION_ID") != "" }

func writerOrDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// kernelCommandLine is how the kernel was started; in a container, the command line
// of the container's first process, as cloud-init takes it.
func kernelCommandLine() string {
	file := "/proc/cmdline"
	if _, err := os.Stat("/run/systemd/container"); err == nil {
		file = "/proc/1/cmdline"
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " "))
}
