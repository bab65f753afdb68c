package datasource_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/media/image"
	"cloudseed/datasource/nocloud"
	"cloudseed/host/hosttest"
)

func TestInspectTellsWhatIsOnAMedium(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, other, none := filepath.Join(dir, "good.iso"), filepath.Join(dir, "other.iso"), filepath.Join(dir, "none.img")
	for name, files := range map[string]fstest.MapFS{
		good:  {"meta-data": {Data: []byte("instance-id: i-1\nlocal-hostname: h\n")}, "user-data": {Data: []byte("#cloud-config\n")}},
		other: {"readme.txt": {Data: []byte("hello\n")}},
	} {
		if err := image.WriteISO(name, "cidata", files); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(none, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	inspect := func(path string) datasource.Inspection {
		return datasource.Inspect(t.Context(), datasource.Search{
			Host: hosttest.New(t).Host, Config: config.FromAny("test", map[string]any{}), Only: path, Name: filepath.Base(path),
			Sources: []datasource.Source{nocloud.Source{}, configdrive.Source{}},
		})
	}

	i := inspect(good)
	if i.Seed == nil || i.Seed.InstanceID != "i-1" || i.Filesystem != "iso9660" || i.Label != "cidata" || len(i.Problems) > 0 {
		t.Errorf("a seed: %+v", i)
	}
	want := datasource.FileInfo{Path: "user-data", Size: 14}
	sum := sha256.Sum256([]byte("#cloud-config\n"))
	want.SHA256 = hex.EncodeToString(sum[:])
	if len(i.Files) != 2 || i.Files[1] != want {
		t.Errorf("its files: %+v", i.Files)
	}
	if i := inspect(other); i.Seed != nil || len(i.Files) != 1 {
		t.Errorf("a medium that is no seed: %+v", i)
	}
	if i := inspect(none); i.Seed != nil || i.Filesystem != "" || len(i.Report) == 0 {
		t.Errorf("a medium without a file system: %+v", i)
	}
}
