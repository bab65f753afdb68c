// Package mediatest makes media for tests by the tools that real producers use.
//
// In come files and a tool's arguments, out comes an image. Where a tool is missing the
// test is skipped, loudly; in CI nothing may be. It never knows who reads the image.
package mediatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/test/needs"
)

// Run runs a tool and gives what it wrote.
func Run(t testing.TB, argv ...string) string {
	t.Helper()
	needs.Programs(t, argv[0])
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

// Tree writes files below a new directory.
func Tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Blank makes an image of so many bytes with nothing in it.
func Blank(t testing.TB, size int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "seed.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// ISO makes an image of files by genisoimage or xorrisofs.
func ISO(t testing.TB, files map[string][]byte, argv ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.iso")
	Run(t, append(argv, "-quiet", "-o", path, Tree(t, files))...)
	return path
}

// FAT makes an image of files by mkfs.vfat and mcopy.
func FAT(t testing.TB, size int64, files map[string][]byte, argv ...string) string {
	t.Helper()
	path := Blank(t, size)
	Run(t, append(append([]string{"mkfs.vfat"}, argv...), path)...)
	CopyIn(t, path, files)
	return path
}

// CopyIn copies files into a FAT volume, which mcopy may also name with an offset.
func CopyIn(t testing.TB, volume string, files map[string][]byte) {
	t.Helper()
	tree := Tree(t, files)
	tops, err := os.ReadDir(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range tops {
		Run(t, "mcopy", "-s", "-i", volume, filepath.Join(tree, top.Name()), "::")
	}
}
