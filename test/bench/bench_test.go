package main

import (
	"bufio"
	"strings"
	"testing"
	"time"
)

// trace are lines as strace writes them: of a program with two threads that starts another program.
const traced = `7 execve("/usr/sbin/chroot", ["chroot"], 0x7ffc) = 0
7 openat(AT_FDCWD, "/before", O_RDONLY) = 3
7 execve("/opt/program", ["/opt/program"], 0x7ffc) = 0
7 openat(AT_FDCWD, "/a", O_RDONLY) = 3
7 openat(AT_FDCWD, "/missing", O_RDONLY) = -1 ENOENT (No such file or directory)
7 clone(child_stack=0xc000, flags=CLONE_VM|CLONE_THREAD <unfinished ...>
8 write(4, ""..., 10 <unfinished ...>
7 <... clone resumed>) = 8
8 <... write resumed>) = 10
8 syncfs(5) = 0
8 sync_file_range(5, 0, 0, 7) = 0
8 clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD <unfinished ...>
9 execve("/bin/true", ["true"], 0xc000 <unfinished ...>
9 <... execve resumed>) = 0
9 write(1, ""..., 100) = 100
9 fsync(1) = 0
8 <... clone resumed>) = 9
7 exit_group(0) = ?
`

func TestCountsAreTheProgramsOwn(t *testing.T) {
	t.Parallel()
	got, err := countLines(bufio.NewScanner(strings.NewReader(traced)), "/opt/program")
	// What thread 8 calls before its clone is known to have made it is a write that has not ended.
	want := counts{calls: 7, opens: 1, syncs: 1, flushes: 1, written: 10, started: 1}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestATraceWithoutTheProgramIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := countLines(bufio.NewScanner(strings.NewReader(traced)), "/opt/other"); err == nil {
		t.Error("no error")
	}
}

func TestARatioIsTheMedianOfTheRounds(t *testing.T) {
	t.Parallel()
	of := func(all ...int) (costs []cost) {
		for _, ms := range all {
			costs = append(costs, cost{own: time.Duration(ms) * time.Millisecond})
		}
		return costs
	}
	// A slow round is slow for both.
	if got := ratio(of(10, 100, 20), of(30, 310, 50)); got != 3 {
		t.Errorf("%v, want 3", got)
	}
}
