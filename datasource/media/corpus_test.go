package media

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat16"
	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"cloudseed/datasource/media/image"
	"cloudseed/datasource/media/mediatest"
)

// seedFiles is what every volume of the corpus holds: empty files, sizes around
// sectors and clusters, the same name in two directories, both seeds' layouts.
func seedFiles() map[string][]byte {
	return map[string][]byte{
		"meta-data":                       {},
		"user-data":                       noise(3001),
		"network-config":                  noise(1),
		"vendor-data":                     noise(512),
		"openstack/latest/meta_data.json": noise(2047),
		"openstack/latest/user_data":      noise(300_000),
		"openstack/content/0000":          noise(2048),
		"openstack/content/0001":          noise(2049),
		"ec2/latest/meta-data.json":       noise(4096),
		"ec2/latest/user_data":            noise(17),
	}
}

// noise is n bytes that depend on n alone, none of them zero: slack shows.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	return b
}

// isoByTool makes an image of seedFiles by genisoimage or xorrisofs.
func isoByTool(argv ...string) func(t testing.TB) string {
	return func(t testing.TB) string { return mediatest.ISO(t, seedFiles(), argv...) }
}

// fatByTool makes a FAT image of seedFiles by mkfs.vfat and mcopy.
func fatByTool(size int64, argv ...string) func(t testing.TB) string {
	return func(t testing.TB) string { return mediatest.FAT(t, size, seedFiles(), argv...) }
}

// ownISO makes an image of seedFiles without any tool.
func ownISO(t testing.TB) string {
	t.Helper()
	files := fstest.MapFS{}
	for name, content := range seedFiles() {
		files[name] = &fstest.MapFile{Data: content, Mode: 0o644}
	}
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := image.WriteISO(path, "cidata", files); err != nil {
		t.Fatal(err)
	}
	return path
}

// ownFAT makes a FAT image of seedFiles by go-diskfs.
func ownFAT(bits int) func(t testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		path := mediatest.Blank(t, map[int]int64{12: 4 << 20, 16: 16 << 20, 32: 8 << 20}[bits])
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		var v filesystem.FileSystem
		storage := file.New(f, false)
		switch bits {
		case 12:
			v, err = fat12.Create(storage, info.Size(), 0, 0, "cidata", true)
		case 16:
			v, err = fat16.Create(storage, info.Size(), 0, 0, "cidata", true)
		default:
			v, err = fat32.Create(storage, info.Size(), 0, 512, "cidata", true)
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range seedFiles() {
			if dir := filepath.Dir(name); dir != "." {
				if err := v.Mkdir("/" + dir); err != nil {
					t.Fatal(err)
				}
			}
			w, err := v.OpenFile("/"+name, os.O_CREATE|os.O_RDWR)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
}

// probeFile probes an image file.
func probeFile(t testing.TB, path string) Superblock {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	sb, err := Probe(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return sb
}

// openFile opens an image file without ever mounting it.
func openImage(t testing.TB, path string) *Volume {
	t.Helper()
	v, err := Open(t.Context(), path, probeFile(t, path), OpenOptions{NoMount: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// patch changes bytes of an image file.
func patch(t testing.TB, path string, change func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sameFiles compares a volume's whole tree with the files.
func sameFiles(t testing.TB, got fs.FS, want map[string][]byte) {
	t.Helper()
	seen := 0
	err := fs.WalkDir(got, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(got, name)
		if err != nil {
			return err
		}
		expected, ok := want[name]
		switch {
		case !ok && !strings.HasPrefix(name, "."):
			t.Errorf("%s is not one of the files", name)
		case !bytes.Equal(content, expected):
			t.Errorf("%s has %d bytes, not the %d it was made of", name, len(content), len(expected))
		}
		seen++
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if seen != len(want) {
		t.Errorf("%d files, want %d", seen, len(want))
	}
}
