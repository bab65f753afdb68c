// Package seed has the seeds that the guests of the tests are given, and makes the
// media on which they are attached, with the programs that real producers use.
//
// In come files, out goes an image file or a directory. The package never knows what
// reads them.
package seed

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files are a seed's files: their contents by path.
type Files map[string]string

// OVirtUUID is the instance id of the oVirt seed.
const OVirtUUID = "27fab643-103c-4816-b6da-dbbdccf69eaf"

//go:embed ovirt
var ovirt embed.FS

// OVirt is the drive that oVirt attaches ("Run Once", "Initial Run"), in the form
// without the openstack/content/0000 that its network_config names.
func OVirt() Files {
	files, tree := Files{}, OVirtFS()
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("the embedded seed cannot be read: %v", err))
	}
	return files
}

// OVirtFS is the same drive as a file system.
func OVirtFS() fs.FS {
	tree, err := fs.Sub(ovirt, "ovirt")
	if err != nil {
		panic(fmt.Sprintf("the embedded seed cannot be read: %v", err))
	}
	return tree
}

// NoCloud is a seed of a NoCloud volume.
func NoCloud(instance, userData string) Files {
	return Files{"meta-data": "instance-id: " + instance + "\n", "user-data": userData}
}

// ConfigDrive is a seed in OpenStack's layout, of the version that every reader knows.
func ConfigDrive(uuid, userData string) Files {
	return Files{
		"openstack/latest/meta_data.json": fmt.Sprintf(`{"uuid": %q, "hostname": %q}`, uuid, "host-"+uuid),
		"openstack/latest/user_data":      userData,
	}
}

// With is the seed with one file changed or added.
func (f Files) With(path, content string) Files {
	files := maps.Clone(f)
	files[path] = content
	return files
}

// Replace is the seed with a text replaced wherever it stands. A text that is
// nowhere in it is a mistake in the test.
func (f Files) Replace(t testing.TB, old, text string) Files {
	t.Helper()
	files, found := Files{}, false
	for path, content := range f {
		found = found || strings.Contains(content, old)
		files[path] = strings.ReplaceAll(content, old, text)
	}
	if !found {
		t.Fatalf("the seed has no %q to replace", old)
	}
	return files
}

// Dir writes the seed's files below dir.
func (f Files) Dir(t testing.TB, dir string) {
	t.Helper()
	for path, content := range f {
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ISO makes the CD-ROM image as oVirt's and most other hosts do: genisoimage with
// Rock Ridge and Joliet names.
func (f Files) ISO(t testing.TB, label string) string {
	t.Helper()
	tree := t.TempDir()
	f.Dir(t, tree)
	image := filepath.Join(t.TempDir(), "seed.iso")
	run(t, "", "genisoimage", "-quiet", "-R", "-J", "-V", label, "-o", image, tree)
	return image
}
