package differential

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"cloudseed/modules"
)

// machine is what both agents are given: a root as a small RHEL has it, with stand-ins for
// its programs, and the seed of an instance.
type machine struct {
	name    string
	modules []string          // that run, in the order of a boot
	user    string            // user data
	meta    string            // metadata
	files   map[string]string // beside those of every machine, by their paths; of a directory that ends in a slash ""
	answers []answer          // of stand-ins
	without []string          // programs that the machine lacks
	exact   bool              // comments in files are compared too: they are the user's
}

// answer is what a stand-in says when its arguments begin so.
type answer struct {
	Prefix string `json:"prefix"`
	Exit   int    `json:"exit"`
	Stdout string `json:"stdout"`
}

// programs are what a root has; each is the stand-in.
var programs = strings.Fields(`
	ansible ansible-galaxy ansible-playbook ansible-pull bash blkid blockdev btrfs cat chattr chef-client chpasswd chronyc chronyd cryptsetup curl dd
	dmidecode dnf fallocate findmnt gem getent git gpasswd groupadd growpart hostname hostnamectl ifconfig ip localectl lsblk lvs mkfs mkfs.btrfs mkfs.ext4 mkfs.vfat mkfs.xfs
	mkswap modprobe mount mountpoint nmcli partprobe partx passwd perl ps puppet pvs python3 reboot resize2fs restorecon rhnreg_ks rpm rsyslogd salt-call
	salt-minion service sfdisk sgdisk sh shutdown ssh-keygen sshd su subscription-manager swapoff swapon systemctl systemd-detect-virt timedatectl tune2fs udevadm umount
	update-ca-trust useradd usermod vgs visudo wall wg wg-quick wipefs xfs_growfs yum`)

// base are the files of every root.
var base = map[string]string{
	"/etc/passwd":      "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\nold:x:1000:1000::/home/old:/bin/bash\n",
	"/etc/shadow":      "root:!locked::0:99999:7:::\nbin:*:19000:0:99999:7:::\nold:$6$salt$hash:19000:0:99999:7:::\n",
	"/etc/group":       "root:x:0:\nbin:x:1:\nadm:x:4:\nwheel:x:10:\nusers:x:100:\nsystemd-journal:x:190:\nold:x:1000:\nssh_keys:x:999:\n",
	"/etc/gshadow":     "root:::\n",
	"/etc/os-release":  rhel + "ID_LIKE=\"fedora\"\n",
	"/etc/hosts":       "127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n::1         localhost localhost.localdomain localhost6 localhost6.localdomain6\n",
	"/etc/hostname":    "localhost.localdomain\n",
	"/etc/fstab":       "UUID=1111-2222 / xfs defaults 0 0\n",
	"/etc/locale.conf": "LANG=en_US.UTF-8\n",
	"/etc/sudoers":     "root ALL=(ALL) ALL\n#includedir /etc/sudoers.d\n",
	"/etc/shells":      "/bin/sh\n/bin/bash\n/usr/bin/sh\n/usr/bin/bash\n/sbin/nologin\n",
	"/etc/sudoers.d/":  "", "/etc/yum.repos.d/": "", "/etc/sysconfig/": "", "/etc/rsyslog.d/": "", "/etc/udev/rules.d/": "",
	"/etc/ssh/sshd_config":            "Include /etc/ssh/sshd_config.d/*.conf\n\nPermitRootLogin prohibit-password\nAuthorizedKeysFile .ssh/authorized_keys\n",
	"/etc/ssh/sshd_config.d/":         "",
	"/etc/localtime":                  "UTC\n",
	"/usr/share/zoneinfo/UTC":         "UTC\n",
	"/usr/share/zoneinfo/Europe/Rome": "Rome\n",
	"/proc/cmdline":                   "BOOT_IMAGE=/vmlinuz root=UUID=1111-2222 ro\n",
	"/proc/uptime":                    "100.00 200.00\n",
	"/proc/mounts":                    "/dev/vda1 / xfs rw,relatime 0 0\n",
	"/proc/self/mountinfo":            "21 1 252:1 / / rw,relatime shared:1 - xfs /dev/vda1 rw\n",
	"/proc/swaps":                     "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
	"/proc/meminfo":                   "MemTotal:        2048000 kB\nMemFree:         1024000 kB\nMemAvailable:    1524000 kB\n",
	"/proc/1/cmdline":                 "/usr/lib/systemd/systemd\x00",
	"/proc/1/environ":                 "container=\x00",
	"/dev/null":                       "", "/dev/console": "", "/dev/urandom": "", "/dev/kmsg": "", "/dev/pts/": "",
	"/home/old/": "", "/root/": "", "/var/log/": "", "/var/tmp/": "", "/tmp/": "", "/run/": "", "/run/systemd/system/": "", "/sys/class/net/": "", "/sys/class/block/": "", "/mnt/": "",
}

