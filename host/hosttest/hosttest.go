// Package hosttest gives tests a machine of their own: a temporary directory as
// root, and commands that are recorded and answered from a script.
//
// In come answers, out go the calls and effects. It never runs a program.
package hosttest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloudseed/host"
)

// Call is a command that was run.
type Call struct {
	Argv  []string
	Stdin string
	Env   []string
}

// Line is the call's argument list as one line.
func (c Call) Line() string { return strings.Join(c.Argv, " ") }

// Machine is a fake machine.
type Machine struct {
	*host.Host
	Dir string

	syncs, flushes atomic.Int64

	mu      sync.Mutex
	calls   []Call
	effects []host.Effect
	logged  strings.Builder
	answers map[string]answer
	missing map[string]bool
	owners  map[string]string
	guard   func(path string) error

	// Units are how units stand with systemd, by their names; nil: it does not run.
	Units map[string]host.UnitState

	// StartUnit starts a unit; nil: systemd does not run.
	StartUnit func(unit string) error
}

type answer struct {
	result host.Result
	err    error
	do     func(host.Command)
	reply  func(host.Command) host.Result
}

// Passwd and Group are what a new machine's /etc/passwd and /etc/group hold.
const (
	Passwd = "root:x:0:0:root:/root:/bin/bash\ncloud-user:x:1000:1000::/home/cloud-user:/bin/bash\n"
	Group  = "root:x:0:\nwheel:x:10:\nadm:x:4:\ncloud-user:x:1000:\n"
)

// New makes a machine with a small /etc. Every command succeeds and says nothing
// until Answer says otherwise; every program exists.
func New(t testing.TB) *Machine {
	t.Helper()
	m := &Machine{Dir: t.TempDir(), answers: map[string]answer{}, missing: map[string]bool{}, owners: map[string]string{}}
	m.Host = host.New(m.Dir, host.Options{
		Log: slog.New(slog.NewTextHandler(logWriter{m}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		// No test cuts the power.
		Sync:  func(int) error { m.syncs.Add(1); return nil },
		Flush: func(int) error { m.flushes.Add(1); return nil },
		Guard: m.guarded, Units: m.unitStates, StartUnit: m.startUnit, Runs: true,
		Exec: m.exec, Start: m.start, LookPath: m.lookPath, Chown: m.chown, Owner: m.owner,
		Record: func(e host.Effect) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.effects = append(m.effects, e)
		},
	})
	m.Put(t, "/etc/passwd", Passwd)
	m.Put(t, "/etc/group", Group)
	return m
}

// Answer makes commands whose line starts with prefix end so. The longest prefix
// that fits wins.
func (m *Machine) Answer(prefix string, result host.Result, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[prefix] = answer{result: result, err: err}
}

// On makes commands whose line starts with prefix succeed and do something, such as
// making the file that a real one would.
func (m *Machine) On(prefix string, do func(host.Command)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[prefix] = answer{do: do}
}

// Reply makes commands whose line starts with prefix end as a function says.
func (m *Machine) Reply(prefix string, reply func(host.Command) host.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[prefix] = answer{reply: reply}
}

func (m *Machine) exec(_ context.Context, c host.Command) (host.Result, error) {
	call := Call{Argv: c.Argv, Stdin: string(c.Stdin.Reveal()), Env: c.Env}
	m.mu.Lock()
	m.calls = append(m.calls, call)
	best, found := "", answer{}
	for prefix, a := range m.answers {
		if strings.HasPrefix(call.Line(), prefix) && len(prefix) >= len(best) {
			best, found = prefix, a
		}
	}
	m.mu.Unlock()
	if found.do != nil {
		found.do(c)
	}
	result, err := found.result, found.err
	if found.reply != nil {
		result, err = found.reply(c), nil
	}
	if c.Line != nil {
		for line := range strings.Lines(result.Stdout + result.Stderr) {
			c.Line(strings.TrimSuffix(line, "\n"))
		}
	}
	return result, err
}

// start runs a detached command to its end at once: Wait then has nothing to wait for.
func (m *Machine) start(ctx context.Context, c host.Command, _ string) error {
	_, err := m.exec(ctx, c)
	return err
}

// Guard is asked before anything is created or changed at a path, as host.Options says;
// nil ends that.
func (m *Machine) Guard(guard func(path string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.guard = guard
}

func (m *Machine) guarded(path string) error {
	m.mu.Lock()
	guard := m.guard
	m.mu.Unlock()
	if guard == nil {
		return nil
	}
	return guard(path)
}

// Syncs is how often a file system was synced so far.
func (m *Machine) Syncs() int { return int(m.syncs.Load()) }

// Flushes is how often a file's content was brought out by itself, before it got its name.
func (m *Machine) Flushes() int { return int(m.flushes.Load()) }

func (m *Machine) unitStates(_ context.Context, units ...string) ([]host.UnitState, error) {
	if m.Units == nil {
		return nil, host.ErrNotBooted
	}
	var states []host.UnitState
	for _, name := range units {
		state := m.Units[name]
		state.Name = name
		states = append(states, state)
	}
	return states, nil
}

func (m *Machine) startUnit(_ context.Context, unit string) error {
	if m.StartUnit == nil {
		return nil
	}
	return m.StartUnit(unit)
}

// Lacks makes programs missing.
func (m *Machine) Lacks(programs ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range programs {
		m.missing[p] = true
	}
}

func (m *Machine) lookPath(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing[name] {
		return "", &host.MissingError{Program: name}
	}
	if strings.Contains(name, "/") {
		return name, nil
	}
	return "/usr/bin/" + name, nil
}

// chown remembers owners, since a test need not be root to set them.
func (m *Machine) chown(path string, uid, gid int) error {
	path = strings.TrimPrefix(path, m.Dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owners[path] = fmt.Sprintf("%d:%d", uid, gid)
	return nil
}

// owner gives back what chown remembers; root's is what was never given away.
func (m *Machine) owner(path string) (uid, gid int) {
	if _, err := fmt.Sscanf(m.Owner(strings.TrimPrefix(path, m.Dir)), "%d:%d", &uid, &gid); err != nil {
		return 0, 0
	}
	return uid, gid
}

// Give sets the owner of a path before the test begins.
func (m *Machine) Give(path string, uid, gid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owners[path] = fmt.Sprintf("%d:%d", uid, gid)
}

// Owner is the "uid:gid" last given to a path, "" if none was.
func (m *Machine) Owner(path string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owners[path]
}

// Calls are the commands run so far.
func (m *Machine) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Call(nil), m.calls...)
}

// Lines are the commands run so far, a line each.
func (m *Machine) Lines() []string {
	var lines []string
	for _, c := range m.Calls() {
		lines = append(lines, c.Line())
	}
	return lines
}

// Effects are the changes made so far.
func (m *Machine) Effects() []host.Effect {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]host.Effect(nil), m.effects...)
}

// Logged is what the host logged so far.
func (m *Machine) Logged() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logged.String()
}

type logWriter struct{ m *Machine }

func (w logWriter) Write(text []byte) (int, error) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	return w.m.logged.Write(text)
}

// Put makes a file of the machine, before the test begins.
func (m *Machine) Put(t testing.TB, path, content string) {
	t.Helper()
	at := filepath.Join(m.Dir, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Text is a file's content; a missing file fails the test.
func (m *Machine) Text(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(m.Dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
