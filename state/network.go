package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Network is what was last decided on the machine's network: where its configuration
// came from, who was told, and by which files.
type Network struct {
	Source   string            `json:"source"`
	Renderer string            `json:"renderer,omitempty"` // "": the network was left alone
	Why      string            `json:"why"`
	Files    map[string]string `json:"files,omitempty"` // that are ours to remove again: digests of their contents, by path
}

const (
	networkFile = CloudDir + "/data/network.json"

	// The configuration that was applied, where cloud-init has it.
	networkConfigName = "network-config.json"
	networkConfigLink = RunDir + "/network-config.json"
)

// Network reads what was last decided; nil when nothing was.
func (s *Store) Network() (*Network, error) {
	data, err := s.host.ReadFile(networkFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what was decided on the network: %w", err)
	}
	n := &Network{}
	if err := json.Unmarshal(data, n); err != nil {
		return nil, fmt.Errorf("cannot read what was decided on the network in %s: %w", networkFile, err)
	}
	return n, nil
}

// SetNetwork keeps what was decided.
func (s *Store) SetNetwork(n Network) error { return s.write(networkFile, encode(n), true) }

// SetNetworkConfig keeps the configuration that an instance's network was given, in
// cloud-init's form.
func (s *Store) SetNetworkConfig(id string, configuration any) error {
	file := path.Join(InstanceDir(id), networkConfigName)
	return errors.Join(s.write(file, encode(configuration), true), s.host.QuietSymlink(file, networkConfigLink))
}

// Owe marks a piece of work of an instance as begun, whatever became of it before, and
// before the machine is that instance: whatever happens from now on, it is to be done.
func (s *Store) Owe(id, name string) error {
	file := path.Join(InstanceDir(id), "sem", name)
	if err := s.write(file+startedSuffix, nil, false); err != nil {
		return fmt.Errorf("cannot mark %s as to be done: %w", name, err)
	}
	return s.host.QuietRemove(file)
}