// rhelConfiguration is RHEL's, with the datasource of the test and no network.
const rhelConfiguration = `users: [default]
disable_root: true
ssh_pwauth: false
mount_default_fields: [~, ~, auto, "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev", "0", "2"]
preserve_hostname: false
ssh_deletekeys: true
ssh_genkeytypes: [rsa, ecdsa, ed25519]
syslog_fix_perms: ~
datasource_list: [NoCloud]
network: {config: disabled}
system_info:
  distro: rhel
  default_user:
    name: cloud-user
    lock_passwd: true
    gecos: Cloud User
    groups: [adm, systemd-journal]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
  network:
    renderers: [sysconfig, eni, netplan, network-manager, networkd]
  paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}
  ssh_svcname: sshd
`

// lists are the lists of cloud.cfg, with the modules of a case.
func lists(t testing.TB, names []string) string {
	t.Helper()
	byStage := map[modules.Stage][]string{}
	for _, m := range modules.All() {
		if slices.Contains(names, m.Name) {
			byStage[m.Stage] = append(byStage[m.Stage], m.Name)
		}
	}
	for _, name := range names {
		if _, ok := modules.Find(name); !ok {
			t.Fatalf("there is no module %s", name)
		}
	}
	var b strings.Builder
	for _, stage := range []modules.Stage{modules.InitStage, modules.ConfigStage, modules.FinalStage} {
		fmt.Fprintf(&b, "%s: [%s]\n", stage, strings.Join(byStage[stage], ", "))
	}
	return b.String()
}

// build makes the machine's root below a new directory.
func (m machine) build(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(root, 0o755))
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "standin"} {
		must(os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, dir := range []string{"bin", "sbin", "lib"} {
		must(os.Symlink("usr/"+dir, filepath.Join(root, dir)))
	}
	must(os.Mkdir(filepath.Join(root, "dev"), 0o755))
	must(os.Symlink("pts/ptmx", filepath.Join(root, "dev/ptmx")))
	must(os.Link(built.standin, filepath.Join(root, "standin/standin")))
	must(os.Link(built.cloudseed, filepath.Join(root, "standin/cloudseed")))
	for _, name := range programs {
		if !slices.Contains(m.without, name) {
			must(os.Symlink("/standin/standin", filepath.Join(root, "usr/bin", name)))
		}
	}
	put := func(path, content string) {
		at := filepath.Join(root, path)
		if strings.HasSuffix(path, "/") {
			must(os.MkdirAll(at, 0o755))
			return
		}
		must(os.MkdirAll(filepath.Dir(at), 0o755))
		must(os.WriteFile(at, []byte(content), 0o644))
	}
	for path, content := range base {
		put(path, content)
	}
	must(os.Chmod(filepath.Join(root, "etc/shadow"), 0o600))
	must(os.Chmod(filepath.Join(root, "root"), 0o700))
	must(os.Chmod(filepath.Join(root, "tmp"), 0o1777))
	must(os.Chown(filepath.Join(root, "home/old"), 1000, 1000))
	must(os.Chmod(filepath.Join(root, "home/old"), 0o700))
	// cloud-init's own templates.
	must(os.CopyFS(filepath.Join(root, "etc/cloud/templates"), os.DirFS(filepath.Join(built.package_, "etc/cloud/templates"))))
	for path, content := range m.files {
		put(path, content)
	}
	put("/etc/cloud/cloud.cfg", rhelConfiguration+lists(t, m.modules))
	const seed = "/var/lib/cloud/seed/nocloud/"
	put(seed+"meta-data", "instance-id: i-1\n"+m.meta)
	user := m.user
	if !strings.HasPrefix(user, "#") {
		user = "#cloud-config\n" + user
	}
	put(seed+"user-data", user)
	if len(m.answers) > 0 {
		data, err := json.Marshal(m.answers)
		must(err)
		put("/standin/answers", string(data))
	}
	return root
}

// built are the programs of all roots, and cloud-init's package.
var built struct{ standin, cloudseed, package_ string }

// buildPrograms builds them once.
func buildPrograms(ctx context.Context, dir, packages string) error {
	built.package_ = filepath.Clean(filepath.Join(packages, "../../../.."))
	for program, to := range map[string]*string{"cloudseed/test/differential/standin": &built.standin, "cloudseed/cmd/cloudseed": &built.cloudseed} {
		*to = filepath.Join(dir, filepath.Base(program))
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", *to, program)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w: %s", program, err, out)
		}
	}
	return nil
}

