package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"cloudseed/test/differential/cloudinit"
)

// booted is a program that boots the machine.
type booted struct {
	name   string
	files  []bind // of the program
	env    []string
	stages [][]string // its processes, one after the other
	asks   bool       // its one process waits until each stage is asked for
	mounts bool       // has the kernel read the drive

	commands map[string][]string // what is asked by hand, by what the table calls it
}

// bind is a file or directory of this machine that is seen in the root.
type bind struct{ from, to string }

const seedSystem = "/opt/program/cloudseed"

// ours is a build of this program: a copy below dir, since the kernel keeps the pages of a file that a
// linker has just written in smaller pieces than those of one that was copied or installed.
func ours(ctx context.Context, dir, name, program string) (booted, error) {
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o755); err != nil {
		return booted{}, err
	}
	if err := exec.CommandContext(ctx, "cp", program, filepath.Join(own, "cloudseed")).Run(); err != nil {
		return booted{}, fmt.Errorf("cannot copy %s: %w", program, err)
	}
	return booted{
		name:  name,
		files: []bind{{own, "opt/program"}},
		stages: [][]string{
			{seedSystem, "init", "--local"},
			{seedSystem, "init"},
			{seedSystem, "modules", "--mode", "config"},
			{seedSystem, "modules", "--mode", "final"},
		},
		commands: commands(seedSystem),
	}, nil
}

func commands(program ...string) map[string][]string {
	all := map[string][]string{}
	for name, args := range map[string][]string{
		"status": {"status"}, "query": {"query", "instance_id"}, "schema": {"schema", "--system"},
	} {
		all[name] = append(append([]string{}, program...), args...)
	}
	return all
}

// theirs is the real cloud-init, run as its units of that version do: each stage a process, or,
// since 24.3, one process for all of them.
func theirs(ctx context.Context, r cloudinit.Release) (booted, error) {
	packages, err := cloudinit.Fetch(ctx, "build/cloud-init", r)
	if err != nil {
		return booted{}, err
	}
	// One for each version: the sources of all are at the same path.
	cache, err := filepath.Abs(filepath.Join("build/bench-python", filepath.Base(strings.TrimSuffix(packages, "/usr/lib/python3/dist-packages"))))
	if err == nil {
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return booted{}, err
	}
	version, err := exec.CommandContext(ctx, python, "-c", "import sys; sys.path.insert(0, sys.argv[1]); from cloudinit import version; print(version.version_string().split('-')[0], end='')", packages).Output()
	if err != nil {
		return booted{}, fmt.Errorf("cannot ask cloud-init for its version: %w", err)
	}
	command := []string{python, "-m", "cloudinit.cmd.main"}
	b := booted{
		name:   "cloud-init " + string(version),
		mounts: true,
		files:  []bind{{packages, "opt/program"}, {cache, "opt/python"}},
		// Bytecode is kept, as a package's installation makes it.
		env:      []string{"PYTHONPATH=/opt/program", "PYTHONPYCACHEPREFIX=/opt/python", "LC_ALL=C.UTF-8"},
		commands: commands(command...),
	}
	if r == cloudinit.Compared {
		b.asks, b.stages = true, [][]string{append(command, "--all-stages")}
		return b, nil
	}
	for _, args := range [][]string{{"init", "--local"}, {"init"}, {"modules", "--mode=config"}, {"modules", "--mode=final"}} {
		b.stages = append(b.stages, append(append([]string{}, command...), args...))
	}
	return b, nil
}

const python = "/usr/bin/python3"

// boot runs the stages, each by a function that starts it.
func (b booted) boot(m *machine, run func(args []string, meanwhile func() error) error) error {
	for i, args := range b.stages {
		// The units' condition, ConditionPathExists=/run/cloud-init/.instance-id.
		if _, err := os.Stat(filepath.Join(m.root, "run/cloud-init/.instance-id")); i > 0 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		var meanwhile func() error
		if b.asks {
			meanwhile = func() error { return ask(filepath.Join(m.root, "run/cloud-init/share")) }
		}
		if err := run(args, meanwhile); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// ask is what the units of cloud-init do since 24.3: they send "start" and wait for an answer.
func ask(dir string) error {
	for _, stage := range []string{"local", "network", "config", "final"} {
		conn, err := dial(filepath.Join(dir, stage+".sock"))
		if err != nil {
			return err
		}
		_, err = io.WriteString(conn, "start")
		_, answered := io.ReadAll(conn)
		if err := errors.Join(err, answered, conn.Close()); err != nil {
			return err
		}
	}
	return nil
}

// dial waits until the process listens.
func dial(socket string) (conn net.Conn, err error) {
	for range 3000 {
		if conn, err = net.Dial("unix", socket); err == nil {
			return conn, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}
