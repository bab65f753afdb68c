// Package state knows what the agent keeps on disk: the layout of /var/lib/cloud
// and /run/cloud-init, semaphores, status, the ledger of effects and instance data.
//
// In come facts about the boot, out go files, each whole or absent at any moment.
// It never knows what modules do.
package state

import (
	"path"
	"strings"

	"cloudseed/host"
)

// Store is the agent's state on one machine.
type Store struct {
	host *host.Host
}

// New opens the state of a machine. Nothing is made until something is written.
func New(h *host.Host) *Store { return &Store{host: h.Quietly()} }

// Where state is kept, as cloud-init has it: tools know these paths.
const (
	CloudDir = "/var/lib/cloud"  // lasts
	RunDir   = "/run/cloud-init" // gone at the next boot
)

// InstanceLink leads to the directory of the present instance.
const InstanceLink = CloudDir + "/instance"

// InstanceDir is the directory of the instance with that id. A slash in the id
// becomes an underscore, as cloud-init does it; an id made of dots alone, which
// would lead out of the directory, is made harmless too.
func InstanceDir(id string) string {
	name := strings.ReplaceAll(id, "/", "_")
	if strings.Trim(name, ".") == "" {
		name = "_" + name
	}
	return path.Join(CloudDir, "instances", name)
}

// write writes a file of the state: whole, durable, and not an effect.
func (s *Store) write(file string, data []byte, secretContent bool) error {
	f := host.File{Mode: 0o644}
	if secretContent {
		f.Mode = 0o600
	}
	_, err := s.host.WriteFile(file, data, f)
	return err
}

// Write writes a file of the instance's directory, which only root may read.
func (s *Store) Write(file string, data []byte) error { return s.write(file, data, true) }
