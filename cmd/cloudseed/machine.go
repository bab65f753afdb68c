package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/state"

	"golang.org/x/sys/unix"
)

// globals are the flags that every command has, and how the program was called.
type globals struct {
	debug       bool
	root        string
	asCloudInit bool   // by the name cloud-init
	calledAs    string // the path to it, if so
	mistake     error  // in a command line that asks for help
}

const logFile = "/var/log/cloud-init.log"

// machine is a machine opened to be changed: everything that is done to it is logged
// and entered into the change log.
type machine struct {
	host     *host.Host
	store    *state.Store
	log      *slog.Logger
	warnings func() map[string][]string
	ledger   *state.Ledger
	output   *boot.Output
	console  io.Writer // for people who watch the machine; nil when it has none
	file     *os.File
	turn     *turn
}

// openMachine opens the machine to be changed, when no other process is at work on it, or
// ends within the time to wait. Only root can.
func (g *globals) openMachine(ctx context.Context, wait time.Duration) (*machine, error) {
	m, err := g.openLogs()
	if err != nil {
		return nil, err
	}
	if err := m.turn.take(ctx, wait); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// openLogs opens the machine without waiting for its turn on it: what is in the way of
// that is to be logged too.
func (g *globals) openLogs() (*machine, error) {
	if err := g.needsRoot(); err != nil {
		return nil, err
	}
	m := &machine{}
	plain := host.New(g.root, host.Options{})
	m.turn = &turn{host: plain}
	handler := bootlog.Handler{Level: slog.LevelDebug}
	atBoot := g.root == "/" && underSystemd()
	if atBoot {
		handler.Journal = bootlog.ToJournal
	}
	var err error
	if m.file, err = plain.OpenLog(logFile, host.Log{Mode: 0o640}); err != nil {
		printable.Fprintf(os.Stderr, "cloudseed: cannot open the log, going on without: %v\n", err)
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
	if !state.New(plain).Cleaned() {
		if m.ledger, err = state.OpenLedger(plain, state.BootID()); err != nil {
			m.log.Error(err.Error())
		}
	}
	options := host.Options{Log: m.log, Record: m.record, Guard: state.Guard(plain), Aside: m.turn.standAside}
	if g.root == "/" {
		m.output = boot.NewOutput(plain)
		options.Output = m.output.Files
	}
	m.host = host.New(g.root, options)
	m.store = state.New(m.host)
	return m, nil
}

// needsRoot is an error for a user who may not change the machine. An image's root is
// whose files say so.
func (g *globals) needsRoot() error {
	if g.root != "/" || os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("needs root: sudo %s", shellwords(os.Args))
}

// console is where warnings go for people who watch: standard error by hand; at boot
// the machine's console, since what goes to standard error there ends in the journal a
// second time.
func console(atBoot bool) io.Writer {
	if !atBoot {
		return os.Stderr
	}
	return openConsole()
}

// terminal is the machine's own console. What is shown there is for nobody else: a command
// by hand does not print it, for its output may be kept in a log. An image has none.
func (m *machine) terminal() io.Writer {
	if !m.host.IsLive() {
		return nil
	}
	return openConsole()
}

// openConsole opens the machine's console, if that is a terminal or the like, and not a
// file that somebody put in its place.
func openConsole() io.Writer {
	file, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil // none here: the journal has all but passwords
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		_ = file.Close() // nothing was written
		return nil
	}
	_ = file.Fd() // from now on, writing waits for a slow line
	return file
}

// power restarts the machine or turns it off, when it is one that was booted.
func (m *machine) power() power.Switch {
	if !m.host.Booted() {
		return nil
	}
	return power.Of(m.host)
}

func (m *machine) record(e host.Effect) {
	if m.ledger != nil {
		m.ledger.Record(e)
	}
}

// boot prepares the stages to be run on the machine.
func (m *machine) boot(o boot.Options) *boot.Boot {
	o.Host, o.Log, o.Warnings, o.Ledger, o.Output = m.host, m.log, m.warnings, m.ledger, m.output
	o.Version, o.Console, o.Terminal = version, m.console, m.terminal()
	o.Cmdline = kernelCommandLine()
	return boot.New(o)
}

// Close ends the work on the machine, whose results last when it returns.
func (m *machine) Close() error { return errors.Join(m.host.Sync(), m.release()) }

// release ends the work of a stage, which has synced what is to last.
func (m *machine) release() error {
	var errs []error
	if m.ledger != nil {
		errs = append(errs, m.ledger.Close())
	}
	if m.file != nil {
		errs = append(errs, m.file.Close())
	}
	return errors.Join(append(errs, m.turn.Close())...)
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
