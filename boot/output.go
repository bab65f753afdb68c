package boot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"cloudseed/config"
	"cloudseed/host"
)

// Output is where the output of commands goes: what the configuration's "output"
// says, opened when the first command has something to write.
type Output struct {
	host    *host.Host
	mu      sync.Mutex
	to      targets
	group   func() int // whose members may read what commands wrote
	opened  bool
	files   [2]*os.File
	filters []*exec.Cmd
	failed  error
}

// NewOutput is this process's own output until Configure says otherwise.
func NewOutput(h *host.Host) *Output { return &Output{host: h} }

// Configure reads the key "output" for a stage (init, config or final):
// {all: TARGET}, {init: TARGET, config: [OUT, ERR], final: {output: OUT, error: ERR}}.
func (o *Output) Configure(ctx context.Context, c *config.Config, stage string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.group = sync.OnceValue(func() int { return readers(ctx, o.host) })
	target := c.Get("output." + stage)
	if target == nil {
		target = c.Get("output.all")
	}
	o.to = targetsOf(target)
}

// targets say where output goes, as configured: ">> FILE", "> FILE", "| COMMAND"; "" is our own.
type targets struct {
	stdout string
	stderr string // "&1" is where stdout goes
}

// targetsOf returns the targets of a stage's value of "output".
func targetsOf(value *config.Value) targets {
	var to targets
	switch value.Kind() {
	case config.List:
		items := value.Items()
		if len(items) > 0 {
			to.stdout = items[0].Text()
		}
		if len(items) > 1 {
			to.stderr = items[1].Text()
		}
	case config.Map:
		to.stdout, to.stderr = value.Get("output").Text(), value.Get("error").Text()
	default:
		to.stdout = value.Text()
	}
	to.stderr = cmp.Or(to.stderr, "&1")
	return to
}

// Files gives the files to write to. A target that cannot be opened is reported by
// Close, and the output goes to this process's own.
func (o *Output) Files() (stdout, stderr *os.File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.opened {
		o.opened = true
		o.files[0] = o.open(o.to.stdout, os.Stdout)
		if strings.TrimSpace(o.to.stderr) == "&1" {
			o.files[1] = o.files[0]
		} else {
			o.files[1] = o.open(o.to.stderr, os.Stderr)
		}
	}
	return o.files[0], o.files[1]
}

// Say writes a message of the agent's own to where commands' standard error goes. The usual target,
// "| tee -a FILE", needs no process for that.
func (o *Output) Say(message string) error {
	if said, err := o.append(message); said {
		return err
	}
	_, stderr := o.Files()
	_, err := io.WriteString(stderr, message)
	return err
}

// append writes to the file of a target that is "| tee -a FILE", and to this process's own output,
// unless the target is in use or is another.
func (o *Output) append(message string) (said bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	target := strings.TrimSpace(o.to.stderr)
	if target == "&1" {
		target = o.to.stdout
	}
	command, piped := strings.CutPrefix(strings.TrimSpace(target), "|")
	words := strings.Fields(command)
	if o.opened || !piped || len(words) != 3 || words[0] != "tee" || words[1] != "-a" || strings.ContainsAny(words[2], shellSyntax) {
		return false, nil
	}
	file, err := o.host.OpenLog(words[2], host.Log{Mode: 0o640, GID: o.group()})
	if err != nil {
		return false, nil //nolint:nilerr // it is reported when the first command's output goes there
	}
	_, err = io.WriteString(file, message)
	_, own := io.WriteString(os.Stdout, message)
	return true, errors.Join(err, own, file.Close())
}

// shellSyntax are characters that mean something to the shell.
const shellSyntax = "$`\"\\'*?[]{}~;&|<>()#"

func (o *Output) open(target string, own *os.File) *os.File {
	target = strings.TrimSpace(target)
	var file *os.File
	var err error
	switch {
	case target == "":
		return own
	case strings.HasPrefix(target, "|"):
		file, err = o.filter(strings.TrimSpace(target[1:]))
	default: // cloud-init takes a bare file name as one to append to
		name := strings.TrimLeft(target, ">")
		file, err = o.host.OpenLog(strings.TrimSpace(name), host.Log{
			Mode: 0o640, GID: o.group(), Truncate: len(target)-len(name) == 1,
		})
	}
	if err != nil {
		o.failed = errors.Join(o.failed, fmt.Errorf("cannot write commands' output to %q: %w", target, err))
		return own
	}
	return file
}

// readers is the group adm, whose members may read what commands wrote, where there is
// one: as cloud-init has it.
func readers(ctx context.Context, h *host.Host) int {
	group, err := h.Group(ctx, "adm")
	if err != nil {
		return 0 // no such group: the file is root's alone
	}
	return group.GID
}

// filter starts a shell command that reads the output. What it writes is only
// root's and its group's to read, as cloud-init has it (umask 037).
func (o *Output) filter(command string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", "umask 037; exec "+command)
	cmd.Env = host.Environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if group := o.group(); group != 0 && os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Gid: uint32(group), NoSetGroups: true}
	}
	if err := errors.Join(cmd.Start(), r.Close()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	o.filters = append(o.filters, cmd)
	return w, nil
}

// drainTime is how long Close waits for a filter to have written all. A command that
// a script left in the background keeps its filter's input open, and the filter is
// then left to it.
const drainTime = 2 * time.Second

// Close ends the use of the targets until Files is called again, and tells what
// could not be opened.
func (o *Output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	errs := []error{o.failed}
	for i, file := range o.files {
		if file != nil && file != os.Stdout && file != os.Stderr && !(i == 1 && file == o.files[0]) {
			errs = append(errs, file.Close())
		}
	}
	for _, cmd := range o.filters {
		errs = append(errs, drain(cmd))
	}
	o.opened, o.files, o.filters, o.failed = false, [2]*os.File{}, nil, nil
	return errors.Join(errs...)
}

func drain(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("the command that takes the output failed: %s: %w", cmd.Args[2], err)
		}
		return nil
	case <-time.After(drainTime):
		return nil // it goes on with what runs in the background
	}
}
