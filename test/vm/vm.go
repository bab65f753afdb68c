// Package vm boots the test guest in QEMU, from a disk image and with a kernel of its
// own: what a container cannot show is shown here - real drives that udev's drivers
// find, hot plugging, a power cut that loses whatever was not on the disk, a login on
// the console.
//
// In come seeds, out goes a running guest that takes shell scripts. The package never
// knows what a test looks for. Every wait has a limit, and every QEMU ends with the
// test that started it.
package vm

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudseed/test/image"
)

// Limits on what is waited for: many times what it takes under emulation on two busy
// cores, so that they are only reached when something hangs.
const (
	bootLimit  = 20 * time.Minute
	shellLimit = 10 * time.Minute
	stopLimit  = 10 * time.Minute
	qmpLimit   = 30 * time.Second
)

// Machine is a virtual machine that is switched off: a disk over the guest's image. It
// may be started again and again.
type Machine struct {
	t     testing.TB
	image *image.Image
	base  image.Disk
	disk  string // over the base's
}

// Options say how a machine is started. The zero value is a machine without a seed.
type Options struct {
	Medium string  // image file of the seed's medium; "": there is none
	Bus    Bus     // "" is IDE
	Beside []Drive // drives beside the seed's
	Plug   func()  // with SCSI only: the medium is plugged in when it returns
	NICs   []NIC   // in place of the one on the oVirt seed's network
	Word   string  // a word on the kernel's command line
	SMBIOS string  // fields of SMBIOS's system information, as QEMU's -smbios has them

	// Recorded has what the guest writes to its disk recorded, for Writes.
	Recorded bool

	// Counted has the guest's clock count instructions, one for a nanosecond: CPU times
	// then depend neither on the machine below nor on its load. It is slow.
	Counted bool
}

// Running is a machine that was started.
type Running struct {
	*Machine
	Console *Port
	started time.Time
	qemu    *exec.Cmd
	qmp     *qmp
	shell   *Port
	ready   bool          // the shell has said so
	done    chan struct{} // closed when QEMU has ended
	ended   error         // how; to be read once done is closed
	kill    sync.Once
}

// New makes a machine with a fresh disk over the image.
func New(t testing.TB, i *image.Image) *Machine {
	t.Helper()
	return NewOn(t, i, image.Ext4, 0)
}

// NewOn makes a machine whose disk has the layout, and is larger than that by so many bytes.
func NewOn(t testing.TB, i *image.Image, layout image.Layout, room int64) *Machine {
	t.Helper()
	base, err := i.Disk(t.Context(), layout)
	if err != nil {
		t.Fatal(err)
	}
	return over(t, i, base, room)
}

// over makes a machine with a fresh disk over another.
func over(t testing.TB, i *image.Image, base image.Disk, room int64) *Machine {
	t.Helper()
	info, err := os.Stat(base.Path)
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{t: t, image: i, base: base, disk: filepath.Join(t.TempDir(), "disk.qcow2")}
	size := strconv.FormatInt(info.Size()+room, 10)
	out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.Path, m.disk, size).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot make the machine's disk: %v: %s", err, out)
	}
	return m
}

