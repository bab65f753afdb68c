package image_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"cloudseed/datasource/media"
	"cloudseed/datasource/media/image"
	"cloudseed/datasource/media/mediatest"
)

// withLarge are the files and one of so many MiB.
func withLarge(mebibytes int) fstest.MapFS {
	all := maps.Clone(files)
	if mebibytes > 0 {
		all["openstack/latest/large"] = &fstest.MapFile{Data: []byte(strings.Repeat("0123456789abcdef", mebibytes<<16)), Mode: 0o644}
	}
	return all
}

func TestAFATImageIsAsLargeAsItMustBeAndIsReadBackByteForByte(t *testing.T) {
	t.Parallel()
	for _, large := range []int{0, 8, 60} {
		t.Run(fmt.Sprintf("%d MiB", large), func(t *testing.T) {
			t.Parallel()
			all := withLarge(large)
			path := filepath.Join(t.TempDir(), "seed.img")
			if err := image.WriteFAT(path, "cidata", all); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			sb, err := media.Probe(f, info.Size())
			if err != nil {
				t.Fatal(err)
			}
			if sb.Filesystem != media.VFAT || sb.Label != "cidata" {
				t.Errorf("it is %+v", sb)
			}
			v, err := media.Open(t.Context(), path, sb, media.OpenOptions{NoMount: true})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			for name, want := range all {
				if got, err := fs.ReadFile(v.FS(), name); err != nil || string(got) != string(want.Data) {
					t.Errorf("%s: %d bytes, %v, want %d", name, len(got), err, len(want.Data))
				}
			}
			checkFAT(t, path, all)
		})
	}
}

// checkFAT has other tools look at an image.
func checkFAT(t *testing.T, path string, all fstest.MapFS) {
	t.Helper()
	t.Run("fsck.vfat", func(t *testing.T) { mediatest.Run(t, "fsck.vfat", "-n", path) })
	t.Run("mdir", func(t *testing.T) {
		out := mediatest.Run(t, "mdir", "-/", "-b", "-i", path, "::")
		for name := range all {
			if !strings.Contains(out, "::/"+name+"\n") {
				t.Errorf("mdir does not see %s:\n%s", name, out)
			}
		}
	})
}

func TestWhatIsTooLargeForAFATImageLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seed.img")
	many := fstest.MapFS{}
	for i := range 600 {
		many[fmt.Sprint(i)] = &fstest.MapFile{}
	}
	err := image.WriteFAT(path, "cidata", many)
	if err == nil || !strings.Contains(err.Error(), "600 names are more than fit into the root directory") {
		t.Errorf("it said %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the image is there")
	}
}
