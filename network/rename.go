package network

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloudseed/config"
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
// Busy interfaces stay as they are. What cannot be is a problem, and costs that device
// its name.
//
// Difference from cloud-init: a device that is described twice costs it all renames.
func Renames(c *Config, nics []NIC) ([]Rename, []config.Problem) {
	if c == nil || c.Disabled {
		return nil, nil
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
		switch {
		case m == nil:
			continue
		case m.target != "":
			d.At(&p.found).Warnf("the interface %s is to be %s already; of two the first counts", m.name, m.target)
			continue
		case targets[d.Name]:
			d.At(&p.found).Warnf("another interface is to have this name; of two the first counts")
			continue
		}
		m.target, m.device = d.Name, d
		targets[d.Name] = true
		wanted = append(wanted, m)
	}
	for _, m := range wanted {
		if m.name == m.target {
			continue
		}
		if m.nic.Busy {
			m.device.At(&p.found).Warnf("the interface %s is in use and keeps its name", m.name)
			continue
		}
		if other := p.names[m.target]; other != nil {
			if other.nic.Busy {
				m.device.At(&p.found).Warnf("the interface %s keeps its name: the one that has this name is in use", m.name)
				continue
			}
			p.move(other, p.free())
		}
		p.move(m, m.target)
	}
	return p.steps, p.found.List()
}

// moving is an interface on its way.
type moving struct {
	nic          NIC
	name, target string
	device       *Device // that wants it to be target
	up           bool    // now
}

type plan struct {
	found     config.Findings
	names     map[string]*moving // by their names of the moment
	steps     []Rename
	temporary int
}

// find returns the interface that a device wants renamed, nil when there is none. A virtual
// function and the interface that it serves have the same MAC address (Azure): the driver
// tells them apart.
func (p *plan) find(nics []NIC, d *Device) *moving {
	if !d.Rename {
		return nil
	}
	if d.MAC == "" {
		if nic, ok := d.Match.first(nics); ok {
			return p.names[nic.Name]
		}
		return nil
	}
	for _, nic := range nics {
		if nic.hasMAC(d.MAC) && (d.Driver == "" || globs(d.Driver, nic.Driver)) && (d.DeviceID == "" || d.DeviceID == nic.DeviceID) {
			return p.names[nic.Name]
		}
	}
	return nil
}

func (p *plan) move(m *moving, to string) {
	delete(p.names, m.name)
	p.names[to] = m
	last := m.target == "" || m.target == to
	p.steps = append(p.steps, Rename{From: m.name, To: to, Down: m.up, Up: m.nic.Up && last})
	m.name, m.up = to, m.nic.Up && last
}

// free returns a name that nothing has.
func (p *plan) free() string {
	for {
		name := fmt.Sprintf("%s%d", temporaryName, p.temporary)
		p.temporary++
		if p.names[name] == nil {
			return name
		}
	}
}

// Displaced reports whether an interface that is to have no name of the configuration's
// was in the way, and has a name now that nobody chose.
func Displaced(steps []Rename) bool {
	names := map[string]bool{}
	for _, s := range steps {
		delete(names, s.From)
		names[s.To] = strings.HasPrefix(s.To, temporaryName)
	}
	return slices.Contains(slices.Collect(maps.Values(names)), true)
}

// temporaryName is the beginning of the names of interfaces in the way; it is
// cloud-init's.
const temporaryName = "cirename"

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
