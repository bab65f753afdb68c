package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMountsThatCanBeSeenComeParentsFirst(t *testing.T) {
	for name, c := range map[string]struct{ info, want string }{
		"a plain machine, listed in any order": {`
22 27 0:21 / /proc rw,relatime - proc proc rw
41 30 8:3 / /boot/efi rw - vfat /dev/sda1 rw
30 27 8:2 / /boot ro,relatime shared:5 master:1 - ext4 /dev/sda2 rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard`, "/ /proc /boot(ro) /boot/efi"},
		"a mount on the same point hides the first and its children": {`
1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a rw - tmpfs a rw
3 2 0:3 / /a/b rw - tmpfs a rw
4 2 0:4 / /a rw - xfs a ro`, "/ /a(ro)"},
		"a mount above hides those below it": {`
1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a/b rw - tmpfs a rw
3 1 0:2 / /a/bc rw - tmpfs a rw
4 1 0:4 / /a rw - tmpfs a rw
5 4 0:4 / /a/b/c rw - tmpfs a rw`, "/ /a /a/b/c"},
		"a root mounted over the root": {`
1 1 0:1 / / rw - rootfs rootfs rw
2 1 0:2 / / rw - ext4 a rw
3 2 0:3 / /home rw - ext4 a rw`, "/ /home"},
		"names with spaces, newlines and backslashes": {`
1 0 0:1 / / rw - ext4 a rw
2 1 0:2 / /a\040b\012c\134d rw - tmpfs /dev/x\040y rw`, "/ /a b\nc\\d"},
	} {
		t.Run(name, func(t *testing.T) {
			mounts, err := parseMountinfo(strings.TrimPrefix(c.info, "\n"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range visible(mounts) {
				if m.readOnly {
					m.point += "(ro)"
				}
				got = append(got, m.point)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALineThatIsNoMountIsAnError(t *testing.T) {
	for _, line := range []string{"", "1 2 3", "a 1 0:1 / / rw - ext4 a rw", "1 b 0:1 / / rw - ext4 a rw", "1 1 0:1 / / rw ext4 a rw", "1 1 0:1 / / rw - "} {
		if _, err := parseMountinfo(line + "\n"); err == nil || !strings.HasPrefix(err.Error(), "cannot understand the mount ") {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

func TestEachIDIsItself(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []syscall.SysProcIDMap
	}{
		"on a machine":   {"0 0 4294967295\n", []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: nobody}}},
		"in a container": {"0 100000 1000\n 1000 1000 1\n", []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1000}, {ContainerID: 1000, HostID: 1000, Size: 1}}},
		"with ids above": {"0 0 10\n3000000000 5 10\n", []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "uid_map")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := identity(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
