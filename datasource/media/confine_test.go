package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"cloudseed/test/needs"
)

// confinedName is the argv[0] by which TestMain runs confinedMain.
const confinedName = "media confinement test"

var allocated []byte

// confinedMain confines itself and tries what it must not be able to do.
func confinedMain(command string) int {
	// A thread from before the filter must have it as well.
	attempts := make(chan func() string)
	answers := make(chan string)
	go func() {
		runtime.LockOSThread()
		for attempt := range attempts {
			answers <- attempt()
		}
	}()
	// A file open for writing in the place of the volume.
	scratch, err := os.CreateTemp("", "confined")
	if err != nil {
		return 3
	}
	os.Remove(scratch.Name())
	if err := unix.Dup3(int(scratch.Fd()), volumeFD, 0); err != nil && int(scratch.Fd()) != volumeFD {
		return 3
	}
	if path, ok := strings.CutPrefix(command, "open "); ok {
		_, err := Open(context.Background(), path, Superblock{Filesystem: ISO9660}, OpenOptions{NoMount: true, Confined: true})
		fmt.Println(err)
		return 0
	}
	if command == "privileges" {
		return showPrivileges()
	}
	if command == "files" {
		return tryFiles(attempts, answers)
	}
	missing, err := confine()
	if err != nil {
		fmt.Println("confine:", err)
		return 2
	}
	fmt.Println("missing:", missing)
	if command == "allocate" {
		allocated = make([]byte, 1<<30)
		for i := 0; i < len(allocated); i += 4096 {
			allocated[i] = 1
		}
		fmt.Println("allocated")
		return 0
	}
	for _, a := range forbidden() {
		fmt.Printf("%s: %s\n", a.name, a.attempt())
		attempts <- a.attempt
		fmt.Printf("%s on another thread: %s\n", a.name, <-answers)
	}
	runtime.GC() // must still work
	time.Sleep(time.Millisecond)
	fmt.Println("alive")
	return 0
}

// showPrivileges gives up what it may and prints what is left.
func showPrivileges() int {
	lack, err := dropPrivileges()
	if err != nil {
		fmt.Println(err)
		return 2
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		fmt.Println(err)
		return 3
	}
	fmt.Printf("lacks %q\n%s", lack, status)
	return 0
}

// tryFiles gives up files, by Landlock alone, and tries to have one.
func tryFiles(attempts chan<- func() string, answers <-chan string) int {
	if _, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		fmt.Println("before:", err)
		return 3
	}
	if lack, err := forbidFiles(); lack != "" || err != nil {
		fmt.Println(lack, err)
		return 2
	}
	for _, try := range []struct {
		name string
		do   func() error
	}{
		{"open", func() error { _, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_CLOEXEC, 0); return err }},
		{"list", func() error { _, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); return err }},
		{"create", func() error { return unix.Mkdir("/tmp/landlock-test", 0o700) }},
		{"execute", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
	} {
		attempt := func() string { return fmt.Sprint(try.do()) }
		fmt.Printf("%s: %s\n", try.name, attempt())
		attempts <- attempt
		fmt.Printf("%s on another thread: %s\n", try.name, <-answers)
	}
	return 0
}

type attempt struct {
	name    string
	attempt func() string
	want    string
}

