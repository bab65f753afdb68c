package modules

import (
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
)

func TestResizefs(t *testing.T) {
	t.Parallel()
	const missing = "error: user-data:1:16: resize_rootfs: expected true, false or noblock, got "
	small := func(m *blocktest.Machine) {
		m.Device("vda", "", "252:0", 100)
		m.Put(t, "/dev/vda", blocktest.XFS(50))
		m.Mount("252:0 / / rw - xfs /dev/vda rw")
		m.Answer("xfs_growfs", host.Result{Stdout: "data blocks changed from 12800 to 25600\n"}, nil)
	}
	for name, test := range map[string]struct {
		config  string
		build   func(m *blocktest.Machine)
		runs    string
		reports string
		logs    string
	}{
		"without a key the file system of / grows": {runs: "xfs_growfs /", logs: "grown: file system / from 50 MiB to 100 MiB"},
		"true":              {config: "resize_rootfs: 'on'\n", runs: "xfs_growfs /"},
		"a null is absent":  {config: "resize_rootfs: ~\n", runs: "xfs_growfs /"},
		"false":             {config: "resize_rootfs: false\n"},
		"what is no choice": {config: "resize_rootfs: later\n", reports: missing + "\"later\"; nothing is grown"},
		"beside the boot":   {config: "resize_rootfs: noblock\n", runs: "systemd-run --unit=cloudseed-resizefs --property=DefaultDependencies=no xfs_growfs /"},
		"beside the boot, where systemd does not run": {
			config: "resize_rootfs: noblock\n",
			build: func(m *blocktest.Machine) {
				small(m)
				if err := m.RemoveAll("/run/systemd"); err != nil {
					t.Error(err)
				}
			},
			runs: "xfs_growfs /",
		},
		"nothing to grow": {build: func(m *blocktest.Machine) { small(m); m.Put(t, "/dev/vda", blocktest.XFS(100)) }},
		"a type that cannot grow": {
			build: func(m *blocktest.Machine) {
				m.Device("vda", "", "252:0", 100)
				m.Mount("252:0 / / rw - f2fs /dev/vda rw")
			},
			reports: "warning: the file system of / is not grown: / (f2fs): its type of file system is not known",
		},
		"an overlay is skipped quietly": {build: func(m *blocktest.Machine) { m.Mount("0:40 / / rw - overlay overlayroot rw") }},
		"composefs: that of /sysroot grows, at a mount point that can be written to": {
			build: func(m *blocktest.Machine) {
				m.Device("vda", "", "252:0", 100)
				m.Put(t, "/dev/vda", blocktest.XFS(50))
				m.Mount("0:40 / / ro - overlay composefs ro")
				m.Mount("252:0 / /sysroot ro - xfs /dev/vda rw")
				m.Mount("252:0 /ostree/deploy/var /var rw - xfs /dev/vda rw")
			},
			runs: "xfs_growfs /var",
		},
		"a container has none of its host's devices": {
			build: func(m *blocktest.Machine) {
				small(m)
				if err := m.Remove("/dev/vda"); err != nil {
					t.Error(err)
				}
			},
		},
		"an image's root is skipped quietly": {build: func(*blocktest.Machine) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			g.Put(t, "/run/systemd/system/x", "")
			m := blocktest.New(t, g.Machine)
			if test.build == nil {
				test.build = small
			}
			test.build(m)
			if reports := strings.Join(g.run(t, resizefs), "\n"); reports != test.reports {
				t.Errorf("it reports %q, want %q", reports, test.reports)
			}
			if got := strings.Join(g.Lines(), "; "); got != test.runs {
				t.Errorf("it runs %q, want %q", got, test.runs)
			}
			if !strings.Contains(g.log.String(), test.logs) {
				t.Errorf("the log has no %q: %s", test.logs, &g.log)
			}
		})
	}
}

func TestResizefsThatFailsIsTheModulesError(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "")
	m := blocktest.New(t, g.Machine)
	m.Device("vda", "", "252:0", 100)
	m.Put(t, "/dev/vda", blocktest.Ext(50))
	m.Mount("252:0 / / rw - ext4 /dev/vda rw")
	m.Answer("resize2fs", host.Result{Exit: 1}, &host.ExitError{Argv: []string{"resize2fs"}, Exit: 1, Reason: "no"})
	err := resizefs.Run(t.Context(), g.env)
	if want := "cannot grow the file system at /: resize2fs failed with exit code 1: no"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
