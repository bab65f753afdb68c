package image_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudseed/datasource/media"
	"cloudseed/datasource/media/image"
	"cloudseed/test/needs"
)

func TestMain(m *testing.M) {
	media.ChildMain()
	os.Exit(m.Run())
}

var files = fstest.MapFS{
	"openstack/latest/meta_data.json": {Data: []byte(`{"uuid":"4f0c"}`), Mode: 0o644},
	"openstack/latest/user_data":      {Data: bytes.Repeat([]byte("#cloud-config\n"), 1000), Mode: 0o644},
	"openstack/latest/user_data2":     {Data: []byte{0, 1, 2, 0xff}, Mode: 0o644},
	"openstack/content/0000":          {Data: bytes.Repeat([]byte{7}, 2048), Mode: 0o644},
	"ec2/latest/user-data":            {Data: []byte{}, Mode: 0o644},
}

func write(t *testing.T, label string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := image.WriteISO(path, label, files); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheImageIsReadBackByteForByte(t *testing.T) {
	t.Parallel()
	path := write(t, "config-2")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size()%2048 != 0 {
		t.Errorf("the image has %d bytes: its last sector is not whole", info.Size())
	}
	sb, err := media.Probe(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(media.Superblock{Filesystem: media.ISO9660, Label: "config-2"}, sb); diff != "" {
		t.Error(diff)
	}
	v, err := media.Open(t.Context(), path, sb, media.OpenOptions{NoMount: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for name, want := range files {
		got, err := fs.ReadFile(v.FS(), name)
		if err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, want.Data) {
			t.Errorf("%s: %q, want %q", name, got, want.Data)
		}
	}
}

func TestOtherToolsReadTheImage(t *testing.T) {
	t.Parallel()
	path := write(t, "config-2")
	for _, tool := range []struct {
		argv []string
		want string
	}{
		{[]string{"blkid", "-p", "-o", "value", "-s", "LABEL", path}, "config-2"},
		{[]string{"isoinfo", "-R", "-f", "-i", path}, "/openstack/latest/meta_data.json\n"},
		{[]string{"isoinfo", "-R", "-i", path, "-x", "/openstack/latest/meta_data.json"}, `{"uuid":"4f0c"}`},
		{[]string{"xorriso", "-indev", path, "-find"}, "'./openstack/latest/user_data2'\n"},
	} {
		t.Run(tool.argv[0], func(t *testing.T) {
			needs.Programs(t, tool.argv[0])
			out, err := exec.CommandContext(t.Context(), tool.argv[0], tool.argv[1:]...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), tool.want) {
				t.Errorf("%q says %s (%v), want %q", tool.argv, out, err, tool.want)
			}
		})
	}
}

func TestWhatCannotBeWrittenLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct{ name, label, want string }{
		{"no label", "", "a label has 1 to 32 bytes"},
		{"a label that is too long", strings.Repeat("x", 33), "a label has 1 to 32 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "x.iso")
			err := image.WriteISO(path, c.label, files)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Error("the image is there")
			}
		})
	}
	path := filepath.Join(dir, "y.iso")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := image.WriteISO(path, "cidata", files); err == nil {
		t.Error("a file that was there is overwritten")
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("a file that was there is now %q", got)
	}
}
