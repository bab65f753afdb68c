package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Device is a block device with a medium in it.
type Device struct {
	Path      string // "/dev/sr0"
	Name      string // the kernel's: "sr0"
	Size      int64  // bytes
	Partition bool
	Superblock
}

// ScanOptions says where to look. The zero value is the running machine.
type ScanOptions struct {
	SysRoot string        // where sysfs is; "" is /sys
	DevRoot string        // where the device nodes are; "" is /dev
	Timeout time.Duration // for one device; 0 is DefaultProbeTimeout
}

// DefaultProbeTimeout is long enough for a CD drive to read its first sectors.
const DefaultProbeTimeout = 10 * time.Second

// parallelProbes bounds how many devices are read at a time. Reading waits for
// the device, not for the processor.
const parallelProbes = 8

// Problem is a device that could not be read.
type Problem struct {
	Path string
	Err  error
}

// Error implements error.
func (p Problem) Error() string { return fmt.Sprintf("cannot read %s: %v", p.Path, p.Err) }

// Unwrap gives the cause.
func (p Problem) Unwrap() error { return p.Err }

// Scan probes every block device, partitions too, and returns those with a
// medium in the order of their names. A drive without a medium, a loop device
// without a file and a device that is gone are silently left out.
//
// A read cannot be cancelled. A device that does not answer in time is a
// Problem; its goroutine stays behind in the kernel with one descriptor and
// nothing else of this process, which is its owner: it ends when the device
// answers or the process exits.
func Scan(ctx context.Context, o ScanOptions) ([]Device, []Problem) {
	return scan(ctx, o, probeDevice)
}

func scan(ctx context.Context, o ScanOptions, probe func(Device) probed) ([]Device, []Problem) {
	if o.SysRoot == "" {
		o.SysRoot = "/sys"
	}
	if o.DevRoot == "" {
		o.DevRoot = "/dev"
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultProbeTimeout
	}
	class := filepath.Join(o.SysRoot, "class/block")
	names, err := os.ReadDir(class) // sorted
	if err != nil {
		return nil, []Problem{{Path: class, Err: err}}
	}
	results := make([]probed, len(names))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(parallelProbes, len(names)) {
		workers.Go(func() {
			for i := range next {
				results[i] = probeWithin(ctx, class, names[i].Name(), o, probe)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	workers.Wait()

	var devices []Device
	var problems []Problem
	for _, r := range results {
		switch {
		case r.err != nil:
			problems = append(problems, Problem{Path: r.device.Path, Err: r.err})
		case r.medium:
			devices = append(devices, r.device)
		}
	}
	return devices, problems
}

// probed is what became of one device.
type probed struct {
	device Device
	medium bool
	err    error
}

// probeWithin probes one device in at most o.Timeout.
func probeWithin(ctx context.Context, class, name string, o ScanOptions, probe func(Device) probed) probed {
	d, worthwhile := describe(class, name, o.DevRoot)
	if !worthwhile {
		return probed{device: d}
	}
	result := make(chan probed, 1)
	go func() { result <- probe(d) }()
	timer := time.NewTimer(o.Timeout)
	defer timer.Stop()
	select {
	case p := <-result:
		return p
	case <-timer.C:
		return probed{device: d, err: fmt.Errorf("no answer within %v", o.Timeout)}
	case <-ctx.Done():
		return probed{device: d, err: context.Cause(ctx)}
	}
}

// describe reads a device's attributes in sysfs, and from them whether there
// can be anything on it worth opening it for.
func describe(class, name, devRoot string) (d Device, worthwhile bool) {
	dir := filepath.Join(class, name)
	d = Device{
		Name:      name,
		Path:      filepath.Join(devRoot, strings.ReplaceAll(name, "!", "/")), // cciss!c0d0
		Partition: attribute(dir, "partition") != "",
	}
	const sectorSize = 512 // of this attribute, whatever the device's own is
	sectors, err := strconv.ParseInt(attribute(dir, "size"), 10, 64)
	if err == nil {
		d.Size = sectors * sectorSize
	}
	switch {
	case strings.HasPrefix(name, "ram"), strings.HasPrefix(name, "zram"):
		return d, false // filled by this system itself
	case attribute(dir, "hidden") == "1":
		return d, false // a path of a multipath NVMe disk: has no node
	case attribute(dir, "dm/suspended") == "1":
		return d, false // a read would wait until it is resumed
	case strings.HasPrefix(name, "sr"), strings.HasPrefix(name, "fd"):
		return d, true // their size is known once they are open
	}
	return d, d.Size > 0
}

// attribute returns a file's content in sysfs, "" when it is not there.
//
// dir is a symbolic link, so that ".." in name is the link's target's, as the
// kernel resolves it and filepath.Join does not.
func attribute(dir, name string) string {
	b, err := os.ReadFile(dir + "/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// probeDevice opens the device and reads its superblock.
func probeDevice(d Device) probed {
	f, err := openDevice(d.Path)
	if err != nil {
		return failed(d, err)
	}
	defer f.Close()
	if strings.HasPrefix(d.Name, "sr") && emptyTray(f) {
		return probed{device: d}
	}
	if d.Size, err = f.Seek(0, io.SeekEnd); err != nil {
		return failed(d, err)
	}
	if d.Size == 0 {
		return probed{device: d}
	}
	d.Superblock, err = Probe(f, d.Size)
	if err != nil {
		return failed(d, err)
	}
	return probed{device: d, medium: true}
}

// failed sorts out the errors by which a device says that there is nothing in
// it: no medium, no driver behind the node, or no device any more.
func failed(d Device, err error) probed {
	for _, nothing := range []error{unix.ENOMEDIUM, unix.ENXIO, unix.ENODEV, unix.ENOENT} {
		if errors.Is(err, nothing) {
			return probed{device: d}
		}
	}
	return probed{device: d, err: err}
}

// The kernel's linux/cdrom.h.
const (
	cdromDriveStatus = 0x5326
	cdromSlotCurrent = 1<<31 - 1
	cdromNoDisc      = 1
	cdromTrayOpen    = 2
)

// emptyTray asks a CD drive, which was opened without waiting for a medium,
// whether there is one. A drive that cannot tell is read from.
func emptyTray(f *os.File) bool {
	status, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), cdromDriveStatus, cdromSlotCurrent)
	return errno == 0 && (status == cdromNoDisc || status == cdromTrayOpen)
}
