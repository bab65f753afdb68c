// Package host is the one door to the machine: its files, commands, systemd
// units, users and hostname.
//
// In come paths and argument lists as the guest sees them; out go their
// results and, for every change, one Effect. The machine may be this one ("/")
// or an image's root directory. The package never knows cloud-config or seeds.
package host

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a Host needs beside its root. The zero value works: effects
// are not kept, logs are dropped, passed-on output is this process's own.
type Options struct {
	Record func(Effect)        // called for every change, one at a time
	Begin  func(argv []string) // called when a command begins that will be recorded; secrets redacted; may be nil
	Log    *slog.Logger        // debug lines of what is run

	// Guard is asked before anything is created or changed at a path. Its error is the
	// operation's; with ErrDropped the operation does nothing, and succeeds, unless it
	// removes something. May be nil.
	Guard func(path string) error

	// Runs says in tests that a root other than / stands for a running machine.
	Runs bool

	// Units answers for systemd in tests; nil: systemd does.
	Units func(ctx context.Context, units ...string) ([]UnitState, error)

	// StartUnit starts units in tests; nil: systemd does.
	StartUnit func(ctx context.Context, unit string) error

	// Aside is called before a command of the user's own is run (Pass); what it returns,
	// after it: they may want what this process keeps from others. May be nil.
	Aside func() (resume func() error)

	// Output is where the output of Pass commands goes, asked for when the first
	// one runs; nil: this process's own.
	Output func() (stdout, stderr *os.File)

	// What tests replace: the clock, how commands are run, programs found and
	// owners set.
	Now      func() time.Time
	Exec     ExecFunc
	Start    StartFunc
	LookPath func(name string) (string, error)
	Sync     func(fd int) error // syncfs(2)
	Flush    func(fd int) error // fdatasync(2), of a file that is to get its name
	Chown    func(path string, uid, gid int) error
	Owner    func(path string) (uid, gid int) // goes with Chown; without it all is root's
}

// Host is a machine. It is safe for use by several goroutines.
type Host struct {
	root      root
	files     files
	commands  *runner
	units     func(ctx context.Context, units ...string) ([]UnitState, error)
	startUnit func(ctx context.Context, unit string) error
	guard     func(path string) error
	now       func() time.Time
	runs      bool // see Options.Runs
	shared    *shared

	// Of this view (see As).
	stage  string
	module string
	quiet  bool                // effects are not recorded
	begin  func(argv []string) // see Watched; nil: nobody watches
	log    *slog.Logger
}

// shared is what all views of one machine (see As) have in common.
type shared struct {
	mu      sync.Mutex
	record  func(Effect)
	begin   func(argv []string)
	relabel []string // files whose SELinux label is still to be set
}

// New opens the machine whose root directory is dir, "/" for this one.
func New(dir string, o Options) *Host {
	at := root(filepath.Clean(dir))
	h := &Host{
		root:     at,
		files:    files{root: at, owners: owners{root: at, set: o.Chown, get: o.Owner}, disk: newDisk(o)},
		commands: newRunner(at, o),
		units:    o.Units, startUnit: o.StartUnit, guard: o.Guard, now: o.Now, runs: o.Runs, log: o.Log,
		shared: &shared{record: o.Record, begin: o.Begin},
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.guard == nil {
		h.guard = func(string) error { return nil }
	}
	return h
}

// ErrDropped is what a Guard returns for an operation that is to do nothing.
var ErrDropped = errors.New("nothing is written there")

// guarded asks the guard: skip means that there is nothing to do any more.
func (h *Host) guarded(path string) (skip bool, err error) {
	err = h.guard(path)
	if errors.Is(err, ErrDropped) {
		return true, nil
	}
	return err != nil, err
}

// As is the same machine with effects recorded as those of a stage's module.
func (h *Host) As(stage, module string) *Host {
	view := *h
	view.stage, view.module = stage, module
	if module != "" {
		view.log = h.log.With("module", module)
	}
	return &view
}

// Watched is the same machine; each command that begins is told, its secrets redacted.
func (h *Host) Watched(begin func(argv []string)) *Host {
	view := *h
	view.begin = begin
	return &view
}

// Quietly is the same machine with effects not recorded: for the agent's own state.
func (h *Host) Quietly() *Host {
	view := *h
	view.quiet = true
	return &view
}

// Root is the machine's root directory in this process's eyes.
func (h *Host) Root() string { return string(h.root) }

// IsLive tells whether this is the running machine and not an image's root.
func (h *Host) IsLive() bool { return h.root.isLive() }

// Runs reports whether the kernel that answers in the root is the machine's own. An image's
// root may have /proc and /dev of the machine that builds it, whose devices and mounts are
// none of the image's.
func (h *Host) Runs() bool { return h.IsLive() || h.runs }

// Now is the time by the machine's clock.
func (h *Host) Now() time.Time { return h.now() }
