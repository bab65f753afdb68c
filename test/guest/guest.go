// Package guest boots the test guest in a container: systemd-nspawn starts its
// systemd over an overlay in about a second, with a loop device as /dev/sr0.
//
// In come seeds, out goes a running guest that takes shell scripts. It never knows
// what a test looks for. What needs a kernel of its own (real drives, udev, a power
// cut that loses what was not synced) is in test/vm.
//
// A container sees the host's /sys, where the drive has the loop device's name. The
// guest is given a /sys/class/block of its own (test-block.service mounts it) with
// nothing but sr0 in it; where it has no drive, that directory is empty. Nothing of
// the host's disks is seen.
package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloudseed/test/image"

	"golang.org/x/sys/unix"
)

// Limits on what is waited for. They are only reached when something hangs.
const (
	bootLimit  = 2 * time.Minute
	shellLimit = time.Minute
	stopLimit  = 20 * time.Second
)

// Machine is a guest's disk and what is attached to it. It may be booted again and
// again.
type Machine struct {
	t     testing.TB
	lower string
	upper string
	name  string
}

// Options say how a machine is booted.
type Options struct {
	ISO  string   // image file of the drive /dev/sr0; "": there is none
	Word string   // a word on the kernel's command line; a container has that of its first process instead
	Args []string // further arguments to systemd-nspawn

	Unplugged bool // eth0 has no carrier
}

// Running is a machine that was started.
type Running struct {
	*Machine
	Took    time.Duration // from the start to the end of the boot
	Console string        // file with everything that came on its console
	started time.Time
	nspawn  *exec.Cmd
	done    chan struct{} // closed when nspawn has ended
	leader  int           // process id of the guest's systemd
	cleanup []func()
	stop    sync.Once
}

// serial makes names of machines differ within this process.
var serial atomic.Int64

// New makes a machine with a fresh disk.
func New(t testing.TB, i *image.Image) *Machine {
	t.Helper()
	return From(t, i.Root)
}

// From makes a machine with a fresh disk over a root directory that is not written to.
func From(t testing.TB, root string) *Machine {
	t.Helper()
	return &Machine{t: t, lower: root, upper: t.TempDir(), name: fmt.Sprintf("cs%d-%d", os.Getpid(), serial.Add(1))}
}

// Path is where a file of the guest is put before it is booted.
func (m *Machine) Path(name string) string { return filepath.Join(m.upper, name) }

// Start starts the machine and returns when its systemd takes commands. It ends with
// the test.
func (m *Machine) Start(o Options) *Running {
	m.t.Helper()
	r := &Running{Machine: m, done: make(chan struct{}), Console: filepath.Join(m.t.TempDir(), "console")}
	m.t.Cleanup(r.Kill)

	root := r.mountRoot()
	r.makeNetwork(!o.Unplugged)
	drive := ""
	if o.ISO != "" {
		drive = r.loopDevice(o.ISO)
	}
	args := []string{
		"--quiet", "--register=no", "--keep-unit", "--console=pipe", "--boot",
		"--machine=" + m.name, "--directory=" + root, "--network-namespace-path=/run/netns/" + m.name,
		"--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--bind-ro=" + r.blockDevices(drive) + ":/run/test-block",
	}
	if drive != "" {
		args = append(args, "--bind-ro="+drive+":/dev/sr0")
	}
	console, err := os.Create(r.Console)
	if err != nil {
		m.t.Fatal(err)
	}
	args = append(args, o.Args...)
	if o.Word != "" {
		args = append(args, o.Word) // an argument of the guest's systemd, which passes over it
	}
	r.nspawn = exec.Command("systemd-nspawn", args...)
	r.nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	r.nspawn.Stdout, r.nspawn.Stderr = console, console
	group := r.makeControlGroup()
	defer group.Close()
	r.nspawn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	r.started = time.Now()
	if err := r.nspawn.Start(); err != nil {
		m.t.Fatalf("cannot start systemd-nspawn: %v", err)
	}
	console.Close()
	go func() {
		r.nspawn.Wait() // how it ended does not matter: the tests look into the guest
		close(r.done)
	}()

	for r.leader == 0 || !r.Try("systemctl is-system-running").answered("starting", "running", "degraded", "initializing") {
		if time.Since(r.started) > bootLimit {
			m.t.Fatalf("the guest's systemd takes no commands; its console:\n%s", r.ConsoleText())
		}
		select {
		case <-r.done:
			m.t.Fatalf("the guest ended while it started; its console:\n%s", r.ConsoleText())
		case <-time.After(20 * time.Millisecond):
		}
		r.leader = guestInit(r.nspawn.Process.Pid)
	}
	return r
}

