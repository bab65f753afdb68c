package network

import (
	"errors"
	"fmt"
)

// Rename is one step of giving interfaces their names.
type Rename struct {
	From, To string
	Down     bool // it is up, and the kernel renames only what is down
	Up       bool // it was up before its first step, and this is its last
}

// Renames plans the steps after which the interfaces that the configuration finds by
// their MAC addresses have the names that it gives them. An interface in the way goes
// to a name of its own (cirename0), from where it gets its name if it is to have one.
// Busy interfaces stay as they are.
func Renames(c *Config, nics []NIC) []Rename {
	if c == nil || c.Disabled {
		return nil
	}
	p := plan{names: map[string]*moving{}}
	for _, nic := range nics {
		m := &moving{nic: nic, name: nic.Name, up: nic.Up}
		p.names[nic.Name] = m
	}
	var wanted []*moving
	targets := map[string]bool{}
	for _, d := range c.Devices {
		m := p.find(nics, d)
		if m == nil || m.target != "" || targets[d.Name] {
			continue // of two devices for one interface, or for one name, the first counts
		}
		m.target = d.Name
		targets[d.Name] = true
		wanted = append(wanted, m)
	}
	for _, m := range wanted {
		if m.nic.Busy || m.name == m.target {
			continue
		}
		if other := p.names[m.target]; other != nil {
			if other.nic.Busy {
				continue
			}
			p.move(other, p.free())
		}
		p.move(m, m.target)
	}
	return p.steps
}

// moving is an interface on its way.
type moving struct {
	nic          NIC
	name, target string
	up           bool // now
}

type plan struct {
	names     map[string]*moving // by their names of the moment
	steps     []Rename
	temporary int
}

// find is the interface that a device wants renamed, nil when there is none.
func (p *plan) find(nics []NIC, d *Device) *moving {
	if !d.Rename {
		return nil
	}
	nic, ok := byMAC(nics, d.MAC)
	if d.MAC == "" {
		nic, ok = d.Match.first(nics)
	}
	if !ok || d.Driver != "" && !globs(d.Driver, nic.Driver) || d.DeviceID != "" && d.DeviceID != nic.DeviceID {
		return nil
	}
	return p.names[nic.Name]
}

func (p *plan) move(m *moving, to string) {
	delete(p.names, m.name)
	p.names[to] = m
	last := m.target == "" || m.target == to
	p.steps = append(p.steps, Rename{From: m.name, To: to, Down: m.up, Up: m.nic.Up && last})
	m.name, m.up = to, m.nic.Up && last
}

// free is a name that nothing has.
func (p *plan) free() string {
	for {
		name := fmt.Sprintf("cirename%d", p.temporary)
		p.temporary++
		if p.names[name] == nil {
			return name
		}
	}
}

// Apply does the steps by iproute2's ip, which run runs. A step that fails does not
// keep the others from being tried.
func Apply(steps []Rename, run func(argv ...string) error) error {
	var failed []error
	for _, s := range steps {
		if err := s.apply(run); err != nil {
			failed = append(failed, fmt.Errorf("cannot rename interface %s to %s: %w", s.From, s.To, err))
		}
	}
	return errors.Join(failed...)
}

func (s Rename) apply(run func(argv ...string) error) error {
	if s.Down {
		if err := run("ip", "link", "set", "dev", s.From, "down"); err != nil {
			return err
		}
	}
	if err := run("ip", "link", "set", "dev", s.From, "name", s.To); err != nil {
		if s.Down {
			return errors.Join(err, run("ip", "link", "set", "dev", s.From, "up")) // as it was
		}
		return err
	}
	if s.Up {
		return run("ip", "link", "set", "dev", s.To, "up")
	}
	return nil
}