func forbidden() []attempt {
	const refused = "operation not permitted"
	call := func(nr uintptr, args ...uintptr) func() string {
		return func() string {
			a := make([]uintptr, 6)
			copy(a, args)
			_, _, errno := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
			if errno == 0 {
				return "succeeded"
			}
			return errno.Error()
		}
	}
	path := uintptr(unsafe.Pointer(unsafe.StringData("/etc/passwd\x00")))
	at := ^uintptr(99) // AT_FDCWD, -100
	return []attempt{
		{"open a file", call(unix.SYS_OPENAT, at, path, unix.O_RDONLY), refused},
		{"make a socket", call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM), refused},
		{"fork", call(unix.SYS_CLONE, uintptr(unix.SIGCHLD)), refused},
		{"fork by clone3", call(unix.SYS_CLONE3, 0, 0), "function not implemented"},
		{"execute", call(unix.SYS_EXECVE, path), refused},
		{"kill", call(unix.SYS_KILL, uintptr(os.Getppid()), 0), refused},
		{"signal another's thread", call(unix.SYS_TGKILL, uintptr(os.Getppid()), uintptr(os.Getppid()), 0), refused},
		{"trace", call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, uintptr(os.Getppid())), refused},
		{"change a limit", call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE), refused},
		{"map memory to run", call(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, ^uintptr(0)), refused},
		{"make an anonymous file", call(unix.SYS_MEMFD_CREATE, path), refused},
		{"use io_uring", call(unix.SYS_IO_URING_SETUP, 1, path), refused},
		{"mount", call(unix.SYS_MOUNT, path, path, path), refused},
		{"become root again", call(unix.SYS_SETRESUID, 0, 0, 0), refused},
		{"duplicate a descriptor", call(unix.SYS_DUP, 0), refused},
		{"write to a file", call(unix.SYS_WRITE, volumeFD, path, 1), "file too large"},
	}
}

