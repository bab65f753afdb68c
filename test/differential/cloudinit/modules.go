package cloudinit

import (
	"context"
	_ "embed"
)

//go:embed modules.py
var modulesDriver string

// Booted is what became of a boot, beside what it changed in its root.
type Booted struct {
	Failed   map[string]string // modules that failed, with what they failed with; "": the boot itself
	Warnings []string
	Hostname string // the kernel's at the end
	Console  string // what was shown there
}

// StartModules runs the cloud-init whose Python packages are given (Fetch), to boot roots. It
// has namespaces of its own: no boot can reach the machine's network or name.
func StartModules(ctx context.Context, packages string) (*Process, error) {
	return start(ctx, modulesDriver, packages, isolated)
}

// Boot has cloud-init boot a root whose kernel has a hostname.
func (p *Process) Boot(root, hostname string) (Booted, error) {
	var answer struct{ Result Booted }
	err := p.Ask(map[string]string{"do": "boot", "root": root, "hostname": hostname}, &answer)
	return answer.Result, err
}