// kernelHostname is the name that the kernel has before a boot.
const kernelHostname = "localhost.localdomain"

// bootTheirs has cloud-init boot the machine.
func bootTheirs(t testing.TB, m machine) booted {
	t.Helper()
	root := m.build(t)
	before := snapshot(t, root)
	result, err := realModules.Boot(root, kernelHostname)
	if err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	o := changes(t, m, root, before)
	o.files["hostname of the kernel"] = result.Hostname + "\n"
	o.files["console"] = result.Console
	o.said = strings.Join(result.Warnings, "\n")
	remove(t, root)
	for name, failure := range result.Failed {
		if strings.Contains(failure, "ModuleNotFoundError") || strings.Contains(failure, "ImportError") {
			t.Fatalf("%s: cloud-init lacks a part of Python in the root: %s", m.name, failure)
		}
		o.said += "\n" + name + " failed: " + failure
	}
	return o
}

// bootOurs has cloudseed boot the machine.
func bootOurs(t testing.TB, m machine) booted {
	t.Helper()
	root := m.build(t)
	before := snapshot(t, root)
	said, shown := runOurs(t, m, root)
	o := changes(t, m, root, before)
	hostname, err := os.ReadFile(filepath.Join(root, "standin/hostname"))
	if err != nil {
		t.Fatal(err)
	}
	o.files["hostname of the kernel"] = string(hostname)
	o.files["console"], o.said = shown, said
	remove(t, root)
	return o
}

// runOurs has cloudseed boot a root: all stages in one process's namespaces, so that the kernel's
// hostname lasts from one to the next. It gives what was said and what was shown on the console.
func runOurs(t testing.TB, m machine, root string) (said, shown string) {
	t.Helper()
	var output bytes.Buffer
	terminal, console := openTerminal(t)
	seen := make(chan string)
	go func() {
		text, _ := io.ReadAll(terminal) // the error is its end
		seen <- string(text)
	}()
	cmd := exec.CommandContext(t.Context(), built.standin)
	cmd.Args = []string{
		"boot", kernelHostname, root, console.Name(), "/standin/cloudseed", "init --local", "init", "modules --mode config", "modules --mode final",
	}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin", "HOME=/root", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
	}
	err := cmd.Run()
	if closed := console.Close(); err != nil || closed != nil {
		t.Fatalf("%s: cloudseed: %v\n%s", m.name, errors.Join(err, closed), &output)
	}
	return output.String(), <-seen
}

// remove gives the room of a root back when it was looked at: thousands are made in memory.
func remove(t testing.TB, root string) {
	t.Helper()
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
}

