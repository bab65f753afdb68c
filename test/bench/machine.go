package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"cloudseed/datasource/media/image"
	"cloudseed/test/seed"
)

// machine is what is booted: a root, and the drive that is attached to it.
type machine struct {
	root     string
	pristine string // the root's own files as they are before a first boot
	seed     string // what is on the drive
	drive    string // the loop device of the seed

	// The kernel can mount it. Where it cannot, who has it mounted gets the seed as a directory,
	// which costs it less.
	readsISO bool
}

// own are the directories that a machine does not share with this one.
var own = []string{"etc", "var/lib", "var/log", "var/cache", "root", "home", "run", "tmp", "dev", "proc", "sys", "usr", "opt/program", "opt/python"}

// settings of both programs: the disk that the root is on is this machine's.
const settings = `ssh_genkeytypes: [ed25519]
datasource_list: [ConfigDrive, NoCloud]
growpart: {mode: 'off'}
resize_rootfs: false
swap: {size: 0}
`

// interfaces is what oVirt's seed names as the network's configuration; cloud-init does not take a drive without it.
const interfaces = "auto eth0\niface eth0 inet static\n  address 192.0.2.10\n  netmask 255.255.255.0\n  gateway 192.0.2.1\n  dns-nameservers 192.0.2.53\n"

func newMachine(ctx context.Context, dir string) (*machine, error) {
	m := &machine{root: filepath.Join(dir, "root"), pristine: filepath.Join(dir, "pristine"), seed: filepath.Join(dir, "seed")}
	drive := filepath.Join(dir, "ovirt.iso")
	if err := os.CopyFS(m.seed, seed.OVirtFS()); err != nil {
		return nil, err
	}
	content := filepath.Join(m.seed, "openstack/content")
	if err := errors.Join(os.Mkdir(m.root, 0o755), os.Mkdir(content, 0o755), os.WriteFile(filepath.Join(content, "0000"), []byte(interfaces), 0o644),
		image.WriteISO(drive, "config-2", os.DirFS(m.seed))); err != nil {
		return nil, err
	}
	for _, d := range own {
		if err := os.MkdirAll(filepath.Join(m.pristine, d), 0o755); err != nil {
			return nil, err
		}
	}
	for _, command := range []string{
		"cp -a /etc/. " + m.pristine + "/etc",
		"rm -rf " + m.pristine + "/etc/cloud " + m.pristine + "/etc/ssh/ssh_host_*",
		"mkdir -p " + m.pristine + "/etc/cloud/cloud.cfg.d",
		"cp packaging/cloud.cfg " + m.pristine + "/etc/cloud/cloud.cfg",
		"cp packaging/05_logging.cfg " + m.pristine + "/etc/cloud/cloud.cfg.d/",
		"for d in bin sbin lib lib64; do ln -s usr/$d " + m.pristine + "/$d; done",
		"ip link set lo up && ip link add eth0 type veth peer name peer0",
	} {
		if _, err := shell(ctx, command); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(m.pristine, "etc/cloud/cloud.cfg.d/90_bench.cfg"), []byte(settings), 0o644); err != nil {
		return nil, err
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return nil, err
	}
	m.readsISO = strings.Contains(string(known), "iso9660")
	m.drive, err = shell(ctx, "losetup --read-only --find --show "+drive)
	return m, err
}

func (m *machine) close(ctx context.Context) error {
	_, err := shell(ctx, "losetup --detach "+m.drive)
	return err
}

// install makes the root one that was never booted, with a program's files in it.
func (m *machine) install(ctx context.Context, b booted, seeded bool) error {
	if _, err := shell(ctx, "rm -rf "+m.root+"; cp -a "+m.pristine+" "+m.root); err != nil {
		return err
	}
	for _, b := range append([]bind{{"/usr", "usr"}}, b.files...) {
		if err := unix.Mount(b.from, filepath.Join(m.root, b.to), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot mount %s: %w", b.from, err)
		}
	}
	if seeded && b.mounts && !m.readsISO {
		if err := os.CopyFS(filepath.Join(m.root, "var/lib/cloud/seed/config_drive"), os.DirFS(m.seed)); err != nil {
			return err
		}
	}
	return m.start(seeded)
}

// devices are those of the root, beside the drive.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// start mounts what a kernel and an init have at the start of a boot.
func (m *machine) start(seeded bool) error {
	for _, at := range []struct{ kind, dir string }{{"tmpfs", "run"}, {"tmpfs", "tmp"}, {"tmpfs", "dev"}, {"proc", "proc"}, {"sysfs", "sys"}} {
		if err := unix.Mount(at.kind, filepath.Join(m.root, at.dir), at.kind, 0, ""); err != nil {
			return fmt.Errorf("cannot mount %s: %w", at.dir, err)
		}
	}
	nodes := devices
	if seeded {
		nodes = append([]string{filepath.Base(m.drive)}, nodes...)
	}
	for _, name := range nodes {
		var st unix.Stat_t
		if err := unix.Stat("/dev/"+name, &st); err != nil {
			return err
		}
		if err := unix.Mknod(filepath.Join(m.root, "dev", name), st.Mode, int(st.Rdev)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(m.root, "dev/console"), nil, 0o600)
}

// stop unmounts what start mounted: the machine is off.
func (m *machine) stop() error {
	var errs []error
	for _, dir := range []string{"run", "tmp", "dev", "proc", "sys"} {
		errs = append(errs, unix.Unmount(filepath.Join(m.root, dir), unix.MNT_DETACH))
	}
	return errors.Join(errs...)
}

// remove unmounts what install mounted.
func (m *machine) remove(b booted) error {
	var errs []error
	for _, b := range append([]bind{{"/usr", "usr"}}, b.files...) {
		errs = append(errs, unix.Unmount(filepath.Join(m.root, b.to), unix.MNT_DETACH))
	}
	return errors.Join(errs...)
}

func shell(ctx context.Context, command string) (string, error) {
	out, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
