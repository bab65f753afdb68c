package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPathsToLabelHaveNoLinksAndAreThereOnce(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "instances"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("instances", filepath.Join(dir, "instance")); err != nil {
		t.Fatal(err)
	}
	got := withoutLinks([]string{dir + "/instance/file", dir + "/gone/file", dir + "/instances/file", dir + "/instance"})
	want := []string{dir + "/instance", dir + "/instances/file"} // a link itself has a label too
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
