// Package cloudinit asks the real cloud-init what it does with an input, for the tests
// that compare cloudseed with it.
//
// In come requests, out come cloud-init's own results: it is Debian's package, unpacked
// and never installed, and its functions run in one long-lived Python process, so that
// thousands of cases take seconds. It never knows what cloudseed does with the same.
//
// driver.py holds the process's side, and says what the requests are. Python and the
// modules that cloud-init imports are the machine's: .ci/run installs them.
package cloudinit

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

//go:embed driver.py
var driver string

// python is the system's, whose modules apt installs; another may be first in PATH.
const python = "/usr/bin/python3"

// Process is a running cloud-init. It answers one request after the other, whoever asks.
type Process struct {
	Version string // as cloud-init tells it: "26.2"

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *strings.Builder
}

// Start runs the cloud-init whose Python packages are given (Fetch).
func Start(ctx context.Context, packages string) (*Process, error) {
	return start(ctx, driver, packages, nil)
}

// isolated are the namespaces of a process that boots roots.
var isolated = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC}

func start(ctx context.Context, driver, packages string, attributes *syscall.SysProcAttr) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, python, "-c", driver, packages), stderr: &strings.Builder{}}
	p.cmd.SysProcAttr = attributes
	p.cmd.Stderr = p.stderr
	// No bytecode beside the sources: what is in dir is what the package holds.
	p.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8")
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("cannot start cloud-init: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start cloud-init: %w", err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start cloud-init: %w", err)
	}
	var answer struct{ Version string }
	if err := p.Ask(map[string]string{"do": "version"}, &answer); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.Version = answer.Version
	return p, nil
}

// Ask puts a request and decodes its answer. An error is the driver's; what cloud-init
// itself fails at is part of the answer.
func (p *Process) Ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("cannot ask cloud-init: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("cannot ask cloud-init: %w", err)
	}
	text, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("cannot read cloud-init's answer: %w", err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(text, &failed); err != nil {
		return fmt.Errorf("cannot read cloud-init's answer: %w", err)
	}
	if failed.Error != "" {
		return fmt.Errorf("cannot ask cloud-init: %s", failed.Error)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("cannot read cloud-init's answer: %w", err)
	}
	return nil
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	if err := errors.Join(p.in.Close(), p.cmd.Wait()); err != nil {
		return fmt.Errorf("cannot end cloud-init: %w: %s", err, p.stderr)
	}
	return nil
}
