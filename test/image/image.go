// Package image makes the guest that the tests boot: a Debian system with what the
// agent meets on the RHEL family (NetworkManager, sshd with its drop-ins, rpm, the
// group wheel) and without what it replaces, with the built package installed.
//
// In comes an rpm, out go a root directory, a disk image, a kernel and an initramfs.
// All are kept under build/guest by what they are made of, so that only a change
// costs time. The package never knows what is booted or tested.
package image

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// suite is Debian's release; its systemd (252) is EL9's.
const suite = "bookworm"

// packages are what debootstrap adds to a minimal system: no ifupdown, no Python, no
// cloud-init. The third line is what RHEL has for disks and the clock; busybox is for the
// initramfs, dnsmasq for the network's far end.
var packages = []string{
	"systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "openssh-server",
	"network-manager", "iproute2", "passwd", "rpm", "kmod", "procps", "e2fsprogs", "fdisk",
	"xfsprogs", "lvm2", "cryptsetup-bin", "chrony",
	"sudo", "jq", "busybox-static", "dnsmasq-base",
	"selinux-policy-default", "policycoreutils", "selinux-utils",
}

// unwanted is removed from the guest: no test reads it.
var unwanted = []string{
	"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
	"var/cache/apt", "var/lib/apt/lists",
	"etc/NetworkManager/dispatcher.d/01-ifupdown", // Debian only: it calls what is not there
}

// masked are units that RHEL guests do not have and that would only cost time.
var masked = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
	"e2scrub_reap.service", "fstrim.timer", "getty@tty1.service", "systemd-pstore.service",
	"lvm2-monitor.service", "lvm2-lvmpolld.socket", "blk-availability.service", "dm-event.socket", "xfs_scrub_all.timer",
}

// guestFiles is laid over the system.
//
//go:embed all:guest
var guestFiles embed.FS

// sources are this package's own: they too are what the guest is made of.
//
//go:embed *.go selinux
var sources embed.FS

// Image is a guest with the agent's package in it.
type Image struct {
	Root  string // its root directory: to be put below an overlay, never written to
	key   string
	cache string
}

// Build makes the guest with the package at rpm, or finds it in the cache. It needs
// root, debootstrap and a Debian machine's apt.
func Build(ctx context.Context, rpm string) (*Image, error) {
	top, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	cache := filepath.Join(top, "build", "guest")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the guests' cache: %w", err)
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()

	kernel, err := fetchKernel(ctx, cache, cloudKernel)
	if err != nil {
		return nil, err
	}
	floppy, err := fetchKernel(ctx, cache, floppyKernel)
	if err != nil {
		return nil, err
	}
	base, err := buildBase(ctx, cache)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(rpm)
	if err != nil {
		return nil, fmt.Errorf("cannot read the package under test: %w", err)
	}
	files, err := digestTree(guestFiles)
	if err != nil {
		return nil, err
	}
	code, err := digestTree(sources)
	if err != nil {
		return nil, err
	}
	i := &Image{cache: cache}
	i.key = digest(filepath.Base(base), kernel.Release, floppy.Release, files, code, string(content))
	i.Root = filepath.Join(cache, "root-"+i.key)
	err = once(i.Root, func(fresh string) error {
		if err := removeOld(cache, "root-*", "disk-*"); err != nil {
			return err
		}
		if err := run(ctx, "cp", "-a", base, fresh); err != nil {
			return err
		}
		return customise(ctx, fresh, rpm, kernel, floppy)
	})
	return i, err
}

// buildBase makes the system before anything of ours is in it.
func buildBase(ctx context.Context, cache string) (string, error) {
	base := filepath.Join(cache, "base-"+digest(suite, strings.Join(packages, " "), strings.Join(unwanted, " ")))
	return base, once(base, func(fresh string) error {
		mirror, err := debianMirror(ctx)
		if err != nil {
			return err
		}
		include := "--include=" + strings.Join(packages, ",")
		if err := run(ctx, "debootstrap", "--variant=minbase", include, suite, fresh, mirror); err != nil {
			return err
		}
		for _, name := range unwanted {
			if err := os.RemoveAll(filepath.Join(fresh, name)); err != nil {
				return fmt.Errorf("cannot make the guest smaller: %w", err)
			}
		}
		return nil
	})
}

