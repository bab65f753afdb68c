// Package blocktest gives tests of what block devices do a machine that has some.
//
// In come disks, partitions and mounts; out go a fake /sys, /dev and mountinfo in a machine of
// hosttest, and the first bytes of file systems; or real loop devices. It never touches another
// device of the machine that runs the tests.
package blocktest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cloudseed/host/hosttest"
)

// Machine is a fake machine with block devices.
type Machine struct {
	*hosttest.Machine
	t      testing.TB
	mounts int
}

// New gives a machine a /sys, with nothing in it yet.
func New(t testing.TB, m *hosttest.Machine) *Machine {
	t.Helper()
	return &Machine{Machine: m, t: t}
}

// Link makes a symbolic link, before the test begins.
func (m *Machine) Link(target, path string) {
	m.t.Helper()
	at := filepath.Join(m.Dir, path)
	if dir, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(at))); err == nil { // in /sys, devices are links
		at = filepath.Join(dir, filepath.Base(filepath.Dir(at)), filepath.Base(at))
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		m.t.Fatal(err)
	}
}

// Device adds a block device; in is the disk that it is a partition of, or "". The files are
// names in its directory of /sys, each with its content.
func (m *Machine) Device(name, in, number string, mib int64, files ...string) {
	m.t.Helper()
	dir := "devices/virtual/block/" + name
	if in != "" {
		dir = "devices/virtual/block/" + in + "/" + name
	}
	m.Put(m.t, "/sys/"+dir+"/size", fmt.Sprintln(mib*2048))
	m.Put(m.t, "/sys/"+dir+"/dev", number+"\n")
	m.Put(m.t, "/sys/"+dir+"/queue/logical_block_size", "512\n")
	for i := 0; i+1 < len(files); i += 2 {
		m.Put(m.t, "/sys/"+dir+"/"+files[i], files[i+1]+"\n")
		if files[i] == "dm/name" {
			m.Link("../"+name, "/dev/mapper/"+files[i+1])
		}
	}
	m.Link("../../"+dir, "/sys/class/block/"+name)
	m.Link("../../"+dir, "/sys/dev/block/"+number)
	m.Put(m.t, "/dev/"+name, "")
}

// Resize gives a device another size.
func (m *Machine) Resize(name string, mib int64) {
	m.t.Helper()
	m.Put(m.t, "/sys/class/block/"+name+"/size", fmt.Sprintln(mib*2048))
}

// Stands says that one device of the device mapper or of md stands on another.
func (m *Machine) Stands(above, below string) {
	m.t.Helper()
	m.Link("../../"+below, "/sys/devices/virtual/block/"+above+"/slaves/"+below)
	m.Link("../../"+above, "/sys/class/block/"+below+"/holders/"+above)
}

// Mount adds a line of mountinfo, from the device number on: "8:1 / / rw - xfs /dev/sda1 rw".
func (m *Machine) Mount(line string) {
	m.t.Helper()
	old, err := m.ReadFile("/proc/self/mountinfo")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	m.mounts++
	m.Put(m.t, "/proc/self/mountinfo", string(old)+fmt.Sprintf("%d 1 %s\n", m.mounts, line))
}

// size is of the first bytes of a device: enough for all headers.
const size = 68 << 10

// XFS is the begin of an XFS file system of so many MiB.
func XFS(mib int64) string {
	b := make([]byte, size)
	copy(b, "XFSB")
	binary.BigEndian.PutUint32(b[4:], 4096)
	binary.BigEndian.PutUint64(b[8:], uint64(mib<<20/4096))
	return string(b)
}

// Ext is the begin of an ext4 file system of so many MiB.
func Ext(mib int64) string {
	b := make([]byte, size)
	binary.LittleEndian.PutUint16(b[0x438:], 0xEF53)
	binary.LittleEndian.PutUint32(b[0x404:], uint32(mib<<10))
	return string(b)
}

// Btrfs is the begin of a btrfs device of so many MiB, with its number in the file system.
func Btrfs(mib int64, id byte) string {
	b := make([]byte, size)
	copy(b[0x10040:], "_BHRfS_M")
	b[0x100c9] = id
	binary.LittleEndian.PutUint64(b[0x100d1:], uint64(mib<<20))
	return string(b)
}

// PV is the begin of a physical volume of so many MiB.
func PV(mib int64) string {
	b := make([]byte, size)
	copy(b[512:], "LABELONE")
	binary.LittleEndian.PutUint32(b[512+20:], 32)
	copy(b[512+24:], "LVM2 001")
	binary.LittleEndian.PutUint64(b[512+64:], uint64(mib<<20))
	return string(b)
}
