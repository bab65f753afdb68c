package media

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// handledAccess are Landlock's rights of its first version (linux/landlock.h): to execute,
// read, write, list, remove and make files of any kind.
const handledAccess = 1<<13 - 1

// forbidFiles takes away all files that are not open, by Landlock (Linux 5.13): a second
// lock behind the filter of system calls, and the only one where there is no filter.
func forbidFiles() (lack string, err error) {
	attributes := struct{ access uint64 }{handledAccess}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes), 0)
	switch {
	case errors.Is(errno, unix.ENOSYS), errors.Is(errno, unix.EOPNOTSUPP), // not built in, or not switched on
		errors.Is(errno, unix.EPERM): // a container's own filter does not know it
		return "", nil // the filter alone is what older kernels have
	case errno != 0:
		return "", fmt.Errorf("cannot make rules for files: %w", errno)
	}
	defer unix.Close(int(fd))
	if err := onAllThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("cannot give up files: %w", err)
	}
	return "", nil
}
