// Package udev waits for devices by what tells of them: udev's queue and its events.
//
// In come deadlines, out goes when there is nothing more to wait for. It never polls,
// and never knows what a device is wanted for.
package udev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Settle waits until udev has handled the events it has, so that the drivers
// of the devices found at boot are loaded, and tells whether there was anything to
// wait for. It returns at once when udev does not run. An error is ctx's end, or that
// udev cannot be watched.
func Settle(ctx context.Context) (waited bool, err error) { return settle(ctx, "/run/udev") }

// settle relies on udevd's files: control is there while it runs, queue while
// it has events (udevadm settle waits in the same way).
func settle(ctx context.Context, dir string) (waited bool, err error) {
	control, queue := filepath.Join(dir, "control"), filepath.Join(dir, "queue")
	if !exists(control) || !exists(queue) {
		return false, nil
	}
	n, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return false, fmt.Errorf("cannot watch %s: %w", dir, err)
	}
	watch := os.NewFile(uintptr(n), "inotify")
	defer watch.Close()
	if _, err := unix.InotifyAddWatch(n, dir, unix.IN_DELETE|unix.IN_MOVED_FROM); err != nil {
		return false, fmt.Errorf("cannot watch %s: %w", dir, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = watch.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	events := make([]byte, 4096) // what they say does not matter
	for exists(control) && exists(queue) {
		if _, err := watch.Read(events); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = context.Cause(ctx)
			}
			return true, fmt.Errorf("cannot wait for udev: %w", err)
		}
	}
	return true, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
