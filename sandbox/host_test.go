package sandbox

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/test/needs"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// takeSnapshot notes everything of the host that the tests' scripts try to
// change: files with their times, the directories they lie in, hostname, mounts,
// kernel settings.
func takeSnapshot(t *testing.T) map[string]string {
	t.Helper()
	snap := map[string]string{}
	for _, path := range []string{
		"/", "/etc", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid",
		"/etc/hostname", "/etc/hosts", "/etc/motd", "/etc/made-inside", "/etc/ssh", "/root", "/home", "/var", "/usr/bin",
		"/dev/null", "/dev/console", "/dev/pts", "/dev/shm", "/sys/kernel", "/run", "/boot", "/opt", "/srv", "/mnt",
	} {
		info, err := os.Lstat(path)
		if err != nil {
			snap[path] = "absent"
			continue
		}
		st := info.Sys().(*syscall.Stat_t)
		snap[path] = fmt.Sprint(info.Mode(), st.Uid, st.Gid, st.Nlink)
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			snap[path] += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		// Others work in /dev, /run and / meanwhile; in the rest nobody does.
		if strings.HasPrefix(path, "/etc/") || path == "/usr/bin" {
			snap[path] += fmt.Sprint(st.Mtim, st.Ctim)
		}
	}
	for _, file := range []string{
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname",
		"/proc/sys/vm/swappiness", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/core_pattern",
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		snap[file] = string(data)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		// Mounts in /tmp and /run come and go with other people's work.
		if point := strings.Fields(line)[4]; !within(point, "/tmp") && !within(point, "/run") || strings.Contains(line, "cloudseed rw") {
			snap["mounts"] += line
		}
	}
	return snap
}

func TestARealBootsWorkChangesNothingOutside(t *testing.T) {
	needs.Root(t)
	before := takeSnapshot(t)
	a := call{Script: `
		useradd -m -s /bin/sh -G users sandboxed || echo no useradd
		echo sandboxed:secret | chpasswd || echo no chpasswd
		grep -q '^sandboxed:\$' /etc/shadow || echo no password
		id -un sandboxed
		su sandboxed -c 'id -un; touch ~/mine; stat -c %U ~/mine'
		chown sandboxed:users /etc/profile; chmod 600 /etc/profile
		hostname inside; hostname; echo inside >/etc/hostname
		echo motd >/etc/motd
		rm -f /etc/group; mv /etc/ssh /etc/moved 2>/dev/null
		: >/dev/null; echo x >/dev/console; echo shm >/dev/shm/x; echo tmp >/tmp/x
		mkdir -p /run/cloud-init; echo '{}' >/run/cloud-init/status.json
		sync; rm -rf /usr/bin/*`}.make(t)
	if a.Err != "" {
		t.Fatal(a.Err)
	}
	if diff := cmp.Diff("sandboxed\nsandboxed\nsandboxed\ninside", a.Out); diff != "" {
		t.Error(diff)
	}
	for path, kind := range map[string]Kind{
		"/etc/passwd": Modified, "/etc/shadow": Modified, "/etc/profile": Modified, "/etc/group": Removed,
		"/home/sandboxed": Added, "/home/sandboxed/mine": Added, "/usr/bin/env": Removed,
		"/run/cloud-init": Added, "/run/cloud-init/status.json": Added,
	} {
		if !a.changed(kind, path) {
			t.Errorf("%s %s is not told", kind, path)
		}
	}
	for _, line := range a.Changes {
		path := strings.Fields(line)[1]
		if within(path, "/tmp") || within(path, "/dev") || within(path, Dir) || path == "/run/lock" || path == "/usr/bin" {
			t.Errorf("told without reason: %s", line)
		}
	}
	if diff := cmp.Diff(before, takeSnapshot(t)); diff != "" {
		t.Errorf("the host changed:\n%s", diff)
	}
}

// needsOwnRoot leaves a test out in a container, the root of which may have been moved
// over the host's mounts: see the package's comment on its limits.
func needsOwnRoot(t *testing.T) {
	t.Helper()
	if os.Getenv("container") != "" { // systemd's container interface
		needs.LeftOut(t, "a machine that is no container")
	}
}

