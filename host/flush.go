package host

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// flushed are directories on the file systems that commands write to: useradd makes homes.
var flushed = []string{"/", "/home", "/var"}

// Flush returns when what commands wrote is on the disk, if any were run since the last time:
// unlike this package, hardly any program syncs its files. A root that is not this machine's is
// left to whoever made it.
func (h *Host) Flush() error {
	h.shared.mu.Lock()
	ran := h.shared.ran
	h.shared.ran = false
	h.shared.mu.Unlock()
	if !ran || h.syncfs == nil {
		return nil
	}
	var errs []error
	devices := map[uint64]bool{}
	for _, dir := range flushed {
		errs = append(errs, h.flushFileSystem(h.root.resolve(dir), devices))
	}
	return errors.Join(errs...)
}

// flushFileSystem flushes the file system that a directory is on, unless it is among devices.
func (h *Host) flushFileSystem(dir string, devices map[uint64]bool) error {
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot flush what commands wrote: %w", err)
	}
	defer f.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err == nil && devices[stat.Dev] {
		return nil
	}
	devices[stat.Dev] = true
	if err := h.syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("cannot flush what commands wrote below %s: %w", dir, err)
	}
	return nil
}
