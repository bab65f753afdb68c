package network

import (
	"path"
	"slices"
)

// Match finds the interfaces of a device that the machine does not have yet. Those that
// it has are devices by their names.
type Match struct {
	Name    string   // a pattern: "enp2*"
	Drivers []string // patterns
}

// IsZero reports whether there is nothing to match.
func (m Match) IsZero() bool { return m.Name == "" && len(m.Drivers) == 0 }

// Finds reports whether an interface is meant. What is made by software never is.
func (m Match) Finds(nic NIC) bool {
	return !nic.Virtual && (m.Name == "" || globs(m.Name, nic.Name)) &&
		(len(m.Drivers) == 0 || slices.ContainsFunc(m.Drivers, func(driver string) bool { return globs(driver, nic.Driver) }))
}

// first returns the first interface that is meant; false when there is none.
func (m Match) first(nics []NIC) (NIC, bool) {
	i := slices.IndexFunc(nics, m.Finds)
	if m.IsZero() || i < 0 {
		return NIC{}, false
	}
	return nics[i], true
}

func globs(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
