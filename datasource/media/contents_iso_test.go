package media

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"

	"cloudseed/datasource/media/mediatest"
)

// TestGoDiskfsStillNeedsIsoTree holds the reason for a reader of our own. When
// it fails go-diskfs has learned to read Joliet, and isoTree can go.
func TestGoDiskfsStillNeedsIsoTree(t *testing.T) {
	t.Parallel()
	f, err := os.Open(isoByTool("genisoimage", "-J", "-V", "config-2")(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := iso9660.Read(file.New(f, true), 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(v, "user-data"); err != nil {
		t.Errorf("the first level: %v", err)
	}
	if b, err := fs.ReadFile(v, "openstack/latest/user_data"); err == nil {
		t.Errorf("the second level: %d bytes", len(b))
	}
}

func TestLinksOfRockRidgeLeadWithinTheVolume(t *testing.T) {
	t.Parallel()
	files := seedFiles()
	tree := mediatest.Tree(t, files)
	for name, target := range map[string]string{
		"openstack/latest/vendor_data": "../../vendor-data", "newest": "openstack/latest",
		"outside": "/etc/passwd", "above": "../../../etc/passwd",
	} {
		if err := os.Symlink(target, filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	// As CloudStack does it.
	if err := os.Link(filepath.Join(tree, "user-data"), filepath.Join(tree, "ec2/latest/hard")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seed.iso")
	mediatest.Run(t, "genisoimage", "-quiet", "-R", "-cache-inodes", "-o", path, tree)
	v := openImage(t, path)
	for name, same := range map[string]string{
		"openstack/latest/vendor_data": "vendor-data", "newest/user_data": "openstack/latest/user_data",
		"newest/vendor_data": "vendor-data", "ec2/latest/hard": "user-data",
	} {
		if b, err := fs.ReadFile(v.FS(), name); err != nil || string(b) != string(files[same]) {
			t.Errorf("%s has %d bytes, %v", name, len(b), err)
		}
	}
	for _, name := range []string{"outside", "above"} {
		if b, err := fs.ReadFile(v.FS(), name); err == nil {
			t.Errorf("%s has %d bytes", name, len(b))
		}
	}
}
