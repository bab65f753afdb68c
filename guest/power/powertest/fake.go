// Package powertest is a fake of a machine's switch, for tests of what turns machines off.
//
// In come changes, which it keeps; nothing is done.
package powertest

import (
	"context"

	"cloudseed/guest/power"
)

// Fake is a power.Switch.
type Fake struct {
	Fail    error  // what Apply returns
	Before  func() // called before a change; may be nil
	Applied []power.Change
}

var _ power.Switch = (*Fake)(nil)

// Apply keeps a change that is one.
func (f *Fake) Apply(_ context.Context, c power.Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	if f.Before != nil {
		f.Before()
	}
	f.Applied = append(f.Applied, c)
	return f.Fail
}
