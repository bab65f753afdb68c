package host_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"cloudseed/host/hosttest"
)

func TestADirectoryIsAnFS(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/seed/a", "a")
	m.Put(t, "/seed/b/c", "c")
	if err := fstest.TestFS(m.FS("/seed"), "a", "b/c"); err != nil {
		t.Error(err)
	}
}

func TestALinkInAnImagesRootStaysInIt(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/shadow", "the image's")
	m.Put(t, "/seed/a", "")
	for link, target := range map[string]string{"absolute": "/etc/shadow", "upwards": "../../../../../../etc/shadow"} {
		if err := os.Symlink(target, m.Dir+"/seed/"+link); err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(m.FS("/seed"), link); string(got) != "the image's" {
			t.Errorf("%s: got %q, %v", link, got, err)
		}
	}
	if _, err := fs.ReadFile(m.FS("/seed"), "../etc/shadow"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a path upwards: %v", err)
	}
}