// Start switches the machine on.
func (m *Machine) Start(o Options) *Running {
	m.t.Helper()
	// The paths of Unix sockets are short; those of a test's own directory are not.
	dir, err := os.MkdirTemp("", "vm")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { os.RemoveAll(dir) })
	r := &Running{Machine: m, done: make(chan struct{})}
	r.Console = listen(m.t, filepath.Join(dir, "console"))
	r.shell = listen(m.t, filepath.Join(dir, "shell"))
	control := listen(m.t, filepath.Join(dir, "qmp"))

	said, err := os.Create(filepath.Join(dir, "qemu"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer said.Close()
	r.qemu = exec.Command("qemu-system-x86_64", m.arguments(dir, o)...)
	r.qemu.Stdout, r.qemu.Stderr = said, said
	r.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.started = time.Now()
	if err := r.qemu.Start(); err != nil {
		m.t.Fatalf("cannot start QEMU: %v", err)
	}
	go func() {
		r.ended = r.qemu.Wait()
		close(r.done)
	}()
	m.t.Cleanup(r.Kill)
	m.t.Cleanup(func() {
		if m.t.Failed() {
			text, err := os.ReadFile(said.Name())
			m.t.Logf("QEMU said (%v): %s\nthe guest's console:\n%s", err, text, r.Console.Text())
		}
	})

	r.qmp = &qmp{t: m.t, port: control}
	r.qmp.open()
	if o.Plug != nil {
		o.Plug()
		r.qmp.execute("device_add", map[string]any{"driver": "scsi-cd", "drive": "seed", "bus": "scsi0.0"})
	}
	return r
}

// arguments are QEMU's: a PC with a disk on virtio, as oVirt's and most other hosts
// give it.
func (m *Machine) arguments(dir string, o Options) []string {
	accel := os.Getenv("ACCEL") // KVM cannot be counted on
	if accel == "" {
		accel = "tcg,thread=multi"
	}
	// On a machine that is busy with other things nothing in the guest times out then.
	counted := o.Counted || os.Getenv("COUNTED") != ""
	port := func(name string) string {
		return "socket,id=" + name + ",path=" + filepath.Join(dir, name)
	}
	cpus := "2"
	if counted {
		accel, cpus = "tcg,thread=single", "1" // with a second one the kernel waits for it for ever
	}
	kernel := m.base.Kernel
	if slices.ContainsFunc(o.drives(), func(d Drive) bool { return d.Bus == Floppy }) {
		var err error
		if kernel, err = m.image.FloppyKernel(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
	}
	args := []string{
		"-accel", accel, "-cpu", "max", "-smp", cpus, "-m", "1024", "-machine", "pc", "-nodefaults",
		"-display", "none", "-no-reboot",
		"-kernel", kernel.Image, "-initrd", kernel.Initramfs,
		"-append", "console=ttyS0 " + m.base.Words + " rw net.ifnames=0 quiet systemd.show_status=yes" + peerWanted(o.NICs) + " " + o.Word,
		"-chardev", port("console"), "-serial", "chardev:console",
		"-chardev", port("shell"), "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell,name=shell",
		"-chardev", port("qmp"), "-mon", "chardev=qmp,mode=control",
		// Not cache.no-flush: it keeps the tables of the qcow2 file in QEMU's memory even
		// when the guest asks for a flush, and a power cut would lose what it never does.
		"-blockdev", "driver=qcow2,node-name=disk,file.driver=file,file.filename=" + m.disk,
	}
	root := "disk"
	if o.Recorded {
		root = "recorded"
		args = append(args, "-blockdev", "driver=blklogwrites,node-name=recorded,file=disk,log.driver=file,log.filename="+m.record())
	}
	args = append(args, "-device", "virtio-blk-pci,drive="+root)
	args = append(args, networkArguments(o.NICs)...)
	if counted {
		args = append(args, "-icount", "shift=0")
	}
	if o.SMBIOS != "" {
		args = append(args, "-smbios", "type=1,"+o.SMBIOS)
	}
	return append(args, driveArguments(o)...)
}

// Boot switches the machine on and returns when its boot is finished.
func (m *Machine) Boot(o Options) *Running {
	m.t.Helper()
	r := m.Start(o)
	r.WaitBooted()
	return r
}

// WaitBooted returns when the guest's boot is finished.
func (r *Running) WaitBooted() {
	r.t.Helper()
	result := r.try("systemctl is-system-running --wait", bootLimit)
	if result.Output != "running" && result.Output != "degraded" {
		r.t.Fatalf("the guest's boot does not end: %+v", result)
	}
	r.t.Logf("boot: %.1f s, guest's clock: %s s", time.Since(r.started).Seconds(), r.Shell("cut -d' ' -f1 /proc/uptime"))
}

// Result is what a script in the guest did.
type Result struct {
	Output string // standard output and error, without the last newline
	Exit   int
}

// Try runs a shell script in the guest.
func (r *Running) Try(script string) Result {
	r.t.Helper()
	return r.try(script, shellLimit)
}

// try hands the script to the guest's test shell (test/image/guest) and reads its answer.
func (r *Running) try(script string, limit time.Duration) Result {
	r.t.Helper()
	r.send(script)
	answer := r.line(r.shell, limit)
	exit, encoded, _ := strings.Cut(strings.TrimSpace(answer), " ")
	output, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		r.t.Fatalf("the test shell's answer is broken: %q", answer)
	}
	code, err := strconv.Atoi(exit)
	if err != nil {
		r.t.Fatalf("the test shell's answer is broken: %q", answer)
	}
	return Result{Output: strings.TrimSuffix(string(output), "\n"), Exit: code}
}

// send hands a script over, once the test shell has said that it is there.
func (r *Running) send(script string) {
	r.t.Helper()
	if !r.ready {
		r.line(r.shell, bootLimit)
		r.ready = true
	}
	r.shell.Send(base64.StdEncoding.EncodeToString([]byte(script)) + "\n")
}

func (r *Running) line(p *Port, limit time.Duration) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	line, err := p.Line(ctx, r.done)
	if err != nil {
		r.t.Fatalf("nothing comes from the guest's test shell: %v", err)
	}
	return line
}

// Shell runs a shell script in the guest that must succeed, and returns its output.
func (r *Running) Shell(script string) string {
	r.t.Helper()
	result := r.Try(script)
	if result.Exit != 0 {
		r.t.Fatalf("in the guest: %s\nexit %d: %s", script, result.Exit, result.Output)
	}
	return result.Output
}

// WaitConsole returns when the text has come on the guest's console.
func (r *Running) WaitConsole(text string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), bootLimit)
	defer cancel()
	if err := r.Console.WaitFor(ctx, r.done, text); err != nil {
		r.t.Fatalf("%q does not come on the console: %v", text, err)
	}
}

// PowerOff shuts the guest down in order.
func (r *Running) PowerOff() {
	r.t.Helper()
	// Not through Shell: the guest may be off before its answer is out.
	r.send("systemctl --no-block poweroff")
	select {
	case <-r.done:
		if r.ended != nil {
			r.t.Errorf("QEMU failed: %v", r.ended)
		}
	case <-time.After(stopLimit):
		r.t.Errorf("the guest does not shut down within %v", stopLimit)
	}
	r.Kill()
}

// WaitRebooted returns when the guest has rebooted: QEMU ends then, and the machine is off.
func (r *Running) WaitRebooted() {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(bootLimit):
		r.t.Fatalf("the guest does not reboot within %v", bootLimit)
	}
	if said := r.qmp.port.Text(); r.ended != nil || !strings.Contains(said, `"guest-reset"`) {
		r.t.Fatalf("the guest did not reboot: %v: %s", r.ended, said)
	}
	r.t.Logf("boot, to the reboot: %.1f s", time.Since(r.started).Seconds())
	r.Kill()
}

// Kill cuts the power.
func (r *Running) Kill() {
	r.kill.Do(func() {
		if err := r.qemu.Process.Kill(); err != nil && err != os.ErrProcessDone {
			r.t.Errorf("cannot end QEMU: %v", err)
		}
		<-r.done
		r.Console.Close()
		r.shell.Close()
		r.qmp.port.Close()
	})
}