// Each attempt must fail, with these words in what it prints.
func TestNoAttemptReachesTheHost(t *testing.T) {
	needs.Root(t)
	setup := `
		mount -t tmpfs tmpfs /mnt; mkdir /mnt/chroot; mknod /mnt/chroot/zero c 1 5
		mkdir /mnt/ro; mount -t tmpfs -o ro tmpfs /mnt/ro; mkdir /mnt/seed; echo text >/mnt/seed/user-data; mknod /mnt/seed/zero c 1 5`
	for name, c := range map[string]struct{ script, want string }{
		"write a sysctl":                 {"echo x >/proc/sys/kernel/hostname", "Read-only"},
		"write a network sysctl":         {"echo 1 >/proc/sys/net/ipv4/ip_forward", "Read-only"},
		"press SysRq":                    {"echo h >/proc/sysrq-trigger", "Read-only\nnonexistent"},
		"write to sysfs":                 {"echo 1 >/sys/kernel/profiling || mkdir /sys/x", "Read-only"},
		"make sysfs writable":            {"mount -o remount,rw /sys", "permission denied"},
		"make sysctls writable":          {"mount -o remount,bind,rw /proc/sys", "permission denied"},
		"uncover the writable sysctls":   {"umount /proc/sys", "not mounted"},
		"a second procfs":                {"mkdir /tmp/p; mount -t proc proc /tmp/p", "permission denied"},
		"a second sysfs":                 {"mkdir /tmp/p; mount -t sysfs sysfs /tmp/p", "permission denied"},
		"a nested namespace's procfs":    {"mkdir /tmp/p; unshare -pf mount -t proc proc /tmp/p", "permission denied"},
		"a nested namespace's sysfs":     {"mkdir /tmp/p; unshare -Urn mount -t sysfs sysfs /tmp/p", "permission denied"},
		"the host's devices":             {"mkdir /tmp/p; mount -t devtmpfs dev /tmp/p", "permission denied"},
		"a device node":                  {"mknod /root/disk b 254 0", "not permitted"},
		"a device node in /dev":          {"mknod /dev/disk b 254 0", "not permitted"},
		"a node in a lower directory":    {"head -c1 /mnt/chroot/zero", "Permission denied"},
		"chmod of a host's node":         {"chmod 600 /dev/null", "Read-only"},
		"unmount the overlay":            {"umount -l /", "not mounted"},
		"unmount what is below /":        {"umount -l /mnt/ro", "not mounted"},
		"unmount /run":                   {"umount -l /run", "not mounted"},
		"write to the seed":              {"echo x >" + SeedPath + "/user-data", "Read-only"},
		"a node in the seed":             {"head -c1 " + SeedPath + "/zero", "Permission denied"},
		"remove the seed":                {"rm " + SeedPath + "/user-data", "Read-only"},
		"make the seed writable":         {"mount -o remount,bind,rw " + SeedPath, "permission denied"},
		"make the seed's mount writable": {"mount -o remount,rw " + Dir, "permission denied"},
		"write to a read-only mount":     {"echo x >/mnt/ro/x", "Read-only"},
		"see the host's processes":       {"test $(ls -d /proc/[0-9]* | wc -l) -gt 5 || { echo alone; false; }", "alone"},
		"kill the keeper":                {"kill -9 1; sleep 0.1; echo alive >&2; false", "alive"},
		"the keeper's root":              {"ls /proc/1/root/", "Permission denied"},
		"the keeper's descriptors":       {"head -c1 /proc/1/fd/4", "Permission denied"},
		"the keeper's environment":       {"cat /proc/1/environ", "Permission denied"},
		"the keeper's memory":            {"head -c1 /proc/1/mem", "Permission denied"},
		"the keeper's namespace":         {"nsenter -t 1 -m true", "Permission denied\nnot permitted"},
		"set the clock":                  {`date -s "$(date)"`, "not permitted"},
		"more core":                      {"ulimit -c unlimited", "not permitted\nIllegal"},
		"the host's old root":            {"cd /; cd ..; cd ..; ls tmp/root proc/1/cwd/", "No such file\nPermission"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(name, "a nested namespace's") || name == "a second sysfs" {
				needsOwnRoot(t)
			}
			a := call{Setup: setup, Seed: "/mnt/seed", Script: c.script}.make(t)
			if a.Err != "" || a.Result.Exit == 0 {
				t.Fatalf("it worked: %+v", a)
			}
			if !slices.ContainsFunc(strings.Split(c.want, "\n"), func(w string) bool { return strings.Contains(a.Out, w) }) {
				t.Errorf("want %q, got %q", c.want, a.Out)
			}
		})
	}
}

