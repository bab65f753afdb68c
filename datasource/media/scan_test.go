package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"cloudseed/datasource/media/mediatest"
)

// machine is a made-up /sys and /dev.
type machine struct {
	t    testing.TB
	root string
}

func newMachine(t testing.TB) machine {
	t.Helper()
	m := machine{t, t.TempDir()}
	for _, dir := range []string{"sys/class/block", "sys/devices", "dev"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m machine) options() ScanOptions {
	return ScanOptions{SysRoot: filepath.Join(m.root, "sys"), DevRoot: filepath.Join(m.root, "dev"), Timeout: 5 * time.Second}
}

// add makes a device at a place below /sys/devices ("vda/vda1"), with the
// image as its content ("": no node in /dev).
func (m machine) add(place, image string, attributes map[string]string) {
	m.t.Helper()
	name := filepath.Base(place)
	dir := filepath.Join(m.root, "sys/devices", place)
	if attributes == nil {
		attributes = map[string]string{}
	}
	if image != "" {
		info, err := os.Stat(image)
		if err != nil {
			m.t.Fatal(err)
		}
		if _, ok := attributes["size"]; !ok {
			attributes["size"] = fmt.Sprint(info.Size() / 512)
		}
		if err := os.Symlink(image, filepath.Join(m.root, "dev", name)); err != nil {
			m.t.Fatal(err)
		}
	}
	for attribute, value := range attributes {
		path := filepath.Join(dir, attribute)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join("../../devices", place), filepath.Join(m.root, "sys/class/block", name)); err != nil {
		m.t.Fatal(err)
	}
}

func TestScanFindsEveryDeviceWithAMedium(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	iso, disk := ownISO(t), ownFAT(16)(t)
	empty, zeros := mediatest.Blank(t, 0), mediatest.Blank(t, 1<<20)
	m.add("vda", zeros, nil)
	m.add("vda/vda1", disk, map[string]string{"partition": "1"})
	m.add("sda", zeros, nil)
	m.add("sda/sda1", disk, map[string]string{"partition": "1"})
	m.add("sr0", iso, map[string]string{"size": "2097151"})
	m.add("sr1", empty, map[string]string{"size": "2097151"})
	m.add("fd0", empty, map[string]string{"size": "8"})
	m.add("loop0", "", map[string]string{"size": "0"})
	m.add("zram0", disk, nil)
	m.add("ram0", disk, nil)
	m.add("dm-0", disk, map[string]string{"dm/suspended": "1"})
	m.add("dm-1", disk, map[string]string{"dm/suspended": "0"})
	m.add("nvme0c0n1", "", map[string]string{"size": "100", "hidden": "1"})
	m.add("vdz", "", map[string]string{"size": "100"}) // gone meanwhile
	m.add("vdy", t.TempDir(), map[string]string{"size": "100"})

	devices, problems := Scan(t.Context(), m.options())
	path := func(name string) string { return filepath.Join(m.root, "dev", name) }
	size := func(image string) int64 {
		info, err := os.Stat(image)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fat := Superblock{Filesystem: VFAT, Label: "cidata", BootLabel: "cidata"}
	want := []Device{
		{Name: "dm-1", Path: path("dm-1"), Size: size(disk), Superblock: fat},
		{Name: "sda", Path: path("sda"), Size: 1 << 20},
		{Name: "sda1", Path: path("sda1"), Size: size(disk), Partition: true, Superblock: fat},
		{Name: "sr0", Path: path("sr0"), Size: size(iso), Superblock: Superblock{Filesystem: ISO9660, Label: "cidata"}},
		{Name: "vda", Path: path("vda"), Size: 1 << 20},
		{Name: "vda1", Path: path("vda1"), Size: size(disk), Partition: true, Superblock: fat},
	}
	if diff := cmp.Diff(want, devices); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 1 || problems[0].Error() != "cannot read "+path("vdy")+": neither a block device nor a file" {
		t.Errorf("problems %v", problems)
	}
}

func TestADeviceThatHangsCostsOnlyItself(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	iso := ownISO(t)
	for i := range 12 {
		m.add(fmt.Sprintf("vd%c", 'a'+i), iso, nil)
	}
	answer := make(chan struct{})
	defer close(answer)
	o := m.options()
	o.Timeout = 300 * time.Millisecond
	devices, problems := scan(t.Context(), o, func(d Device) probed {
		if d.Name == "vdc" {
			<-answer
		}
		return probeDevice(d)
	})
	if len(devices) != 11 || len(problems) != 1 || problems[0].Error() != "cannot read "+m.root+"/dev/vdc: no answer within 300ms" {
		t.Errorf("%d devices, problems %v", len(devices), problems)
	}
}

func TestTheEndOfTheContextEndsTheScan(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.add("vda", ownISO(t), nil)
	answer := make(chan struct{})
	defer close(answer)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutting down"))
	devices, problems := scan(ctx, m.options(), func(Device) probed { <-answer; return probed{} })
	if len(devices) != 0 || len(problems) != 1 || problems[0].Err.Error() != "shutting down" {
		t.Errorf("%v, %v", devices, problems)
	}
}

func TestADriveWithoutAMediumIsNoProblem(t *testing.T) {
	t.Parallel()
	for _, nothing := range []error{unix.ENOMEDIUM, unix.ENXIO, unix.ENODEV, unix.ENOENT} {
		if p := failed(Device{}, fmt.Errorf("cannot read: %w", nothing)); p.err != nil || p.medium {
			t.Errorf("%v: %+v", nothing, p)
		}
	}
	if p := failed(Device{}, unix.EIO); !errors.Is(p.err, unix.EIO) {
		t.Errorf("%+v", p)
	}
}

func TestProbeReadsAHandfulOfSectors(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(testing.TB) string{"ISO 9660": ownISO, "FAT16": ownFAT(16), "FAT32": ownFAT(32)} {
		f, err := os.Open(make(t))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c := &counting{r: f}
		if _, err := Probe(c, 0); err != nil {
			t.Error(err)
		}
		if c.calls > 3 || c.bytes > 66<<10 {
			t.Errorf("%s: %d bytes in %d reads", name, c.bytes, c.calls)
		}
	}
}

type counting struct {
	r            io.ReaderAt
	calls, bytes int
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.calls++
	c.bytes += len(b)
	return c.r.ReadAt(b, off)
}

func BenchmarkScan(b *testing.B) {
	iso, disk := ownISO(b), ownFAT(32)(b)
	for _, n := range []int{1, 2, 4, 8, 16, 24} {
		m := newMachine(b)
		for i := range n {
			m.add(fmt.Sprintf("vd%c", 'a'+i), []string{iso, disk}[i%2], nil)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if devices, _ := Scan(b.Context(), m.options()); len(devices) != n {
					b.Fatal(devices)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, path := range map[string]string{"ISO 9660": ownISO(b), "FAT16": ownFAT(16)(b)} {
		sb := probeFile(b, path)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				v, err := Open(b.Context(), path, sb, OpenOptions{NoMount: true})
				if err != nil {
					b.Fatal(err)
				}
				sameFiles(b, v.FS(), seedFiles())
				if err := v.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
