package media

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data (linux/seccomp.h): number, architecture,
// instruction pointer, six arguments of eight bytes.
const (
	seccompNumber = 0
	seccompArch   = 4
	seccompArgs   = 16
)

// allowedSyscalls is what a running Go program needs beyond the ones whose
// arguments are looked at: to read and answer, memory, threads, signals, the
// poller it has, the clock and the end.
var allowedSyscalls = []uint32{
	unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_CLOSE,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
	unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME,
	unix.SYS_GETRANDOM,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// filterSyscalls applies the filter to all threads. lack is "" unless the kernel has no
// seccomp(2) (before 3.17, or in an emulator of user mode), or no filter was written for
// the architecture. Every other failure is an error.
func filterSyscalls() (lack string, err error) {
	arch, known := auditArch(runtime.GOARCH)
	if !known {
		return "a filter of system calls for " + runtime.GOARCH, nil
	}
	filter := syscallFilter(arch, uint32(unix.Getpid()))
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	return filtered(thread, errno)
}

// filtered judges what seccomp(2) returned: with TSYNC, a positive number is the thread that
// could not be filtered, and then none is.
func filtered(thread uintptr, errno unix.Errno) (lack string, err error) {
	switch {
	case errors.Is(errno, unix.ENOSYS):
		return "seccomp", nil
	case errno != 0:
		return "", fmt.Errorf("cannot filter its system calls: %w", errno)
	case thread != 0:
		return "", fmt.Errorf("cannot filter its system calls: thread %d cannot be filtered", thread)
	}
	return "", nil
}

// auditArch returns the kernel's name for the architecture (linux/audit.h).
// All of them are little-endian, on which the offsets of arguments rely.
func auditArch(goarch string) (uint32, bool) {
	switch goarch {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, true
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, true
	}
	return 0, false
}

// syscallFilter allows, refuses with EPERM, or kills when the call comes by
// another architecture's entry, whose numbers mean other calls. (x32 calls come
// with a bit in the number that no allowed one has.)
func syscallFilter(arch, pid uint32) []unix.SockFilter {
	p := []unix.SockFilter{
		load(seccompArch),
		skipIfEqual(arch, 1),
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(seccompNumber),
	}
	for _, nr := range allowedSyscalls {
		p = append(p, skipUnlessEqual(nr, 1), answer(unix.SECCOMP_RET_ALLOW))
	}
	// Memory, but never to be run.
	for _, nr := range []uint32{unix.SYS_MMAP, unix.SYS_MPROTECT} {
		p = append(p, skipUnlessEqual(nr, 4), load(seccompArgs+2*8), skipIfAnySet(unix.PROT_EXEC, 1),
			answer(unix.SECCOMP_RET_ALLOW), answer(eperm))
	}
	// Threads, but no processes.
	p = append(p, skipUnlessEqual(unix.SYS_CLONE, 4), load(seccompArgs), skipIfAnySet(unix.CLONE_THREAD, 1),
		answer(eperm), answer(unix.SECCOMP_RET_ALLOW))
	// Signals to its own threads, by which the runtime preempts.
	p = append(p, skipUnlessEqual(unix.SYS_TGKILL, 4), load(seccompArgs), skipIfEqual(pid, 1),
		answer(eperm), answer(unix.SECCOMP_RET_ALLOW))
	// clone3's flags are behind a pointer: who tries it must fall back to clone.
	p = append(p, skipUnlessEqual(unix.SYS_CLONE3, 1), answer(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	return append(p, answer(eperm))
}

const eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func answer(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

func skipIfEqual(k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: n}
}

func skipUnlessEqual(k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: n}
}

func skipIfAnySet(k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: k, Jt: n}
}
