package media

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fuzzSeeds are the beginnings of sound volumes: what describes the files.
func fuzzSeeds(f *testing.F) {
	for _, make := range []func(testing.TB) string{ownISO, ownFAT(12), ownFAT(32)} {
		b, err := os.ReadFile(make(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 80<<10)])
	}
}

func FuzzProbe(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		sb, err := Probe(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Errorf("bytes in memory cannot be read: %v", err)
		}
		if len(sb.Labels()) > 0 && sb.Filesystem == Unknown {
			t.Errorf("a label without a filesystem: %+v", sb)
		}
	})
}

// FuzzISOTree reads the trees of our own reader, which must neither panic nor
// hang by itself.
func FuzzISOTree(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		source := &volumeReader{r: bytes.NewReader(b), size: int64(len(b))}
		head, err := readUpTo(bytes.NewReader(b), isoDescriptorStart, isoDescriptorSize*maxDescriptors)
		if err != nil {
			t.Fatal(err)
		}
		d := parseDescriptors(head)
		if d.primary == nil {
			return
		}
		for _, tree := range []isoTree{newISOTree(source, d), newISOTree(source, descriptors{primary: d.primary})} {
			entries, err := tree.list(".")
			for i, e := range entries {
				if err != nil || i == 20 {
					break
				}
				if e.kind == fs.ModeDir {
					_, err = tree.list(e.name)
					continue
				}
				size := int64(0)
				err = tree.read(e.name, e.size, func(b []byte) error { size += int64(len(b)); return nil })
				if err == nil && size != e.size {
					t.Errorf("%q: %d of %d bytes", e.name, size, e.size)
				}
			}
		}
	})
}

// FuzzVolume reads volumes as they are read at boot, by a child each.
func FuzzVolume(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_ = readAll(t, path, time.Second) // any error is right, any hang is not
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add(entry{name: "user-data", size: 3}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := decodeEntries(b)
		if err != nil && !errors.Is(err, errBadEntry) {
			t.Error(err)
		}
		for _, e := range entries {
			if !validName(e.name) || e.size < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}
