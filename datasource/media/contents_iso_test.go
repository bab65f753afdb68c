package media

import (
	"io/fs"
	"os"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
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
