package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keeperName is the argv[0] by which Run's child knows itself.
const keeperName = "cloudseed: sandbox"

// KeeperMain does the keeper's work and exits when this process was started by
// Run to be one; otherwise it returns at once. It is to be the first call in main.
func KeeperMain() {
	if os.Args[0] != keeperName || os.Getpid() != 1 {
		return
	}
	// Keyrings and the parent-death signal belong to a thread; the inside is forked
	// from this one.
	runtime.LockOSThread()
	stop := make(chan os.Signal, 8)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	reportEnd := os.NewFile(reportFD, "report")
	r, err := keep(stop)
	if err != nil {
		r = report{Failed: err.Error()}
	}
	if err := json.NewEncoder(reportEnd).Encode(r); err != nil {
		fmt.Fprintf(os.Stderr, "cannot report from the sandbox: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keep runs the inside from beginning to end.
func keep(stop <-chan os.Signal) (report, error) {
	if err := closeOnExec(); err != nil {
		return report{}, err
	}
	var o order
	text, err := io.ReadAll(os.NewFile(orderFD, "order"))
	if err != nil {
		return report{}, fmt.Errorf("cannot read the sandbox's order: %w", err)
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return report{}, fmt.Errorf("cannot read the sandbox's order: %w", err)
	}
	t, err := build(o.Seed)
	if err != nil {
		return report{}, err
	}
	if err := limit(); err != nil {
		return report{}, err
	}
	pid, err := start(o)
	if err != nil {
		return report{}, err
	}
	r, err := wait(pid, stop)
	if err != nil {
		return report{}, err
	}
	if err := endAll(); err != nil {
		return report{}, err
	}
	r.Notes = t.notes
	r.Changes, err = t.changes(o.ContentLimit)
	return r, err
}

// closeOnExec keeps every descriptor but 0, 1 and 2 from the inside. Go opens
// its own so; what the caller inherited from a shell may lead to the host.
func closeOnExec() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("cannot list open descriptors: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// limit cuts the two ties to the host that no namespace cuts.
func limit() error {
	// A core pattern that starts with | makes the kernel run the host's handler,
	// which would store the inside's memory on the host's disk. A limit of 1 is
	// the kernel's sign not to (fs/coredump.c); raising it needs CAP_SYS_RESOURCE.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}); err != nil {
		return fmt.Errorf("cannot forbid core dumps: %w", err)
	}
	// Without a session keyring of its own the inside would have the caller's.
	// Kernels without keyrings, and containers that forbid them, have none to leak.
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) // 0: without a name
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("cannot make a session keyring: %w", err)
	}
	return nil
}

// start starts the inside in its user namespace and the namespaces which that
// one owns.
func start(o order) (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("cannot open the standard input: %w", err)
	}
	defer func() { _ = null.Close() }()
	uids, err := identity("/proc/self/uid_map")
	if err != nil {
		return 0, err
	}
	gids, err := identity("/proc/self/gid_map")
	if err != nil {
		return 0, err
	}
	pid, err = syscall.ForkExec(programPath, append([]string{programPath}, o.Args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   o.Env,
		Files: []uintptr{null.Fd(), 1, 2, outputFD},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWUTS |
				unix.CLONE_NEWIPC | unix.CLONE_NEWNET,
			UidMappings:                uids,
			GidMappings:                gids,
			GidMappingsEnableSetgroups: true,
			Setsid:                     true,
		},
	})
	if err != nil {
		return 0, fmt.Errorf("cannot start the program in the sandbox: %w", needsUserNamespace(err))
	}
	return pid, unix.Close(outputFD) // or the reader of the output would wait for the keeper
}

// needsUserNamespace adds what a refused user namespace asks for. RHEL 7 has the
// limit at 0 by default, and hardening guides for later ones put it there.
func needsUserNamespace(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return fmt.Errorf("%w: it needs a user namespace, and this machine allows no more: raise the sysctl user.max_user_namespaces", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w: it needs user namespaces (CONFIG_USER_NS; on RHEL 7.2 and 7.3 the kernel argument user_namespace.enable=1)", err)
	case errors.Is(err, unix.EPERM):
		// user_namespaces(7): also for a caller whose root is not its mount namespace's.
		return fmt.Errorf("%w: not in a chroot, nor where a policy forbids user namespaces", err)
	}
	return refusal(err)
}

// wait reaps all children until the inside has ended, and passes on to it what
// the caller's signals ask for: a first one as it is, SIGKILL after stopGrace.
func wait(pid int, stop <-chan os.Signal) (report, error) {
	var r report
	type ending struct {
		status unix.WaitStatus
		err    error
	}
	ended := make(chan ending, 1)
	go func() { // ends with the inside, for which this function waits
		for {
			var status unix.WaitStatus
			got, err := unix.Wait4(-1, &status, 0, nil)
			switch {
			case errors.Is(err, unix.EINTR):
			case err != nil || got == pid:
				ended <- ending{status, err}
				return
			}
		}
	}()
	var late <-chan time.Time
	for {
		select {
		case s := <-stop:
			r.Stopped = true
			if late == nil {
				late = time.After(stopGrace)
			}
			// The inside may have ended just now; then there is nobody to tell.
			_ = unix.Kill(pid, s.(unix.Signal))
		case <-late:
			_ = unix.Kill(pid, unix.SIGKILL)
		case e := <-ended:
			if e.err != nil {
				return r, fmt.Errorf("cannot wait for the program in the sandbox: %w", e.err)
			}
			r.Exit = e.status.ExitStatus()
			if e.status.Signaled() {
				r.Exit = 128 + int(e.status.Signal())
			}
			return r, nil
		}
	}
}

// endAll kills and reaps what the inside left running, so that nothing writes
// while the layers are compared.
func endAll() error {
	for {
		// To -1 as PID 1: every process of the namespace but oneself. It is sent
		// again each time, for a process may have forked before the signal came.
		err := unix.Kill(-1, unix.SIGKILL)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("cannot end the sandbox's processes: %w", err)
		}
		_, err = unix.Wait4(-1, nil, 0, nil)
		if errors.Is(err, unix.ECHILD) {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot reap the sandbox's processes: %w", err)
		}
	}
}