func confined(t *testing.T, command string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Args = []string{confinedName, command}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTheConfinedChildCanDoNothingElse(t *testing.T) {
	t.Parallel()
	out, err := confined(t, "forbidden")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, a := range forbidden() {
		for _, who := range []string{"", " on another thread"} {
			if line := a.name + who + ": " + a.want + "\n"; !strings.Contains(out, line) {
				t.Errorf("%q is not in\n%s", line, out)
			}
		}
	}
	if !strings.HasSuffix(out, "alive\n") {
		t.Errorf("the child did not live on:\n%s", out)
	}
}

func TestCapabilitiesAreGivenUpWhereThereIsNoOtherUser(t *testing.T) {
	t.Parallel()
	out := withoutOtherUsers(t, "privileges")
	const none = "0000000000000000\n"
	for _, want := range []string{"lacks \"a user of its own\"", "CapPrm:\t" + none, "CapEff:\t" + none, "CapAmb:\t" + none, "NoNewPrivs:\t1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestAVolumeIsRefusedWhereItsReaderIsNotConfinedWholly(t *testing.T) {
	t.Parallel()
	path := ownISO(t)
	want := "cannot read " + path + ": its reader cannot be confined, this machine lacks a user of its own\n"
	if got := withoutOtherUsers(t, "open "+path); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// withoutOtherUsers runs confinedMain in a user namespace that maps root alone.
func withoutOtherUsers(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Args = []string{confinedName, command}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		needs.LeftOut(t, "a user namespace")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestFilesAreGivenUpWithoutTheFilterToo(t *testing.T) {
	t.Parallel()
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version); errno != 0 {
		needs.Rare(t, "a kernel with Landlock")
	}
	out, err := confined(t, "files")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, what := range []string{"open", "list", "create", "execute"} {
		for _, who := range []string{"", " on another thread"} {
			if line := what + who + ": permission denied\n"; !strings.Contains(out, line) {
				t.Errorf("%q is not in\n%s", line, out)
			}
		}
	}
}

func TestTheConfinedChildCannotTakeAGigabyte(t *testing.T) {
	t.Parallel()
	out, err := confined(t, "allocate")
	if err == nil || strings.Contains(out, "allocated\n") || !strings.Contains(out, "cannot allocate memory") && !strings.Contains(out, "out of memory") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAReaderHasItsDeviceAndTwoPipesAndIsLimitedOnEveryThread(t *testing.T) {
	t.Parallel()
	path := ownISO(t)
	v := openImage(t, path)
	pid := v.fs.source.(*reader).cmd.Process.Pid
	proc := fmt.Sprintf("/proc/%d", pid)

	threads, err := os.ReadDir(proc + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		status := fields(t, filepath.Join(proc, "task", thread.Name(), "status"), ":")
		if status["Seccomp"] != "2" || status["NoNewPrivs"] != "1" {
			t.Errorf("thread %s: seccomp %s, no new privileges %s", thread.Name(), status["Seccomp"], status["NoNewPrivs"])
		}
		if os.Geteuid() == 0 && (strings.Fields(status["Uid"])[1] != "65534" || strings.Trim(status["CapPrm"]+status["CapEff"], "0") != "") {
			t.Errorf("thread %s: user %s, capabilities %s and %s", thread.Name(), status["Uid"], status["CapPrm"], status["CapEff"])
		}
	}
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	// The poller and its wake-up are the Go runtime's.
	count := map[string]int{}
	for _, f := range fds {
		target, err := os.Readlink(proc + "/fd/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(target, "pipe:") {
			target = "pipe"
		}
		count[target]++
	}
	want := map[string]int{"pipe": 3, path: 1, "anon_inode:[eventpoll]": 1, "anon_inode:[eventfd]": 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("descriptors: %s", diff)
	}
	limits := fields(t, proc+"/limits", "  ")
	for name, value := range map[string]string{
		"Max data size": fmt.Sprint(childMemory), "Max cpu time": fmt.Sprint(int(childCPU.Seconds())),
		"Max open files": "0", "Max file size": "0", "Max core file size": "0",
	} {
		if got := strings.Fields(limits[name]); len(got) < 2 || got[0] != value || got[1] != value {
			t.Errorf("%s: %v, want %s", name, got, value)
		}
	}
	environ, err := os.ReadFile(proc + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(environ), "PATH=") || !strings.Contains(string(environ), childMark) {
		t.Errorf("environment %q", environ)
	}
}

// fields reads a file of lines "name separator value".
func fields(t *testing.T, path, separator string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), separator)
		m[name] = strings.TrimSpace(value)
	}
	return m
}

func TestOnlyAKernelWithoutSeccompLeavesTheFilterOut(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		thread uintptr
		errno  unix.Errno
		lack   string
		fails  string
	}{
		"it worked":                      {},
		"a kernel without seccomp":       {errno: unix.ENOSYS, lack: "seccomp"},
		"a thread that is not filtered":  {thread: 1234, fails: "thread 1234 cannot be filtered"},
		"a kernel without filters":       {errno: unix.EINVAL, fails: "cannot filter its system calls: invalid argument"},
		"no right to filter":             {errno: unix.EACCES, fails: "cannot filter its system calls: permission denied"},
		"no memory for the filter":       {errno: unix.ENOMEM, fails: "cannot filter its system calls: cannot allocate memory"},
		"a filter that cannot be copied": {errno: unix.EFAULT, fails: "cannot filter its system calls: bad address"},
	} {
		lack, err := filtered(row.thread, row.errno)
		if lack != row.lack || (err == nil) != (row.fails == "") || err != nil && !strings.Contains(err.Error(), row.fails) {
			t.Errorf("%s: %q, %v", name, lack, err)
		}
	}
}

func TestAVolumeSaysWhatItsReaderLacks(t *testing.T) {
	t.Parallel()
	g := greeting{folds: true, missing: []string{"seccomp", "a filter of system calls for ppc64le"}, notes: []string{"odd"}}
	if got := decodeGreeting(g.encode()); !cmp.Equal(got, g, cmp.AllowUnexported(greeting{})) {
		t.Errorf("the parent understands %+v", got)
	}
	v := openImage(t, ownISO(t))
	if missing := v.Missing(); missing != nil {
		t.Errorf("this machine lacks %q", missing)
	}
	v.fs.source.(*reader).greeting = g
	if got := v.Missing(); len(got) != 2 {
		t.Errorf("the volume says %q", got)
	}
}
