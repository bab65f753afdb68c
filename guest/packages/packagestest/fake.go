// Package packagestest is a fake package manager for tests of what installs packages.
//
// In come the packages that its repositories have; out go what was asked of it and what is
// installed. It runs nothing.
package packagestest

import (
	"context"
	"fmt"
	"strings"

	"cloudseed/guest/packages"
)

// Fake is a packages.Manager. The zero value knows no package.
type Fake struct {
	Has       []string         // names that can be installed; "*": all
	Fail      map[string]error // by "refresh", "upgrade", "install", "reboot"
	Reboot    string           // why a reboot is needed
	Calls     []string         // "refresh", "upgrade", "install a b 1.0", "reboot"
	Installed []packages.Spec
}

func (f *Fake) call(words ...string) error {
	f.Calls = append(f.Calls, strings.Join(words, " "))
	return f.Fail[words[0]]
}

var _ packages.Manager = (*Fake)(nil)

// Refresh notes the call.
func (f *Fake) Refresh(context.Context) error { return f.call("refresh") }

// Upgrade notes the call.
func (f *Fake) Upgrade(context.Context) error { return f.call("upgrade") }

// Install installs what the fake has, unless it is to fail.
func (f *Fake) Install(_ context.Context, specs []packages.Spec) (missing []packages.Spec, err error) {
	words := []string{"install"}
	for _, s := range specs {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("cannot install packages: %w", err)
		}
		words = append(words, s.String())
	}
	if err := f.call(words...); err != nil {
		return nil, err
	}
	for _, s := range specs {
		if f.has(s.Name) {
			f.Installed = append(f.Installed, s)
		} else {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

func (f *Fake) has(name string) bool {
	for _, known := range f.Has {
		if known == "*" || known == name {
			return true
		}
	}
	return false
}

// NeedsReboot notes the call and returns Reboot.
func (f *Fake) NeedsReboot(context.Context) (string, error) {
	err := f.call("reboot")
	return f.Reboot, err
}
