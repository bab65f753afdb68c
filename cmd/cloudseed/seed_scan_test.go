package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudseed/datasource/media"
	"cloudseed/datasource/media/image"
	"cloudseed/host"
)

// TestEachDeviceIsShownAsTheBootSeesIt has files in the place of devices.
func TestEachDeviceIsShownAsTheBootSeesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := filepath.Join(dir, "sr0")
	files := fstest.MapFS{"meta-data": {Data: []byte("instance-id: i-1\n"), Mode: 0o644}, "user-data": {Mode: 0o644}}
	if err := image.WriteISO(seed, "cidata", files); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "sda")
	if err := image.WriteFAT(other, "DATA", fstest.MapFS{"readme": {Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	blank := filepath.Join(dir, "sdb")
	if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	devices := []media.Device{
		{Path: seed, Size: 1 << 20, Superblock: media.Superblock{Filesystem: media.ISO9660, Label: "cidata"}},
		{Path: other, Size: 4 << 20, Superblock: media.Superblock{Filesystem: media.VFAT, Label: "DATA"}},
		{Path: blank, Size: 1 << 20},
	}
	scanned := scanSeeds(t.Context(), host.New(t.TempDir(), host.Options{}), devices, []media.Problem{{Path: "/dev/fd0", Err: errors.New("input/output error")}})
	for i := range scanned {
		scanned[i].Why, _, _ = strings.Cut(strings.ReplaceAll(scanned[i].Why, dir+"/", ""), ";")
	}
	want := []scannedDevice{
		{Device: seed, Size: 1 << 20, Filesystem: "iso9660", Label: "cidata", Datasource: "NoCloud", InstanceID: "i-1"},
		{Device: other, Size: 4 << 20, Filesystem: "vfat", Label: "DATA", Why: scanned[1].Why},
		{Device: blank, Size: 1 << 20, Why: "sdb: it holds no ISO 9660, FAT or UDF file system"},
		{Device: "/dev/fd0", Why: "input/output error"},
	}
	if diff := cmp.Diff(want, scanned); diff != "" {
		t.Errorf("what is shown differs (-want +got):\n%s", diff)
	}
	if scanned[1].Why == "" {
		t.Error("nothing says why a volume is no seed")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range scanSeeds(ended, host.New(t.TempDir(), host.Options{}), devices[:1], nil) {
		if s.Datasource != "" || s.Why == "" {
			t.Errorf("after its time is over a device is %+v", s)
		}
	}
}
