package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the child may use. Of the memory the Go runtime takes 10 MiB and then
// whole arenas of 64 MiB, which count when they are mapped, not when they are
// filled: it is two of them, of which the second is for FAT's largest allocation
// tables.
const (
	childMemory = 160 << 20
	childCPU    = 20 * time.Second
)

// confine takes from the running process everything but reading what it has
// open, for good. It must be called before a byte of the volume is read. missing
// names what this kernel cannot do of it; all that it can do is done, or an error.
func confine() (missing []string, err error) {
	runtime.LockOSThread() // for good: with cgo, some of it is this thread's alone
	if err := closeInherited(); err != nil {
		return nil, err
	}
	space, err := addressSpace() // while files can be opened
	if err != nil {
		return nil, err
	}
	limit := func() (lack string, err error) { return "", limitResources(space) }
	for _, step := range []func() (lack string, err error){dropPrivileges, forbidFiles, limit, filterSyscalls} {
		lack, err := step()
		if err != nil {
			return nil, err
		}
		if lack != "" {
			missing = append(missing, lack)
		}
	}
	return missing, nil
}

// limitResources bounds what the process may use beside the address space that it has.
func limitResources(space uint64) error {
	// The runtime makes its poller with the first timer, and the garbage
	// collector may be the first to want one: have it before no more
	// descriptors can be made.
	time.NewTimer(time.Hour).Stop()
	limits := []struct {
		name  string
		kind  int
		value uint64
	}{
		{"memory", unix.RLIMIT_DATA, childMemory},
		// Before Linux 4.7 (EL7) RLIMIT_DATA knows nothing of mmap. The heap
		// reserves address space in units of 64 MiB: leave it two.
		{"address space", unix.RLIMIT_AS, space + childMemory + 128<<20},
		{"processor time", unix.RLIMIT_CPU, uint64(childCPU / time.Second)},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"core size", unix.RLIMIT_CORE, 0},
		{"descriptors", unix.RLIMIT_NOFILE, 0}, // those it has stay
	}
	for _, l := range limits {
		// Soft and hard are the same: past the hard one the kernel kills,
		// while the Go runtime ignores the warning SIGXCPU.
		if err := unix.Setrlimit(l.kind, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("cannot limit its %s: %w", l.name, err)
		}
	}
	return nil
}

// nobody is the user and group that own nothing.
const nobody = 65534

// dropPrivileges gives up root and all capabilities, which go with it, and the right to get
// any again.
func dropPrivileges() (lack string, err error) {
	if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "", fmt.Errorf("cannot give up new privileges: %w", err)
	}
	if os.Geteuid() == 0 {
		lack, err = becomeNobody()
		if err != nil {
			return "", err
		}
	}
	// They went with root, unless there is no other user, or a non-root user had some.
	if err := dropCapabilities(); err != nil {
		return "", fmt.Errorf("cannot give up capabilities: %w", err)
	}
	return lack, nil
}

// dropCapabilities empties all sets but the bounding one, which matters no more without
// new privileges.
func dropCapabilities() error {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{}
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(header)
	pinned.Pin(none)
	return onAllThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(none)), 0, 0, 0)
}

// becomeNobody gives up root, where the machine has another user.
func becomeNobody() (lack string, err error) {
	// Of package syscall: these change all threads.
	err = errors.Join(syscall.Setgroups(nil), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody))
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return "a user of its own", nil // in a container that maps or allows no other
	}
	if err != nil {
		return "", fmt.Errorf("cannot give up root: %w", err)
	}
	// The kernel forgets it with a change of user (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return "", fmt.Errorf("cannot end with its parent: %w", err)
	}
	return "", nil
}

// onAllThreads makes a system call on each thread of the process. A program with cgo, which
// only tests can be, has no way to that: there it is this thread's.
func onAllThreads(number, a1, a2, a3, a4, a5 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(number, a1, a2, a3, a4, a5, 0)
	if errors.Is(errno, syscall.ENOTSUP) {
		_, _, errno = unix.Syscall6(number, a1, a2, a3, a4, a5, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// closeInherited closes what this process was given and did not ask for, such
// as a descriptor that an ancestor forgot to mark close-on-exec. The runtime's
// poller it leaves alone.
func closeInherited() error {
	const fds = "/proc/self/fd"
	open, err := os.ReadDir(fds)
	if err != nil {
		return fmt.Errorf("cannot list its descriptors: %w", err)
	}
	for _, f := range open {
		n, err := strconv.Atoi(f.Name())
		if err != nil || n <= volumeFD {
			continue
		}
		target, err := os.Readlink(filepath.Join(fds, f.Name()))
		if err != nil || target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" {
			continue // gone, as the one that listed them is
		}
		if err := unix.Close(n); err != nil {
			return fmt.Errorf("cannot close %s: %w", target, err)
		}
	}
	return nil
}

// addressSpace returns how many bytes the process has mapped, most of it
// reserved by the Go runtime and never used.
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("cannot read its own size: %w", err)
	}
	pages, _, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseUint(pages, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot read its own size: %w", err)
	}
	return n * uint64(os.Getpagesize()), nil
}
