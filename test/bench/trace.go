package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// counts are of a program's own processes, threads and all, but for the last.
type counts struct {
	calls   int // of the system
	opens   int // of files and directories
	syncs   int
	flushes int // of a file's content alone, sync_file_range(2)
	written int // bytes
	started int // processes, and those that they started
}

func (c *counts) add(o counts) {
	c.calls, c.opens, c.syncs, c.flushes = c.calls+o.calls, c.opens+o.opens, c.syncs+o.syncs, c.flushes+o.flushes
	c.written, c.started = c.written+o.written, c.started+o.started
}

// trace runs a program in the root under strace.
func (m *machine) trace(ctx context.Context, env, args []string, meanwhile func() error) (counts, error) {
	log := filepath.Join(filepath.Dir(m.root), "trace")
	cmd := exec.CommandContext(ctx, "strace", append([]string{"-f", "-qq", "-s", "0", "-o", log, "chroot", m.root}, args...)...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
	if err := cmd.Start(); err != nil {
		return counts{}, err
	}
	var err error
	if meanwhile != nil {
		err = meanwhile()
	}
	var failed *exec.ExitError
	if ended := cmd.Wait(); !errors.As(ended, &failed) {
		err = errors.Join(err, ended)
	}
	file, opened := os.Open(log)
	if err := errors.Join(err, opened); err != nil {
		return counts{}, err
	}
	c, err := countLines(bufio.NewScanner(file), args[0])
	return c, errors.Join(err, file.Close())
}

var (
	called  = regexp.MustCompile(`^(\d+) +(\w+)\(`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
	result  = regexp.MustCompile(`= (\d+)$`)
)

// countLines counts in strace's lines, from the program's exec on.
func countLines(lines *bufio.Scanner, program string) (c counts, err error) {
	lines.Buffer(nil, 1<<20)
	own, cloning := map[string]bool{}, map[string]bool{} // by thread: the program's; it is making one
	for lines.Scan() {
		line := lines.Text()
		m, began := called.FindStringSubmatch(line), true
		if m == nil {
			m, began = resumed.FindStringSubmatch(line), false
		}
		if m == nil {
			continue
		}
		thread, call := m[1], m[2]
		if call == "execve" && began {
			switch {
			case len(own) == 0 && strings.Contains(line, `"`+program+`"`):
				own[thread] = true
			case len(own) > 0 && !strings.HasSuffix(line, "ENOENT (No such file or directory)"):
				c.started++
			}
			continue
		}
		if !own[thread] {
			continue
		}
		if began {
			c.calls++
			cloning[thread] = strings.Contains(line, "CLONE_THREAD")
		}
		n := 0
		if r := result.FindStringSubmatch(line); r != nil {
			n, _ = strconv.Atoi(r[1]) // digits
		}
		switch call {
		case "clone", "clone3":
			if n > 0 && cloning[thread] {
				own[strconv.Itoa(n)] = true
			}
		case "open", "openat", "openat2":
			if n > 0 {
				c.opens++
			}
		case "write", "writev", "pwrite64":
			c.written += n
		case "fsync", "fdatasync", "syncfs", "sync":
			if began {
				c.syncs++
			}
		case "sync_file_range":
			if began {
				c.flushes++
			}
		}
	}
	if len(own) == 0 {
		err = fmt.Errorf("strace did not see %s start", program)
	}
	return c, errors.Join(err, lines.Err())
}
