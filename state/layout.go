// Package state knows what the agent keeps on disk: the layout of /var/lib/cloud
// and /run/cloud-init, semaphores, status, the change log of effects and instance data.
//
// In come facts about the boot, out go files, each whole or absent at any moment.
// It never knows what modules do.
package state

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"cloudseed/host"
)

// Store is the agent's state on one machine.
type Store struct {
	host   *host.Host
	status *host.Host       // for what says how this boot goes: a power cut may undo some of it
	ended  map[string]bool  // semaphores of work that ended and is still to be recorded; see End
	damage map[string]error // files that were not what they must be, and what they were
}

// New opens the state of a machine. Nothing is made until something is written.
func New(h *host.Host) *Store {
	quiet := h.Quietly()
	return &Store{host: quiet, status: quiet.Unsynced(), ended: map[string]bool{}, damage: map[string]error{}}
}

// Where state is kept, as cloud-init has it: tools know these paths.
const (
	CloudDir = "/var/lib/cloud"  // lasts
	RunDir   = "/run/cloud-init" // gone at the next boot
)

// LockFile is locked by the process that changes the machine.
const LockFile = RunDir + "/lock"

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

// write writes a file of the state: whole, not an effect, and durable with the next Sync.
func (s *Store) write(file string, data []byte, secretContent bool) error {
	f := host.File{Mode: 0o644}
	if secretContent {
		f.Mode = 0o600
	}
	return s.writeBy(s.host, file, data, f)
}

func (s *Store) writeBy(h *host.Host, file string, data []byte, f host.File) error {
	_, err := h.WriteFile(file, data, f)
	if err == nil {
		return nil
	}
	if info, statErr := h.Lstat(file); statErr != nil || !info.IsDir() {
		return err
	}
	s.damaged(file, errors.New("it is a directory"))
	if err := h.RemoveAll(file); err != nil {
		return err
	}
	_, err = h.WriteFile(file, data, f)
	return err
}

// damaged notes that a file is not what it must be. It counts as not there, and is written
// anew when its time comes.
func (s *Store) damaged(file string, err error) { s.damage[file] = err }

// Damage returns what was noted of damaged files since the last call, a message for each.
func (s *Store) Damage() []string {
	var messages []string
	for _, file := range slices.Sorted(maps.Keys(s.damage)) {
		messages = append(messages, fmt.Sprintf("%s is damaged and not used; it is written anew: %v", file, s.damage[file]))
	}
	clear(s.damage)
	return messages
}

// Write writes a file of the instance's directory, which only root may read.
func (s *Store) Write(file string, data []byte) error { return s.write(file, data, true) }
