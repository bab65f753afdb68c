package sandbox

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudseed/test/needs"
)

// teeTo writes to both, one write at a time: the script's standard output and
// error are copied by two goroutines.
func teeTo(a, b io.Writer) io.Writer { return &tee{a: a, b: b} }

type tee struct {
	mu   sync.Mutex
	a, b io.Writer
}

func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.a.Write(p); err != nil {
		return 0, err
	}
	return t.b.Write(p)
}

func TestTheRunTellsItsExitOutputAndPrints(t *testing.T) {
	t.Parallel()
	a := call{Script: "echo printed; echo complained >&2; printf '{}' >&3; exit 3"}.make(t)
	if a.Err != "" || a.Result.Exit != 3 || a.Output != "{}" {
		t.Errorf("got %+v", a)
	}
	if diff := cmp.Diff("complained printed", strings.Join(sorted(strings.Fields(a.Out)), " ")); diff != "" {
		t.Error(diff)
	}
	if len(a.Changes) > 0 {
		t.Errorf("nothing was done, but: %v", a.Changes)
	}
}

func TestAScriptThatKillsItselfExitsLikeAShell(t *testing.T) {
	t.Parallel()
	if a := (call{Script: "kill -9 $$"}).make(t); a.Result.Exit != 128+9 {
		t.Errorf("got %+v", a)
	}
}

func TestOrphansAreReapedAndLeftoversKilled(t *testing.T) {
	t.Parallel()
	a := call{Script: `
		for i in 1 2 3 4 5; do (sleep 0.1 & exec true) & done; wait
		sleep 0.5
		grep -l '^State:.Z' /proc/[0-9]*/status | wc -l
		(while true; do echo x >>/root/grows; sleep 0.01; done) &
		sleep 1000 & setsid sleep 1000 &
		sleep 0.2`}.make(t)
	if a.Err != "" || a.Out != "0" {
		t.Errorf("want no zombie, got %+v", a)
	}
	if !a.changed(Added, "/root/grows") {
		t.Errorf("what a leftover wrote is not told: %v", a.Changes)
	}
}

func TestADeadlineEndsTheRunAndTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	a := call{Deadline: time.Second, Script: `
		trap 'touch /root/told; exit 7' TERM
		touch /root/began; sleep 1000 & wait`}.make(t)
	if !strings.HasPrefix(a.Err, "DEADLINE the sandbox was stopped: ") || a.Result.Exit != 7 {
		t.Errorf("got %+v", a)
	}
	if diff := cmp.Diff([]string{"added /root/began -rw-r--r--", "added /root/told -rw-r--r--"}, a.Changes); diff != "" {
		t.Error(diff)
	}
}

func TestAProgramThatDoesNotEndAtTheDeadlineIsKilled(t *testing.T) {
	t.Parallel()
	a := call{Deadline: time.Second, Script: "trap '' TERM; touch /root/began; while true; do sleep 1; done"}.make(t)
	if !strings.HasPrefix(a.Err, "DEADLINE ") || a.Result.Exit != 128+9 || !a.changed(Added, "/root/began") {
		t.Errorf("got %+v", a)
	}
}

func TestWhateverEndsTheCallerNothingIsLeft(t *testing.T) {
	for name, s := range map[string]syscall.Signal{
		"Ctrl-C":                  syscall.SIGINT,
		"SIGTERM":                 syscall.SIGTERM,
		"a caller that is killed": syscall.SIGKILL,
	} {
		t.Run(name, func(t *testing.T) {
			needs.Root(t)
			before := takeSnapshot(t)
			cmd := caller(t, call{Script: "touch /etc/made-inside; setsid sleep 1000 & echo ready; sleep 1000 & wait"})
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stderr).ReadString('\n'); line != "ready\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			procs := descendants(t, cmd.Process.Pid)
			if len(procs) < 3 { // keeper, sh, sleep
				t.Fatalf("found only %v", procs)
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // its exit code is the signal's business
			for deadline := time.Now().Add(5 * time.Second); len(alive(procs)) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("still there: %v", alive(procs))
				}
			}
			if diff := cmp.Diff(before, takeSnapshot(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// descendants returns all processes below pid, with the time each was started.
func descendants(t *testing.T, pid int) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents, started := map[int]int{}, map[int]string{}
	for _, file := range stats {
		if p, parent, start, ok := readStat(file); ok {
			parents[p], started[p] = parent, start
		}
	}
	found := map[int]string{}
	for p := range parents {
		for q := p; q > 1; q = parents[q] {
			if parents[q] == pid {
				found[p] = started[p]
			}
		}
	}
	return found
}

// alive returns those of procs that still run; a pid that was used again is none.
func alive(procs map[int]string) []int {
	var pids []int
	for pid, start := range procs {
		if _, _, now, ok := readStat("/proc/" + strconv.Itoa(pid) + "/stat"); ok && now == start {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readStat reads pid, parent and start time (proc_pid_stat(5): fields 1, 4, 22) of
// a process that is not a zombie, for which only its new parent is to blame.
func readStat(file string) (pid, parent int, start string, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, "", false
	}
	head, tail, _ := strings.Cut(string(text), " (")
	f := strings.Fields(tail[strings.LastIndex(tail, ")")+1:])
	pid, err1 := strconv.Atoi(head)
	parent, err2 := strconv.Atoi(f[1])
	return pid, parent, f[19], err1 == nil && err2 == nil && f[0] != "Z"
}
