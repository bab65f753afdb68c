package udev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel's groups of device events (linux/netlink.h, systemd's device-monitor): its
// own, and udevd's, which tells the same when it has done its work on a device.
const (
	kernelGroup = 1
	udevGroup   = 2
)

// maxEvent is the size of the largest event (the kernel's UEVENT_BUFFER_SIZE, and
// udevd's header before it).
const maxEvent = 16 << 10

// Until waits until ready says true: it is asked at once, and after every event of a
// device of the subsystem ("net"). An error is ctx's end, or that events cannot be
// watched.
func Until(ctx context.Context, subsystem string, ready func() bool) error {
	group := uint32(udevGroup)
	if !exists("/run/udev/control") {
		group = kernelGroup
	}
	events, err := watch(group)
	if err != nil {
		return fmt.Errorf("cannot watch devices: %w", err)
	}
	defer events.Close()
	return until(ctx, events, subsystem, ready)
}

// watch is a socket that tells of devices.
func watch(group uint32) (*os.File, error) {
	n, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(n, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group}); err != nil {
		unix.Close(n)
		return nil, err
	}
	return os.NewFile(uintptr(n), "uevents"), nil
}

// until reads events until one makes ready say true. The socket is open before the
// first question, so that no device comes unseen in between.
func until(ctx context.Context, events *os.File, subsystem string, ready func() bool) error {
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	event := make([]byte, maxEvent)
	for !ready() {
		for {
			n, err := events.Read(event)
			if errors.Is(err, unix.ENOBUFS) {
				break // events were lost: it may have been the one
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return context.Cause(ctx)
			}
			if err != nil {
				return fmt.Errorf("cannot watch devices: %w", err)
			}
			// Anybody may send such a message. It makes us look, and no more.
			if bytes.Contains(event[:n], []byte("\x00SUBSYSTEM="+subsystem+"\x00")) {
				break
			}
		}
	}
	return nil
}
