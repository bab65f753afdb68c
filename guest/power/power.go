// Package power restarts a machine or turns it off.
//
// In comes a Change, out goes one command of shutdown(8). It never knows who wants it,
// or whether anything is still at work: that is for the caller to wait for.
package power

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"cloudseed/host"
	"cloudseed/printable"
)

// Mode is what becomes of the machine.
type Mode string

// The modes, by the names that cloud-init has for them.
const (
	Reboot   Mode = "reboot"
	PowerOff Mode = "poweroff"
	Halt     Mode = "halt"
)

// Now is the When of a change at once.
const Now = "now"

// Change is what is to become of the machine, and when. The zero When is Now.
type Change struct {
	Mode    Mode
	When    string // Now, or "+5": in five minutes
	Message string // for those who are logged in; may be empty
}

// String names the change in a few words.
func (c Change) String() string {
	if c.When == "" || c.When == Now {
		return string(c.Mode)
	}
	return fmt.Sprintf("%s in %s min", c.Mode, strings.TrimPrefix(c.When, "+"))
}

// delay is what shutdown takes: systemd counts minutes in 64 bits of microseconds, which
// nine digits cannot exceed.
var delay = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\+[0-9]{1,9}$`) })

// Check returns what is wrong with a change.
func (c Change) Check() error {
	if _, ok := options[c.Mode]; !ok {
		return fmt.Errorf("there is no way to %q a machine", string(c.Mode))
	}
	if c.When != "" && c.When != Now && !delay().MatchString(c.When) {
		return fmt.Errorf("cannot %s at %q: expected %q, or + and a number of minutes", c.Mode, c.When, Now)
	}
	return nil
}

var options = map[Mode]string{PowerOff: "-P", Halt: "-H", Reboot: "-r"}

// argv is the command of a change. A message that looks like an option is none: "-c"
// would cancel the shutdown. Its control characters are those of nobody's terminal.
func (c Change) argv() []string {
	argv := []string{"shutdown", options[c.Mode]}
	message := printable.Lines(c.Message)
	if strings.HasPrefix(message, "-") {
		argv = append(argv, "--")
	}
	when := c.When
	if when == "" {
		when = Now
	}
	argv = append(argv, when)
	if message != "" {
		argv = append(argv, message)
	}
	return argv
}

// Request is a change that is asked for while there is work that must end first.
type Request struct {
	Change
	Why string // for the log: "the kernel was updated"

	// If is asked when all that work has ended: whether the change is to be made. Succeeded
	// reports whether none of it failed. An error means that it cannot be told, and nothing
	// is done. nil: it is to be made.
	If func(ctx context.Context, succeeded bool) (bool, error)
}

// Switch changes the state of a machine.
type Switch interface {
	// Apply makes a change, or has it made when its time comes, and returns at once.
	Apply(ctx context.Context, c Change) error
}

// Of is the switch of a machine that runs.
func Of(h *host.Host) Switch { return machine{h} }

type machine struct{ host *host.Host }

func (m machine) Apply(ctx context.Context, c Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	if !m.host.Runs() {
		return fmt.Errorf("cannot %s: the system in %s does not run", c, m.host.Root())
	}
	if _, err := m.host.Run(ctx, host.Command{Argv: c.argv()}); err != nil {
		return fmt.Errorf("cannot %s: %w", c, err)
	}
	return nil
}
