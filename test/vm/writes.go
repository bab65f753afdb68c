package vm

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Writes are what a guest asked of its disk since it was switched on, in order. A power cut
// at any moment leaves a part of them, and so one boot has all the power cuts that it could
// have had.
type Writes struct {
	machine *Machine
	all     []write
}

// write is a request in the log that QEMU's driver blklogwrites keeps, in the format of the
// kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).
type write struct {
	to, size int64 // on the disk, in bytes
	at       int64 // of the data in the log
	flags    uint64
}

// The flags of a request.
const (
	flushed  = 1 << 0 // all that was written before is on the disk
	atOnce   = 1 << 1 // this is on the disk: FUA
	released = 1 << 2 // discarded: it has no data
)

// logUnit is what requests and their data are multiples of.
const logUnit = 512

// record makes the file for the log and returns its path.
func (m *Machine) record() string {
	path := m.disk + ".writes"
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// Writes are those that the machine, started with Recorded, has made until now.
func (m *Machine) Writes() Writes {
	m.t.Helper()
	log, err := os.Open(m.disk + ".writes")
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	w := Writes{machine: m}
	head := make([]byte, 32)
	for at := int64(logUnit); ; { // after the superblock
		if _, err := log.ReadAt(head, at); err == io.EOF {
			return w
		} else if err != nil {
			m.t.Fatal(err)
		}
		number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(head[8*i:])) }
		at += logUnit
		next := write{to: number(0) * logUnit, size: number(1) * logUnit, at: at, flags: uint64(number(2))}
		if next.flags&released == 0 {
			at += next.size
		}
		w.all = append(w.all, next)
	}
}

// Len is how many they are.
func (w Writes) Len() int { return len(w.all) }

// Cut makes a machine whose power was cut after the first n writes.
func (w Writes) Cut(t testing.TB, n int, chance *rand.Rand) *Machine {
	t.Helper()
	base := w.machine.base
	base.Path = w.Left(t, n, chance)
	return over(t, w.machine.image, base, 0)
}

// Left makes the disk of a machine whose power was cut after the first n writes, and returns
// its path: the disk has all that was flushed by then, and of what was not, the part that
// chance leaves.
func (w Writes) Left(t testing.TB, n int, chance *rand.Rand) string {
	t.Helper()
	log, err := os.Open(w.machine.disk + ".writes")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	path := filepath.Join(t.TempDir(), "cut")
	if out, err := exec.Command("cp", "--sparse=always", w.machine.base.Path, path).CombinedOutput(); err != nil {
		t.Fatalf("cannot copy the disk: %v: %s", err, out)
	}
	disk, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	for _, request := range w.left(n, chance) {
		data := io.NewSectionReader(log, request.at, request.size)
		if _, err := io.Copy(io.NewOffsetWriter(disk, request.to), data); err != nil {
			t.Fatalf("cannot repeat what the guest wrote: %v", err)
		}
	}
	return path
}

// left are the writes that a power cut after the first n leaves.
func (w Writes) left(n int, chance *rand.Rand) []write {
	safe := 0
	for i, request := range w.all[:n] {
		if request.flags&flushed != 0 {
			safe = i
		}
	}
	share := chance.Float64()
	var left []write
	for i, request := range w.all[:n] {
		switch {
		case request.flags&released != 0:
		case i <= safe, request.flags&atOnce != 0, chance.Float64() < share:
			left = append(left, request)
		}
	}
	return left
}
