package host

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// disk makes what was written last through a power cut, in batches: a sync of each file
// system for all that was written to it, when something depends on that.
type disk struct {
	sync  func(fd int) error                // of the file system that a descriptor is on
	flush func(fd int, on durability) error // of the content of a file that is to get its name

	kind func(fd int) durability

	mu    sync.Mutex
	dirty map[uint64]*os.File   // a directory of each file system with something to sync, by device
	kinds map[uint64]durability // of the file systems, by device
	after []func() error        // what is to come after what was written
}

func newDisk(o Options) *disk {
	d := &disk{sync: unix.Syncfs, flush: flushTo, kind: durabilityOn, dirty: map[uint64]*os.File{}, kinds: map[uint64]durability{}}
	if o.Sync != nil {
		d.sync, d.kind = o.Sync, func(int) durability { return lasting } // wherever the test runs
	}
	if o.Flush != nil {
		d.flush = func(fd int, _ durability) error { return o.Flush(fd) }
	}
	return d
}

// durability is what a power cut does to a file system.
type durability int

const (
	gone      durability = iota // all of it is lost: nothing is to be synced
	journaled                   // changes are kept in the order in which they were made, once the content of files is out
	lasting                     // any other
)

// runDir is where nothing outlives a boot. In an image's root it is on the file system of
// all the rest.
const runDir = "/run"

func (p place) isBelowRun() bool {
	return p.dirPath == runDir || strings.HasPrefix(p.dirPath, runDir+"/")
}

// durabilityOf tells of the file system that a place and a descriptor are on.
func (d *disk) durabilityOf(p place, fd int) durability {
	if p.isBelowRun() {
		return gone
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	kind, known := d.kinds[p.device]
	if !known {
		kind = d.kind(fd)
		d.kinds[p.device] = kind
	}
	return kind
}

func durabilityOn(fd int) durability {
	var system unix.Statfs_t
	if err := unix.Fstatfs(fd, &system); err != nil {
		return lasting
	}
	switch int64(system.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC:
		return gone
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC:
		return journaled
	}
	return lasting
}

// beforeNaming brings the content of a new file out before it gets its name. A power cut then
// leaves what was there or all of the new: whoever finds a file finds it whole, and need not
// tell an empty one from one that is meant.
func (d *disk) beforeNaming(p place, fd int) error {
	if on := d.durabilityOf(p, fd); on != gone {
		return d.flush(fd, on)
	}
	return nil
}

// flushTo writes a file's content out. On ext4 and xfs it is enough to have it written and
// to wait for that (sync_file_range(2)): its new size, and a rename after it, follow in the
// journal, whose commit flushes the device's cache. It is a fraction of the work of
// fdatasync(2), which commits the journal for each file.
func flushTo(fd int, on durability) error {
	if on == journaled {
		return unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	}
	return unix.Fdatasync(fd)
}

// overwritten brings out a file that was written in place. It may be a mount point: its
// directory does not tell what it is on.
func (d *disk) overwritten(fd int) error {
	if d.kind(fd) == gone {
		return nil
	}
	return d.flush(fd, lasting)
}

// isNoted reports whether a place's file system is known to have something to sync, or
// never anything.
func (d *disk) isNoted(p place) bool {
	if p.isBelowRun() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	kind, known := d.kinds[p.device]
	_, dirty := d.dirty[p.device]
	return dirty || known && kind == gone
}

// changed notes that a place's file system has something to sync.
func (d *disk) changed(p place) error {
	if d.isNoted(p) {
		return nil
	}
	fd, err := unix.Openat(p.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if d.durabilityOf(p, fd) == gone {
		return unix.Close(fd)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.dirty[p.device]; known { // another goroutine was faster
		return unix.Close(fd)
	}
	d.dirty[p.device] = os.NewFile(uintptr(fd), p.dirPath)
	return nil
}

// later has something done when what was written so far is on disk.
func (d *disk) later(do func() error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = append(d.after, do)
}

// settle syncs what has changed, and does what was to come after it.
func (d *disk) settle() error {
	d.mu.Lock()
	dirty, after := d.dirty, d.after
	d.dirty, d.after = map[uint64]*os.File{}, nil
	d.mu.Unlock()
	var errs []error
	for _, dir := range dirty {
		errs = append(errs, d.sync(int(dir.Fd())), dir.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, do := range after {
		errs = append(errs, do())
	}
	return errors.Join(errs...)
}

// commandsWrite are directories on the file systems that commands write to: useradd makes homes.
var commandsWrite = []string{"/", "/home", "/var"}

// changedByCommand notes for Sync that a command ran: hardly any program syncs its files.
func (f files) changedByCommand() error {
	var errs []error
	for _, dir := range commandsWrite {
		p, err := f.walk(path.Join(dir, "any"), walk{})
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = f.changed(p)
			p.close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Sync makes all that was written so far last through a power cut. What is below /run, and
// what an Unsynced machine wrote, is not waited for.
func (h *Host) Sync() error {
	if err := h.files.disk.settle(); err != nil {
		return fmt.Errorf("cannot sync what was written to disk: %w", err)
	}
	return nil
}

// AfterSync has something done as soon as all that was written before is on disk: by the
// next Sync.
func (h *Host) AfterSync(do func() error) { h.files.disk.later(do) }

// Unsynced is the same machine with what is written left to the kernel to bring out: for
// what may be lost in a power cut, but never be half-written.
func (h *Host) Unsynced() *Host {
	view := *h
	view.files.unsynced = true
	return &view
}
