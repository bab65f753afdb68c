package sandbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// programPath is a copy of this program: its own path may be hidden by a fresh
// directory, and no descriptor of the host's file is within reach.
const programPath = Dir + "/program"

// deviceNames are the nodes of /dev, none of which holds the host's data.
var deviceNames = []string{"null", "zero", "full", "random", "urandom", "tty"}

// openDevices opens the host's nodes; what a container lacks, the sandbox lacks.
func (b *builder) openDevices() error {
	for _, name := range deviceNames {
		f, err := openPath("/dev/" + name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		b.devices = append(b.devices, f)
	}
	return nil
}

// furnish mounts what every running system has and the overlays do not.
func (b *builder) furnish() error {
	if err := bindReadOnly(fdPath(b.sys), "/sys", unix.MS_NODEV); err != nil {
		return fmt.Errorf("cannot show /sys: %w", refusal(err))
	}
	if err := protectProc(); err != nil {
		return err
	}
	for _, t := range []struct {
		target, options string
		flags           uintptr
	}{
		{"/dev", "mode=0755", unix.MS_NOEXEC},
		{"/dev/shm", "mode=1777", 0},
		{"/run", "mode=0755", 0},
		{staging, "mode=1777", 0},
	} {
		if err := os.MkdirAll(t.target, 0o755); err != nil {
			return fmt.Errorf("cannot make %s: %w", t.target, err)
		}
		if err := unix.Mount("tmpfs", t.target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|t.flags, t.options); err != nil {
			return fmt.Errorf("cannot mount a tmpfs on %s: %w", t.target, refusal(err))
		}
	}
	if err := b.makeDevices(); err != nil {
		return err
	}
	run, err := os.OpenRoot("/run")
	if err != nil {
		return fmt.Errorf("cannot open /run: %w", err)
	}
	if err := run.Mkdir("lock", 0o755); err != nil {
		return fmt.Errorf("cannot make /run/lock: %w", err)
	}
	own := []string{"lock", filepath.Base(Dir)}
	b.tree.layers = append(b.tree.layers, layer{point: "/run", upper: run, own: own})
	return b.makeDir()
}

// protectProc makes read-only all of /proc that is not a process's: those files
// ask for root's id, which the inside has, and not for a capability, which it
// lacks (/proc/sys, /proc/sysrq-trigger, /proc/irq).
func protectProc() error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("cannot list /proc: %w", err)
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("cannot list /proc: %w", err)
		}
		if !info.IsDir() && (!info.Mode().IsRegular() || info.Mode().Perm()&0o222 == 0) {
			continue
		}
		path := "/proc/" + e.Name()
		if err := bindReadOnly(path, path, unix.MS_NODEV); err != nil {
			return fmt.Errorf("cannot protect %s: %w", path, refusal(err))
		}
	}
	return nil
}

// makeDevices fills /dev. The nodes are the host's own, bound read-only: they can
// be read and written, but not chmodded for the host as well.
func (b *builder) makeDevices() error {
	for _, f := range b.devices {
		if err := bindFile(fdPath(f), "/dev/"+deviceNameOf(f), 0); err != nil {
			return err
		}
		// What is written to the console must not appear on the host's.
		if deviceNameOf(f) == "null" {
			if err := bindFile(fdPath(f), "/dev/console", 0); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir("/dev/pts", 0o755); err != nil {
		return fmt.Errorf("cannot make /dev/pts: %w", err)
	}
	// gid 5 is tty in every distribution.
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
	if err != nil {
		return fmt.Errorf("cannot mount /dev/pts: %w", refusal(err))
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return fmt.Errorf("cannot make /dev/%s: %w", name, err)
		}
	}
	return nil
}

// makeDir makes Dir: a file system of its own, so that the seed's device can be
// opened there and nowhere else, and read-only at the end.
func (b *builder) makeDir() error {
	if err := os.Mkdir(Dir, 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w", Dir, err)
	}
	if err := unix.Mount("tmpfs", Dir, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("cannot mount a tmpfs on %s: %w", Dir, refusal(err))
	}
	if err := copyProgram(); err != nil {
		return fmt.Errorf("cannot copy this program into the sandbox: %w", err)
	}
	if b.seed != nil {
		if err := b.showSeed(); err != nil {
			return fmt.Errorf("cannot show the seed in the sandbox: %w", refusal(err))
		}
	}
	if err := unix.Mount("", Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, ""); err != nil {
		return fmt.Errorf("cannot make %s read-only: %w", Dir, err)
	}
	return nil
}

func copyProgram() error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(programPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// showSeed puts the seed at SeedPath. A device gets a node of its own, because a
// read-only mount does not stop writing to the device behind it; see nobody.
func (b *builder) showSeed() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(b.seed.Fd()), &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		if err := unix.Mknod(SeedPath, unix.S_IFBLK|0o444, int(st.Rdev)); err != nil {
			return err
		}
		if err := os.Lchown(SeedPath, nobody, nobody); err != nil {
			return err
		}
		return unix.Chmod(SeedPath, 0o444)
	case unix.S_IFDIR:
		if err := os.Mkdir(SeedPath, 0o755); err != nil {
			return err
		}
		return bindReadOnly(fdPath(b.seed), SeedPath, unix.MS_NODEV)
	case unix.S_IFREG:
		return bindFile(fdPath(b.seed), SeedPath, unix.MS_NODEV)
	}
	return fmt.Errorf("%s is no file, directory or block device", b.seed.Name())
}