// customise turns the base system into the test guest and installs the package.
func customise(ctx context.Context, root, rpm string, kernels ...Kernel) error {
	if err := copyTree(guestFiles, "guest", root); err != nil {
		return err
	}
	for _, unit := range masked {
		if err := os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system", unit)); err != nil {
			return fmt.Errorf("cannot mask %s: %w", unit, err)
		}
	}
	for _, unit := range []string{"test-shell.service", "test-block.service", "test-peer.service"} {
		link := filepath.Join(root, "etc/systemd/system/sysinit.target.wants", unit)
		if err := os.Symlink("../"+unit, link); err != nil {
			return fmt.Errorf("cannot enable %s: %w", unit, err)
		}
	}
	// An image that is to be cloned has no machine id.
	if err := os.WriteFile(filepath.Join(root, "etc/machine-id"), nil, 0o644); err != nil {
		return fmt.Errorf("cannot empty the machine id: %w", err)
	}
	// RHEL images let root in with a key and nobody with a password.
	if err := appendTo(filepath.Join(root, "etc/ssh/sshd_config"), "\nPermitRootLogin yes\nPasswordAuthentication no\n"); err != nil {
		return err
	}
	for _, kernel := range kernels {
		if err := run(ctx, "cp", "-a", kernel.Modules, filepath.Join(root, "usr/lib/")); err != nil {
			return err
		}
		if err := run(ctx, "chroot", root, "depmod", kernel.Release); err != nil {
			return err
		}
	}
	if err := run(ctx, "cp", rpm, filepath.Join(root, "cloudseed.rpm")); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"groupadd", "--system", "wheel"},
		// chrony by RHEL's names. It is off, so that only the guest that is to keep the time does.
		{"systemctl", "disable", "chrony.service"},
		{"mv", "/lib/systemd/system/chrony.service", "/lib/systemd/system/chronyd.service"},
		{"sed", "-i", "/^Alias=/d", "/lib/systemd/system/chronyd.service"},
		{"mv", "/etc/chrony/chrony.conf", "/etc/chrony.conf"},
		// Debian's rpm knows no package that a requirement could be met by.
		{"rpm", "-i", "--nodeps", "/cloudseed.rpm"},
		{"rm", "/cloudseed.rpm"},
	} {
		if err := run(ctx, "chroot", append([]string{root}, command...)...); err != nil {
			return err
		}
	}
	return nil
}

// debianMirror is where this machine's apt gets its packages from.
func debianMirror(ctx context.Context) (string, error) {
	out, err := output(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "security") {
			return line, nil
		}
	}
	return "", fmt.Errorf("cannot find a Debian mirror: apt knows none (has apt-get update run?)")
}

// once makes the file or directory at path by calling build with a name beside it,
// unless it is there. What was cut short is never taken for whole.
func once(path string, build func(fresh string) error) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("cannot remove what an earlier run left: %w", err)
	}
	if err := build(fresh); err != nil {
		return fmt.Errorf("cannot make %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("cannot put %s in its place: %w", filepath.Base(path), err)
	}
	return nil
}

// removeOld drops what was made from an earlier package: each is some 400 MB.
func removeOld(dir string, patterns ...string) error {
	for _, pattern := range patterns {
		old, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range old {
			if strings.HasSuffix(path, ".new") {
				continue
			}
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("cannot remove an old guest: %w", err)
			}
		}
	}
	return nil
}

// lock lets one process at a time build: `go test` runs packages side by side.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the guests' cache: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock the guests' cache: %w", err)
	}
	return func() { f.Close() }, nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("cannot find go.mod above the working directory")
}

// copyTree lays the files below from over root. embed keeps no modes: programs are
// what lies in an sbin directory.
func copyTree(tree fs.FS, from, root string) error {
	return fs.WalkDir(tree, from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		content, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(path)) == "sbin" {
			mode = 0o755
		}
		return os.WriteFile(to, content, mode)
	})
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:16]
}

func digestTree(tree fs.FS) (string, error) {
	var parts []string
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		parts = append(parts, path, string(content))
		return err
	})
	return digest(parts...), err
}

func run(ctx context.Context, name string, args ...string) error {
	_, err := output(ctx, name, args...)
	return err
}

// output runs a command and says what it said when it fails.
func output(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var out, errs strings.Builder
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		said := out.String() + errs.String()
		return "", fmt.Errorf("cannot run %s: %w: %s", name, err, said[max(0, len(said)-2000):])
	}
	return out.String(), nil
}
