package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/datasource/media/mediatest"
)

// loopingISO is an image whose Rock Ridge continuation area continues in
// itself, which go-diskfs 1.9.4 would follow for ever.
func loopingISO(t testing.TB) string {
	path := ownISO(t)
	patch(t, path, func(b []byte) {
		root := int(binary.LittleEndian.Uint32(b[16<<11+158:])) << 11
		at := bytes.Index(b[root:root+256], []byte("CE\x1c\x01"))
		if at < 0 {
			t.Fatal("the root directory has no continuation area")
		}
		entry := b[root+at : root+at+28]
		binary.LittleEndian.PutUint32(entry[20:], 28) // the length continued
		copy(b[int(binary.LittleEndian.Uint32(entry[4:]))<<11:], entry)
	})
	return path
}

// loopingFAT is an image in which the clusters of a file follow each other in a
// circle: go-diskfs lists them until there is no memory.
func loopingFAT(t testing.TB) string {
	path := ownFAT(16)(t)
	patch(t, path, func(b []byte) {
		g, ok := parseFAT(b, int64(len(b)))
		if !ok {
			t.Fatal("no FAT")
		}
		at := bytes.Index(b[g.rootStart:g.dataStart], []byte("USER-D"))
		if at < 0 {
			t.Fatal("no user-data")
		}
		cluster := binary.LittleEndian.Uint16(b[g.rootStart+int64(at)+26:])
		binary.LittleEndian.PutUint16(b[g.fatStart+2*int64(cluster):], cluster)
	})
	return path
}

// hungryISO is an image whose path table claims 4 GiB.
func hungryISO(t testing.TB) string {
	path := ownISO(t)
	patch(t, path, func(b []byte) { binary.LittleEndian.PutUint32(b[16<<11+132:], 0xfffffff0) })
	return path
}

// crashingISO is an image with a path table record longer than the table.
func crashingISO(t testing.TB) string {
	path := ownISO(t)
	patch(t, path, func(b []byte) {
		binary.LittleEndian.PutUint32(b[16<<11+132:], 10)
		b[int(binary.LittleEndian.Uint32(b[16<<11+140:]))<<11] = 0xff
	})
	return path
}

func TestABrokenVolumeIsOneLineThatSaysWhatHappened(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(testing.TB) string
		want string
	}{
		{"a continuation that continues in itself", loopingISO, "cannot read IMAGE: it refers to byte "},
		{"endless clusters", loopingFAT, "cannot read user-data on IMAGE: the vfat reader used more than 160 MiB and was stopped"},
		{"a table of 4 GiB", hungryISO, "cannot read IMAGE: the iso9660 reader used more than 160 MiB and was stopped"},
		{"a panic", crashingISO, "cannot read IMAGE: the reader crashed: runtime error: slice bounds out of range [:263] with capacity 10"},
		{"an image cut off within a file", cutOff, "cannot read openstack/latest/user_data on IMAGE: it refers to byte "},
		{"a compressed file", compressed, "cannot read user-data on IMAGE: it is compressed (zisofs), which is not supported"},
		{"a FAT file whose clusters end early", shortFAT, "cannot read user-data on IMAGE: it ends after 512 of 3001 bytes"},
		{"FAT with one allocation table", fatByTool(4<<20, "-f", "1"), "cannot read IMAGE: FAT12 with 1 allocation tables instead of 2, and mounting is turned off"},
		{"UDF", udfImage, "cannot read IMAGE: UDF has no reader in user space, and mounting is turned off"},
		{"no filesystem", func(t testing.TB) string { return mediatest.Blank(t, 1<<20) }, "cannot read IMAGE: no known filesystem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := c.make(t)
			want := strings.ReplaceAll(c.want, "IMAGE", path)
			timeout := time.Minute // a busy machine is no finding
			if strings.Contains(c.want, "longer than 1s") {
				timeout = time.Second
			}
			err := readAll(t, path, timeout)
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func cutOff(t testing.TB) string {
	path := ownISO(t)
	if err := os.Truncate(path, 200<<10); err != nil {
		t.Fatal(err)
	}
	return path
}

func compressed(t testing.TB) string {
	path := ownISO(t)
	patch(t, path, func(b []byte) { copy(b[bytes.Index(b, noise(3001)[:512]):], zisofs[0]) })
	return path
}

func shortFAT(t testing.TB) string {
	path := fatByTool(2<<20, "-F", "12", "-s", "1")(t)
	patch(t, path, func(b []byte) {
		g, _ := parseFAT(b, int64(len(b)))
		at := bytes.Index(b, noise(3001)[:512])
		cluster := (int64(at)-g.dataStart)/g.clusterSize + 2
		for _, fat := range []int64{g.fatStart, g.fatStart + (g.rootStart-g.fatStart)/2} {
			entry := b[fat+cluster*3/2:]
			if v := binary.LittleEndian.Uint16(entry); cluster%2 == 0 {
				binary.LittleEndian.PutUint16(entry, v|0x0fff)
			} else {
				binary.LittleEndian.PutUint16(entry, v|0xfff0)
			}
		}
	})
	return path
}

func udfImage(t testing.TB) string {
	path := mediatest.Blank(t, 8<<20)
	mediatest.Run(t, "mkudffs", "-l", "Cidata é", path)
	return path
}

// readAll reads every file of an image, whose errors are the volume's, and
// checks that a file has the size its directory says.
func readAll(t testing.TB, path string, timeout time.Duration) error {
	t.Helper()
	v, err := Open(t.Context(), path, probeFile(t, path), OpenOptions{NoMount: true, Timeout: timeout})
	if err != nil {
		return err
	}
	pid := v.fs.source.(*reader).cmd.Process.Pid
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("the child is still there: %v", err)
		}
	}()
	var first error
	err = fs.WalkDir(v.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(v.FS(), name)
		if err == nil && int64(len(b)) != info.Size() {
			t.Errorf("%s has %d bytes, its directory says %d", name, len(b), info.Size())
		}
		if first == nil {
			first = err
		}
		return nil
	})
	return errors.Join(first, err)
}

