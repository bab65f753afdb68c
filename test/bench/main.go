// Command bench measures what a boot costs this program and the real cloud-init, side by side.
//
// In comes the path of the built program, out goes a table of medians, which it also writes into a
// page. Every stage is a process in a root of its own: a copy of this machine's /etc on its disk, the
// machine's /usr below it, oVirt's seed on a loop device, and a network with one device. A round
// boots all programs, one after the other, in another order each time, so that what else the
// machine does meets all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"cloudseed/test/differential/cloudinit"
)

// inside says that the process is in namespaces of its own.
const inside = "CLOUDSEED_BENCH_INSIDE"

func main() {
	rounds := flag.Int("rounds", 15, "how `many` rounds to boot")
	page := flag.String("write", "", "the `page` whose table is written")
	without := flag.Bool("alone", false, "without the real cloud-init")
	other := flag.String("against", "", "another `program` of ours to compare with, such as that of a commit before")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [-rounds N] [-alone] [-against PROGRAM] [-write PAGE] PROGRAM")
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), *other, *page, *rounds, *without); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, other, page string, rounds int, alone bool) error {
	if os.Getenv(inside) == "" {
		return again(ctx)
	}
	dir, err := os.MkdirTemp("build", "bench-")
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // make clean removes it
	m, err := newMachine(ctx, dir)
	if err != nil {
		return err
	}
	programs, err := compared(ctx, dir, program, other, alone)
	if err != nil {
		return errors.Join(err, m.close(ctx))
	}
	table, err := m.compare(ctx, programs, rounds)
	if err := errors.Join(err, m.close(ctx)); err != nil {
		return err
	}
	fmt.Print(table)
	if page == "" {
		return nil
	}
	return write(page, table)
}

// compared are the programs, ours first.
func compared(ctx context.Context, dir, program, other string, alone bool) ([]booted, error) {
	ourOwn, err := ours(ctx, dir, "cloudseed", program)
	programs := []booted{ourOwn}
	if err == nil && other != "" {
		ourOwn, err = ours(ctx, dir, "the other", other)
		programs = append(programs, ourOwn)
	}
	if err != nil || alone {
		return programs, err
	}
	for _, r := range []cloudinit.Release{cloudinit.Compared, cloudinit.Older} {
		real, err := theirs(ctx, r)
		if err != nil {
			return nil, err
		}
		programs = append(programs, real)
	}
	return programs, nil
}

// again runs this program in namespaces: hostname, mounts and devices are not the machine's.
func again(ctx context.Context) error {
	if err := os.MkdirAll("build", 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Unshareflags: syscall.CLONE_NEWNS, // which makes the mounts private
	}
	return cmd.Run()
}