func TestTheInsideHasOnlyItsOwnDescriptorsNetworkAndDevices(t *testing.T) {
	t.Parallel()
	a := call{Script: `
		exec 4</dev/null; ls /proc/self/fd | tr '\n' ' '; exec 4<&-
		readlink /proc/self/fd/0; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
		find /dev -type b; (: </dev/tty) 2>/dev/null || echo no terminal; ls /sys/fs/cgroup`}.make(t)
	want := "0 1 2 3 4 5 /dev/null\nlo\nno terminal"
	if diff := cmp.Diff(want, a.Out); diff != "" {
		t.Error(diff)
	}
}

func TestASocketOfTheHostCannotBeReached(t *testing.T) {
	t.Parallel()
	a := call{Setup: "mount -t tmpfs tmpfs /mnt", Socket: "/mnt/s", Script: programPath + " connect /mnt/s"}.make(t)
	if a.Result.Exit == 0 || !strings.Contains(a.Out, "connection refused") {
		t.Errorf("got %+v", a)
	}
	if len(a.Changes) > 0 {
		t.Errorf("changes: %v", a.Changes)
	}
}

func TestTheSeedIsShown(t *testing.T) {
	setup := "mount -t tmpfs tmpfs /mnt; echo text >/mnt/file; mkdir /mnt/dir; echo text >/mnt/dir/user-data; cd /mnt; "
	for name, c := range map[string]struct{ seed, setup, script, want string }{
		"a file":             {"/mnt/file", "", "cat " + SeedPath, "text"},
		"a directory":        {"/mnt/dir", "", "cat " + SeedPath + "/user-data", "text"},
		"a file of /tmp":     {"/tmp/file", "mount -t tmpfs tmpfs /tmp; echo tmp >/tmp/file", "cat " + SeedPath, "tmp"},
		"no seed":            {"", "", "ls " + Dir, "program"},
		"one that is absent": {"/mnt/nothing", "", "true", "cannot open /mnt/nothing: no such file or directory"},
		"one of no use":      {"/dev/null", "", "true", "cannot show the seed in the sandbox: /dev/null is no file, directory or block device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := call{Setup: setup + c.setup, Seed: c.seed, Script: c.script}.make(t)
			if got := a.Out + a.Err; got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

func TestADeviceAsTheSeedCanBeReadAndNotWritten(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	device := loopDevice(t, []byte("content of the disk"))
	a := call{Seed: device, Script: `
		head -c19 ` + SeedPath + `; echo; stat -c %F ` + SeedPath + `
		(echo bad >` + SeedPath + `) 2>&1 | sed 's/.*: //'
		chmod 666 ` + SeedPath + ` 2>&1 | sed 's/.*: //'
		(echo bad 1<>/proc/self/fd/9 ) 9<` + SeedPath + ` 2>&1 | sed 's/.*: //'`}.make(t)
	want := "content of the disk\nblock special file\nPermission denied\nRead-only file system\nPermission denied"
	if diff := cmp.Diff(want, a.Out); diff != "" || a.Err != "" {
		t.Error(a.Err, diff)
	}
}

func TestItSaysWhatItNeeds(t *testing.T) {
	t.Run("not root", func(t *testing.T) {
		t.Parallel()
		cmd := caller(t, call{})
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.Output()
		if want := "cannot make a sandbox: it needs root, because it overlays the whole file system"; err != nil || !strings.Contains(string(out), want) {
			t.Errorf("got %s, %v", out, err)
		}
	})
	t.Run("root without CAP_SYS_ADMIN", func(t *testing.T) {
		t.Parallel()
		a := call{DropCaps: true}.make(t)
		want := "a sandbox needs root with CAP_SYS_ADMIN, as on a real machine or in a privileged container"
		if !strings.HasPrefix(a.Err, "cannot make mount and PID namespaces: ") || !strings.HasSuffix(a.Err, want) {
			t.Errorf("got %q", a.Err)
		}
	})
	for name, setup := range map[string]string{
		"a chroot into a directory":   "for d in proc dev lib lib64 usr; do [ -e /$d ] || continue; mkdir $D/$d; mount --rbind /$d $D/$d; done",
		"a chroot into a mount point": "mount --rbind / $D",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := call{Setup: "D=" + dir + "; " + setup, Chroot: dir}.make(t)
			if !strings.Contains(a.Err, "not in a chroot") || strings.Contains(a.Err, "CAP_SYS_ADMIN") {
				t.Errorf("got %q", a.Err)
			}
		})
	}
	t.Run("no user namespaces, as on RHEL 7", func(t *testing.T) {
		t.Parallel()
		if err := needsUserNamespace(syscall.ENOSPC); !strings.Contains(err.Error(), "user.max_user_namespaces") {
			t.Error(err)
		}
	})
}