func TestUDFsLabelIsFound(t *testing.T) {
	t.Parallel()
	if sb := probeFile(t, udfImage(t)); sb.Filesystem != UDF || sb.Label != "Cidata é" {
		t.Errorf("%+v", sb)
	}
}

func TestTheEndOfTheContextEndsTheVolume(t *testing.T) {
	t.Parallel()
	path := ownISO(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutting down"))
	_, err := Open(ctx, path, probeFile(t, path), OpenOptions{NoMount: true})
	if want := "cannot read " + path + ": the iso9660 reader was stopped: shutting down"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestAfterADeathTheVolumeSaysTheSameAgain(t *testing.T) {
	t.Parallel()
	path := loopingFAT(t)
	v := openImage(t, path)
	_, err := fs.ReadFile(v.FS(), "user-data")
	_, again := fs.ReadFile(v.FS(), "meta-data")
	if err == nil || again == nil || !strings.HasSuffix(again.Error(), "and was stopped") {
		t.Errorf("%v, then %v", err, again)
	}
}

// TestFlippedBitsNeverHangOrCrashTheParent changes what describes the files: the
// bytes in front of the first file's content.
func TestFlippedBitsNeverHangOrCrashTheParent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		make   func(testing.TB) string
		images int // FAT's are few: many of them end at the limit of memory, which takes a while
	}{
		{"Rock Ridge", ownISO, 150},
		{"Joliet", isoByTool("genisoimage", "-J", "-V", "cidata"), 150},
		{"FAT12", ownFAT(12), 40},
		{"FAT32", ownFAT(32), 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			sound, err := os.ReadFile(c.make(t))
			if err != nil {
				t.Fatal(err)
			}
			end := len(sound)
			for _, content := range seedFiles() {
				if at := bytes.Index(sound, content[:min(len(content), 512)]); len(content) >= 512 {
					end = min(end, at)
				}
			}
			var used []int // zeros are mostly unused
			for at, b := range sound[:end] {
				if b != 0 {
					used = append(used, at)
				}
			}
			path := filepath.Join(t.TempDir(), "image")
			random := rand.New(rand.NewPCG(7, 11))
			failed := 0
			for range c.images {
				b := bytes.Clone(sound)
				for range 1 + random.IntN(4) {
					b[used[random.IntN(len(used))]] ^= 1 << random.IntN(8)
				}
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				if readAll(t, path, 2*time.Second) != nil {
					failed++
				}
				if took := time.Since(begin); took > 6*time.Second {
					t.Errorf("took %v: %v", took, err)
				}
			}
			t.Logf("%d of %d images had an error", failed, c.images)
			if failed == 0 {
				t.Error("the flipped bits never mattered: they are the wrong ones")
			}
		})
	}
}
