package media

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"cloudseed/datasource/media/mediatest"
	"cloudseed/test/needs"
)

// privileged leaves a test out where mounts or loop devices are not to be had.
func privileged(t *testing.T) {
	t.Helper()
	needs.Root(t)
	if _, err := os.Lstat("/dev/loop-control"); err != nil {
		needs.LeftOut(t, "loop devices")
	}
}

// ext4 is a filesystem that every test machine's kernel has, in the place of
// UDF, which few have.
func ext4(t *testing.T) string {
	path := mediatest.Blank(t, 8<<20)
	files := seedFiles()
	tree := mediatest.Tree(t, files)
	if err := os.Symlink("openstack/latest/user_data", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	mediatest.Run(t, "mkfs.ext4", "-q", "-d", tree, path)
	return path
}

func TestAMountedVolumeIsReadByteForByteAndLeavesNothing(t *testing.T) {
	privileged(t)
	path := ext4(t)
	f, err := openDevice(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := OpenOptions{Timeout: DefaultTimeout, MountDir: t.TempDir()}
	m, err := mountVolume(t.Context(), f, path, "ext4", o)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"/proc/self/mounts", "/proc/self/mountinfo"} {
		mounts, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mounts), o.MountDir) {
			t.Errorf("%s still has the mount point", table)
		}
	}
	left, err := os.ReadDir(o.MountDir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	var st unix.Statfs_t
	root, err := m.root.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fstatfs(int(root.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	root.Close()
	if want := int64(unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC); int64(st.Flags)&want != want {
		t.Errorf("mount flags %#x", st.Flags)
	}
	v := &Volume{fs: newTree(t.Context(), path, m, false), close: m.close}
	if !v.Mounted() {
		t.Error("it is not said to be mounted")
	}
	want := seedFiles()
	want["link"] = want["openstack/latest/user_data"]
	sameFiles(t, v.FS(), want)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := v.fs.ReadFile("vendor-data"); err == nil {
		t.Error("a closed volume can be read")
	}
}

func TestAVolumeThatCannotBeReadInUserSpaceIsMountedOrSaysWhyNot(t *testing.T) {
	privileged(t)
	path := fatByTool(4<<20, "-f", "1", "-n", "CIDATA")(t)
	v, err := Open(t.Context(), path, probeFile(t, path), OpenOptions{MountDir: t.TempDir()})
	if err == nil { // this kernel has vfat
		defer v.Close()
		if !v.Mounted() {
			t.Error("it is not mounted")
		}
		sameFiles(t, v.FS(), seedFiles())
		return
	}
	want := "cannot read " + path + ": FAT12 with 1 allocation tables instead of 2, and mounting it failed: the kernel knows no vfat"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestScanReadsALoopDevice(t *testing.T) {
	privileged(t)
	f, err := openDevice(ownISO(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	loop, err := attachLoop(f)
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	m := newMachine(t)
	name := filepath.Base(loop.Name())
	m.add(name, "", map[string]string{"size": "1000"})
	devices, problems := Scan(t.Context(), ScanOptions{SysRoot: filepath.Join(m.root, "sys")})
	if len(devices) != 1 || devices[0].Label != "cidata" || len(problems) > 0 {
		t.Fatalf("%+v, %v", devices, problems)
	}
	v, err := Open(t.Context(), devices[0].Path, devices[0].Superblock, OpenOptions{NoMount: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	sameFiles(t, v.FS(), seedFiles())
}