// Boot starts the machine and returns when its boot is finished.
func (m *Machine) Boot(o Options) *Running {
	m.t.Helper()
	r := m.Start(o)
	r.Finish()
	return r
}

// Finish returns when the boot of a machine that was started is finished.
func (r *Running) Finish() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), bootLimit)
	defer cancel()
	if result := r.try(ctx, "systemctl is-system-running --wait"); !result.answered("running", "degraded") {
		r.t.Fatalf("the guest's boot does not end: %+v; its jobs:\n%s\nits console:\n%s", result, r.Try("systemctl list-jobs --no-pager").Output, r.ConsoleText())
	}
	r.Took = time.Since(r.started)
	r.t.Logf("boot: %.1f s", r.Took.Seconds())
}

// Result is what a script in the guest did.
type Result struct {
	Output string // standard output and error, without the last newline
	Exit   int
}

func (r Result) answered(words ...string) bool {
	for _, word := range words {
		if r.Output == word {
			return true
		}
	}
	return false
}

// Try runs a shell script in the guest.
func (r *Running) Try(script string) Result {
	ctx, cancel := context.WithTimeout(r.t.Context(), shellLimit)
	defer cancel()
	return r.try(ctx, script)
}

func (r *Running) try(ctx context.Context, script string) Result {
	if r.leader == 0 {
		return Result{Exit: -1}
	}
	enter := []string{"--target", strconv.Itoa(r.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"}
	command := exec.CommandContext(ctx, "nsenter", append(enter, "/bin/sh", "-c", script)...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	result := Result{Output: strings.TrimSuffix(string(out), "\n"), Exit: command.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		result.Output += fmt.Sprintf("\n(stopped by the test: %v)", err)
	}
	return result
}

// Shell runs a shell script in the guest that must succeed, and returns its output.
func (r *Running) Shell(script string) string {
	r.t.Helper()
	result := r.Try(script)
	if result.Exit != 0 {
		r.t.Fatalf("in the guest: %s\nexit %d: %s", script, result.Exit, result.Output)
	}
	return result.Output
}

// ConsoleText is what came on the guest's console until now.
func (r *Running) ConsoleText() string {
	text, err := os.ReadFile(r.Console)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// PowerOff shuts the guest down.
func (r *Running) PowerOff() {
	r.t.Helper()
	r.Try("systemctl --no-block poweroff")
	select {
	case <-r.done:
	case <-time.After(stopLimit):
		r.t.Errorf("the guest does not shut down; its console:\n%s", r.ConsoleText())
	}
	r.Kill()
}

// Kill ends the guest at once, as pulling the plug would, and what was made for it.
func (r *Running) Kill() {
	r.stop.Do(func() {
		if r.nspawn != nil && r.nspawn.Process != nil {
			if r.leader != 0 {
				syscall.Kill(r.leader, syscall.SIGKILL) // all processes of its namespace go with it
			}
			select {
			case <-r.done:
			case <-time.After(stopLimit):
				r.nspawn.Process.Kill()
				<-r.done
			}
		}
		for i := len(r.cleanup) - 1; i >= 0; i-- {
			r.cleanup[i]()
		}
	})
}

// mountRoot lays the machine's disk over the image.
func (r *Running) mountRoot() string {
	dir := r.t.TempDir()
	work := filepath.Join(filepath.Dir(r.upper), filepath.Base(r.upper)+".work")
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", r.lower, r.upper, work)
	if err := os.MkdirAll(work, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
		r.t.Fatalf("cannot mount the guest's root: %v", err)
	}
	r.cleanup = append(r.cleanup, func() {
		if err := unix.Unmount(dir, 0); err != nil {
			r.t.Errorf("cannot unmount the guest's root: %v", err)
		}
	})
	return dir
}

// makeControlGroup makes the control group in which the guest's systemd makes its own.
// Without it all guests, and the host, would have theirs side by side, and kill each
// other's units by name.
func (r *Running) makeControlGroup() *os.File {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		r.t.Fatal(err)
	}
	top := ""
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); fields[2] == "cgroup2" {
			top = fields[1]
		}
	}
	dir := filepath.Join(top, r.name)
	if err := os.Mkdir(dir, 0o755); top == "" || err != nil {
		r.t.Fatalf("cannot make a control group in %q: %v", top, err)
	}
	r.cleanup = append(r.cleanup, func() {
		// The guest is gone; the kernel may still be at its last processes.
		err := removeGroups(dir)
		for range 100 {
			if !errors.Is(err, syscall.EBUSY) {
				break
			}
			time.Sleep(100 * time.Millisecond)
			err = removeGroups(dir)
		}
		if err != nil {
			r.t.Errorf("cannot remove the guest's control groups: %v", err)
		}
	})
	group, err := os.Open(dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return group
}

// removeGroups removes a control group with those in it. They are directories whose
// files go with them.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeGroups(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}

// loopDevice is a block device with the image's content.
func (r *Running) loopDevice(file string) string {
	device := strings.TrimSpace(r.command("losetup", "--find", "--show", "--read-only", file))
	r.cleanup = append(r.cleanup, func() { r.command("losetup", "--detach", device) })
	return device
}

// blockDevices is the guest's /sys/class/block: sr0 has the loop device's number and
// size and is a removable disk (Documentation/ABI/stable/sysfs-block).
func (r *Running) blockDevices(loop string) string {
	dir := r.t.TempDir()
	if loop == "" {
		return dir
	}
	host := filepath.Join("/sys/class/block", filepath.Base(loop))
	attributes := map[string]string{"removable": "1\n", "ro": "1\n"}
	for _, name := range []string{"dev", "size"} {
		value, err := os.ReadFile(filepath.Join(host, name))
		if err != nil {
			r.t.Fatalf("cannot describe the drive: %v", err)
		}
		attributes[name] = string(value)
	}
	if err := os.Mkdir(filepath.Join(dir, "sr0"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	for name, value := range attributes {
		if err := os.WriteFile(filepath.Join(dir, "sr0", name), []byte(value), 0o444); err != nil {
			r.t.Fatal(err)
		}
	}
	return dir
}

func (r *Running) command(name string, args ...string) string {
	r.t.Helper()
	var out, errs strings.Builder
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		r.t.Errorf("cannot run %s %s: %v: %s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// guestInit is the process that is the first of its namespace among the children of
// nspawn: the guest's systemd, 0 when there is none yet.
func guestInit(nspawn int) int {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return 0
	}
	for _, path := range statuses {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := map[string][]string{}
		for line := range strings.Lines(string(text)) {
			if key, value, found := strings.Cut(line, ":"); found {
				fields[key] = strings.Fields(value)
			}
		}
		parent, inside := fields["PPid"], fields["NSpid"]
		if len(parent) == 1 && parent[0] == strconv.Itoa(nspawn) && len(inside) == 2 && inside[1] == "1" {
			pid, err := strconv.Atoi(inside[0])
			if err == nil {
				return pid
			}
		}
	}
	return 0
}
