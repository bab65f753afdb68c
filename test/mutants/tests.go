package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type end string

const (
	killed      end = "killed"
	survived    end = "survived"
	unbuildable end = "does not compile"
)

// outcome is what became of a mutant.
type outcome struct {
	condition
	end end
	by  string // the test, or how it ended
}

func (o outcome) String() string {
	line := fmt.Sprintf("%-8s %s: %s", o.end, o.place(), strings.Join(strings.Fields(o.text), " "))
	if o.by != "" {
		line += " (" + o.by + ")"
	}
	return line
}

// tests runs the packages' tests.
type tests struct {
	dir     string
	dirs    atomic.Int64             // how many directories for temporary files there were
	took    map[string]time.Duration // by package, without a mutant
	leftOut string                   // for -skip: what fails in a sandbox
}

// newTests prepares the sandbox: tests want the loopback device, and a mutant that allocates
// for ever is to end before the machine's memory.
func newTests(_ context.Context, dir string) (*tests, error) {
	if err := loopbackUp(); err != nil {
		return nil, fmt.Errorf("cannot bring the loopback device up: %w", err)
	}
	limit := syscall.Rlimit{Cur: 4 << 30, Max: 4 << 30}
	if err := syscall.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		return nil, fmt.Errorf("cannot limit the memory: %w", err)
	}
	return &tests{dir: dir, took: map[string]time.Duration{}}, nil
}

// workDir makes a directory for temporary files, which tests that become another user reach too. Its
// name is short: some tests have a socket in theirs, whose path has 108 bytes at the most (unix(7)).
func (t *tests) workDir() (string, error) {
	dir := filepath.Join(os.TempDir(), strconv.FormatInt(t.dirs.Add(1), 10))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777|os.ModeSticky)
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	passed     = regexp.MustCompile(`(?m)^ok  \t(\S+)\t(?:\(cached\)|([0-9.]+s))`)
)

// baseline runs the tests without a mutant: how long each package's take, and which fail as a
// sandbox lacks what they need.
func (t *tests) baseline(ctx context.Context, all []*product) error {
	var names []string
	for _, p := range all {
		names = append(names, p.testers...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	work, err := t.workDir()
	if err != nil {
		return err
	}
	out, err := t.goTest(ctx, work, append([]string{"-p", "2", "-timeout", "10m"}, names...)...)
	var left []string
	for _, m := range failedTest.FindAllStringSubmatch(out, -1) {
		left = append(left, m[1])
	}
	if err != nil {
		t.leftOut = "^(" + strings.Join(left, "|") + ")$"
		fmt.Println("LEFT OUT, as they fail in a sandbox:", strings.Join(left, " "))
		if out, err = t.goTest(ctx, work, append([]string{"-p", "2", "-timeout", "10m"}, names...)...); err != nil {
			return fmt.Errorf("the tests fail without a mutant: %s", out)
		}
	}
	for _, m := range passed.FindAllStringSubmatch(out, -1) {
		if took, err := time.ParseDuration(m[2]); err == nil {
			t.took[m[1]] = took
		}
	}
	return nil
}

// try lays a mutant over the sources, and runs tests until one fails.
func (t *tests) try(ctx context.Context, c condition) outcome {
	result := outcome{condition: c, end: survived}
	work, err := t.workDir()
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(work)
	overlay, err := c.overlay(work, t.dir)
	if err != nil {
		panic(err)
	}
	for _, tester := range c.pkg.testers {
		limit := 30*time.Second + 5*t.took[tester]
		out, err := t.goTest(ctx, work, "-overlay", overlay, "-failfast", "-p", "1", "-timeout", limit.String(), tester)
		if err == nil {
			continue
		}
		if strings.Contains(out, "[build failed]") {
			result.end = unbuildable
			return result
		}
		by := reason(out)
		if m := failedTest.FindStringSubmatch(out); m != nil {
			// A test that waits may fail on a busy machine: what does not fail again holds nothing.
			_, err = t.goTest(ctx, work, "-overlay", overlay, "-p", "1", "-timeout", limit.String(), "-run", "^"+m[1]+"$", tester)
		}
		if err != nil {
			result.end = killed
			result.by = strings.TrimPrefix(tester, "cloudseed/") + ", " + by
			return result
		}
	}
	return result
}

func reason(out string) string {
	if m := failedTest.FindStringSubmatch(out); m != nil {
		return m[1]
	}
	if strings.Contains(out, "panic: test timed out") {
		return "does not end"
	}
	return "the test's process failed"
}

// overlay writes the mutant and the file for go's -overlay.
func (c condition) overlay(work, dir string) (string, error) {
	text, err := c.negated(dir)
	if err != nil {
		return "", err
	}
	mutant := filepath.Join(work, filepath.Base(c.file))
	description, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(dir, c.file): mutant}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(work, "overlay.json")
	return overlay, errors.Join(os.WriteFile(mutant, text, 0o600), os.WriteFile(overlay, description, 0o600))
}

func (t *tests) goTest(ctx context.Context, work string, args ...string) (string, error) {
	args = append([]string{"test", "-short", "-vet=off"}, args...)
	if t.leftOut != "" {
		args = slices.Insert(args, 1, "-skip", t.leftOut)
	}
	out, err := t.command(ctx, work, args...).CombinedOutput()
	return string(out), err
}

func (t *tests) command(ctx context.Context, work string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+work)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
