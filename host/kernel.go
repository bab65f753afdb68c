package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime is the time since the kernel started.
func (h *Host) Uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // no such clock in this kernel: the time is only shown
	}
	return time.Duration(ts.Nano())
}

// Kernel is what the running kernel says of itself and the machine.
type Kernel struct {
	Node, Release, Build, Machine string
}

// Kernel asks the running kernel; what it does not tell is "".
func (h *Host) Kernel() Kernel {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}
	}
	return Kernel{
		Node: unix.ByteSliceToString(u.Nodename[:]), Release: unix.ByteSliceToString(u.Release[:]),
		Build: unix.ByteSliceToString(u.Version[:]), Machine: unix.ByteSliceToString(u.Machine[:]),
	}
}