// openTerminal gives both ends of a terminal that passes on what is written as it is.
func openTerminal(t testing.TB) (terminal, console *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() }) // it is read to its end
	fd := int(terminal.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	if console, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	raw, err := unix.IoctlGetTermios(int(console.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ICANON
	if err := unix.IoctlSetTermios(int(console.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	return terminal, console
}

// booted is what a boot did to a machine.
type booted struct {
	files map[string]string // what it changed, by paths: mode, owner and content
	calls []call
	said  string // warnings and errors: they are shown with a failure, and not compared
}

// call is a program that was run.
type call struct {
	Argv   []string
	Stdin  string
	Env    []string
	Script string // what a shell was to run
}

func readCalls(t testing.TB, root string) []call {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "standin/calls"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var calls []call
	for line := range strings.Lines(string(data)) {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	return calls
}

// String is a call as a shell's user would write it, what it was given below.
func (c call) String() string {
	var b strings.Builder
	for i, arg := range c.Argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if arg == "" || strings.ContainsAny(arg, " \t\n\"'\\") {
			arg = strconv.Quote(arg)
		}
		b.WriteString(arg)
	}
	for _, v := range c.Env {
		b.WriteString("\n  with " + v)
	}
	for _, given := range []struct{ mark, text string }{{"  < ", c.Stdin}, {"  | ", c.Script}} {
		for line := range strings.Lines(given.text) {
			b.WriteString("\n" + given.mark + strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String() + "\n"
}

// withoutComments leaves out of a generated file what is in each agent's own words.
func withoutComments(path, content string) string {
	if strings.HasPrefix(content, "#!") || within(path, []string{"/dev", "/var/lib/cloud", "/home", "/root"}) {
		return content
	}
	var b strings.Builder
	for line := range strings.Lines(content) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "#include") || strings.HasPrefix(trimmed, ";") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// entry is a file of a root.
type entry struct {
	mode     fs.FileMode
	uid, gid uint32
	content  string
}

// left are paths below a root that are not compared: an agent's own state, and what its user
// wrote there is compared by itself.
var left = []string{"/run/systemd/private", "/dev/console", "/dev/pts", "/dev/ptmx", "/standin", "/var/log", "/run/cloud-init", "/var/lib/cloud", "/proc", "/dev/kmsg", "/usr/bin", "/usr/lib", "/sys"}

// compared are paths below those that are.
var compared = []string{"/var/lib/cloud/instances/i-1/scripts", "/var/lib/cloud/scripts", "/var/lib/cloud/data/set-hostname", "/var/lib/cloud/data/previous-hostname"}

func within(path string, of []string) bool {
	return slices.ContainsFunc(of, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}

// snapshot is all that is compared of a root.
func snapshot(t testing.TB, root string) map[string]entry {
	t.Helper()
	all := map[string]entry{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		if within(name, left) && !within(name, compared) {
			if d.IsDir() && !slices.ContainsFunc(compared, func(k string) bool { return strings.HasPrefix(k, name+"/") }) {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		e := entry{mode: info.Mode(), uid: stat.Uid, gid: stat.Gid}
		switch {
		case info.Mode().IsRegular() && info.Size() > 1<<20:
			e.content = fmt.Sprintf("%d bytes\n", info.Size())
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			e.content = string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			e.content = "-> " + to + "\n"
		}
		if d.IsDir() && within(name, compared) {
			return nil // what is in it is compared
		}
		all[name] = e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// changes is what a boot made of a root: what it wrote or removed, and the programs that it ran.
func changes(t testing.TB, m machine, root string, before map[string]entry) booted {
	t.Helper()
	o := booted{files: map[string]string{}}
	after := snapshot(t, root)
	for path, e := range after {
		if b, ok := before[path]; ok && b == e {
			continue
		}
		content := e.content
		if !m.exact {
			content = withoutComments(path, content)
		}
		o.files[path] = fmt.Sprintf("%s %d:%d\n%s", e.mode, e.uid, e.gid, content)
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			o.files[path] = "removed\n"
		}
	}
	o.calls = readCalls(t, root)
	return o
}
