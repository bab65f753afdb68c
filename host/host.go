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
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	Sync     func(fd int) error // fsync(2)
	Chown    func(path string, uid, gid int) error
	Owner    func(path string) (uid, gid int) // goes with Chown; without it all is root's
}

// Host is a machine. It is safe for use by several goroutines.
type Host struct {
	root     string
	stage    string
	module   string
	quiet    bool // effects are not recorded
	log      *slog.Logger
	output   func() (stdout, stderr *os.File)
	exec     ExecFunc
	start    StartFunc
	look     func(name string) (string, error)
	setOwner func(path string, uid, gid int) error // of tests; nil: the kernel's
	owner    func(path string) (uid, gid int)
	guard    func(path string) error
	sync     func(fd int) error
	units    func(ctx context.Context, units ...string) ([]UnitState, error)
	aside    func() (resume func() error)
	runs     bool // see Options.Runs
	owners   bool // owners are real: what is there can be compared with what is wanted
	now      func() time.Time
	shared   *shared
}

// shared is what all views of one machine (see As) have in common.
type shared struct {
	mu      sync.Mutex
	record  func(Effect)
	begin   func(argv []string)
	relabel []string // files whose SELinux label is still to be set
}

// New opens the machine whose root directory is root, "/" for this one.
func New(root string, o Options) *Host {
	h := &Host{
		root: filepath.Clean(root), log: o.Log, output: o.Output, exec: o.Exec, start: o.Start, now: o.Now,
		look: o.LookPath, setOwner: o.Chown, owner: o.Owner, owners: o.Chown == nil,
		guard: o.Guard, units: o.Units, runs: o.Runs, sync: o.Sync, aside: o.Aside,
		shared: &shared{record: o.Record, begin: o.Begin},
	}
	if h.look == nil {
		h.look = h.search
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.output == nil {
		h.output = func() (stdout, stderr *os.File) { return os.Stdout, os.Stderr }
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.sync == nil {
		h.sync = unix.Fsync
	}
	if h.guard == nil {
		h.guard = func(string) error { return nil }
	}
	if h.aside == nil {
		h.aside = func() func() error { return func() error { return nil } }
	}
	if h.exec == nil {
		h.exec = h.execute
	}
	if h.start == nil {
		h.start = h.startDetached
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

// Quietly is the same machine with effects not recorded: for the agent's own state.
func (h *Host) Quietly() *Host {
	view := *h
	view.quiet = true
	return &view
}

// Root is the machine's root directory in this process's eyes.
func (h *Host) Root() string { return h.root }

// IsLive tells whether this is the running machine and not an image's root.
func (h *Host) IsLive() bool { return h.root == "/" }

// Runs reports whether the kernel that answers in the root is the machine's own. An image's
// root may have /proc and /dev of the machine that builds it, whose devices and mounts are
// none of the image's.
func (h *Host) Runs() bool { return h.IsLive() || h.runs }

// Now is the time by the machine's clock.
func (h *Host) Now() time.Time { return h.now() }

// Open opens a file for reading.
func (h *Host) Open(path string) (io.ReadCloser, error) { return os.Open(h.resolve(path)) }

// Stat describes what a path leads to; Lstat the path itself.
func (h *Host) Stat(path string) (fs.FileInfo, error)  { return os.Stat(h.resolve(path)) }
func (h *Host) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(h.place(path)) }

// Owner is the user and group number that a file of this path and description has.
func (h *Host) Owner(path string, info fs.FileInfo) (uid, gid int) {
	if h.owners {
		stat := info.Sys().(*syscall.Stat_t)
		return int(stat.Uid), int(stat.Gid)
	}
	if h.owner == nil {
		return 0, 0
	}
	return h.owner(h.place(path))
}

// Exists tells whether a path leads to anything.
func (h *Host) Exists(path string) bool {
	_, err := h.Stat(path)
	return err == nil
}

// ReadDir lists a directory, sorted by name.
func (h *Host) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(h.resolve(path)) }

// Readlink returns where a symbolic link points.
func (h *Host) Readlink(path string) (string, error) { return os.Readlink(h.place(path)) }

// Glob lists the paths that match a pattern, as the shell would: any element may have
// *, ? and [ ]. A directory that does not exist holds nothing.
func (h *Host) Glob(pattern string) ([]string, error) {
	found := []string{"/"}
	for element := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var deeper []string
		for _, dir := range found {
			names, err := h.matching(dir, element)
			if err != nil {
				return nil, fmt.Errorf("cannot look for %s: %w", pattern, err)
			}
			for _, name := range names {
				deeper = append(deeper, filepath.Join(dir, name))
			}
		}
		found = deeper
	}
	return found, nil
}

// matching lists the names in a directory that match one element of a pattern.
func (h *Host) matching(dir, element string) ([]string, error) {
	if !strings.ContainsAny(element, `*?[\`) {
		if _, err := h.Lstat(filepath.Join(dir, element)); err != nil {
			return nil, nil // what cannot be seen does not match
		}
		return []string{element}, nil
	}
	if info, err := h.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil
	}
	entries, err := h.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ok, err := filepath.Match(element, e.Name())
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// resolve turns a path of the machine into one of this process, following
// symbolic links as the machine would: an absolute link in an image's root leads
// to that root, never out of it.
func (h *Host) resolve(path string) string {
	if h.root == "/" {
		return filepath.Join("/", path)
	}
	return h.follow(path, true)
}

// place is resolve without following the last element.
func (h *Host) place(path string) string {
	if h.root == "/" {
		return filepath.Join("/", path)
	}
	return h.follow(path, false)
}

// follow walks path below the root. What does not exist is joined as it is: the
// caller's own system call gives the error.
func (h *Host) follow(path string, last bool) string {
	rest := strings.Split(filepath.Clean("/"+path), "/")
	at := "" // resolved so far, below root
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = strings.TrimSuffix(at, "/"+filepath.Base(at))
			continue
		}
		next := at + "/" + name
		if len(rest) > 0 || last {
			if target, err := os.Readlink(h.root + next); err == nil && links < maxLinks {
				links++
				if filepath.IsAbs(target) {
					at = ""
				}
				rest = append(strings.Split(target, "/"), rest...)
				continue
			}
		}
		at = next
	}
	return filepath.Join(h.root, at)
}

// Uptime is the time since the kernel started.
func (h *Host) Uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // no such clock in this kernel: the time is only shown
	}
	return time.Duration(ts.Nano())
}

// Kernel is what the running kernel says of itself and the machine.
type Kernel struct {
	Node, Release, Build, Machine string
}

// Kernel asks the running kernel; what it does not tell is "".
func (h *Host) Kernel() Kernel {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}
	}
	return Kernel{
		Node: unix.ByteSliceToString(u.Nodename[:]), Release: unix.ByteSliceToString(u.Release[:]),
		Build: unix.ByteSliceToString(u.Version[:]), Machine: unix.ByteSliceToString(u.Machine[:]),
	}
}
