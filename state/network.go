package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Network is what was last decided on the machine's network: where its configuration
// came from, and who was told.
type Network struct {
	Source   string `json:"source"`
	Renderer string `json:"renderer"` // "": the network was left alone
	Why      string `json:"why"`
}

// String is what people are told: "seed: network-config, network-manager: nmcli is there".
func (n Network) String() string {
	who := n.Renderer
	if who == "" {
		who = "unchanged"
	}
	return fmt.Sprintf("%s, %s: %s", n.Source, who, n.Why)
}

const (
	networkFile  = CloudDir + "/data/network.json"       // for everybody who asks for the status
	networkFiles = CloudDir + "/data/network-files.json" // not so: digests of files that may hold secrets

	// The configuration that was applied, where cloud-init has it.
	networkConfigName = "network-config.json"
	networkConfigLink = RunDir + "/network-config.json"
)

// Network reads what was last decided; nil when nothing was.
func (s *Store) Network() (*Network, error) {
	var n *Network
	err := s.readJSON(networkFile, &n)
	return n, err
}

// SetNetwork keeps what was decided.
func (s *Store) SetNetwork(n Network) error { return s.write(networkFile, encode(n), false) }

// NetworkFiles are the files of the network's configuration that are ours to remove
// again: digests of what was written, by paths.
func (s *Store) NetworkFiles() map[string]string {
	var files map[string]string
	if err := s.readJSON(networkFiles, &files); err != nil {
		return nil // noted as damaged: what it named is nobody's to remove any more
	}
	return files
}

// SetNetworkFiles keeps them.
func (s *Store) SetNetworkFiles(files map[string]string) error {
	return s.write(networkFiles, encode(files), true)
}

// readJSON reads a file of the state; one that is not there leaves what it was.
func (s *Store) readJSON(file string, into any) error {
	data, err := s.host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		s.damaged(file, err)
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	return nil
}

// SetNetworkConfig keeps the configuration that an instance's network was given, in
// cloud-init's form.
func (s *Store) SetNetworkConfig(id string, configuration any) error {
	file := path.Join(InstanceDir(id), networkConfigName)
	return errors.Join(s.write(file, encode(configuration), true), s.host.Symlink(file, networkConfigLink))
}

// Owe marks a piece of work of an instance as begun, whatever became of it before, and
// before the machine is that instance: whatever happens from now on, it is to be done.
func (s *Store) Owe(id, name string) error {
	file := path.Join(InstanceDir(id), "sem", name)
	delete(s.ended, file)
	if err := s.write(file+startedSuffix, nil, false); err != nil {
		return fmt.Errorf("cannot mark %s as to be done: %w", name, err)
	}
	return s.host.RemoveAll(file)
}
