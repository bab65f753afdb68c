package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloudseed/host"
)

// noPrevious is what cloud-init writes as the previous id of a first instance.
const noPrevious = "NO_PREVIOUS_INSTANCE_ID"

// Instance is what is known of the instance that the machine is.
type Instance struct {
	ID         string
	Datasource string // "DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0]", as cloud-init writes it
}

// PreviousID is the id of the instance that the machine was last, "" if it never
// was one. Where the file that says so is damaged, or was not written yet when the power
// failed (see Become), the link to the instance's directory tells it.
func (s *Store) PreviousID() (string, error) {
	id, err := s.line(path.Join(CloudDir, "data/instance-id"))
	if err == nil && isInstanceID(id) {
		return id, nil
	}
	target, linkErr := s.host.Readlink(InstanceLink)
	if linkErr != nil && err != nil {
		return "", fmt.Errorf("cannot tell which instance this was: %w", err)
	}
	if linkErr != nil {
		return "", nil
	}
	if err == nil && s.host.Exists(path.Join(CloudDir, "data/instance-id")) {
		err = fmt.Errorf("it holds %q", id)
	}
	if err != nil {
		s.damaged(path.Join(CloudDir, "data/instance-id"), err)
	}
	return path.Base(target), nil
}

// isInstanceID reports whether a line can be the id of an instance: damage is seen by what
// no id has.
func isInstanceID(id string) bool {
	return id != "" && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

// line reads a file of one line; a missing file is an empty line.
func (s *Store) line(file string) (string, error) {
	data, err := s.host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// Become makes the machine the given instance: its directories, the link to them,
// and what is written of the one before. Doing it again changes nothing, so that it
// may be cut short anywhere; data/instance-id comes last and so tells that all of
// it is there.
func (s *Store) Become(i Instance) error {
	previous, err := s.PreviousID() // before the link is another
	if err != nil {
		return err
	}
	if previous == "" {
		previous = noPrevious
	}
	dir := InstanceDir(i.ID)
	for _, sub := range []string{"", "handlers", "scripts", "scripts/vendor", "sem", "boothooks"} {
		if err := s.host.Mkdir(path.Join(dir, sub), 0o755, host.Owner{}); err != nil {
			return err
		}
	}
	for _, sub := range []string{"data", "handlers", "seed", "sem", "scripts/per-boot", "scripts/per-instance", "scripts/per-once", "scripts/vendor"} {
		if err := s.host.Mkdir(path.Join(CloudDir, sub), 0o755, host.Owner{}); err != nil {
			return err
		}
	}
	if err := s.host.Symlink(dir, InstanceLink); err != nil {
		return err
	}
	for _, f := range []struct{ name, text string }{
		{path.Join(dir, "datasource"), i.Datasource},
		{path.Join(CloudDir, "data/previous-instance-id"), previous},
		{path.Join(CloudDir, "data/previous-datasource"), i.Datasource},
	} {
		if err := s.write(f.name, []byte(f.text+"\n"), false); err != nil {
			return err
		}
	}
	return s.decide(i.ID)
}

// decide writes the instance's id when all that it stands for is on disk.
func (s *Store) decide(id string) error {
	file := path.Join(CloudDir, "data/instance-id")
	if is, err := s.line(file); err == nil && is == id {
		return s.Sync()
	}
	if err := errors.Join(s.host.Sync(), s.write(file, []byte(id+"\n"), false)); err != nil {
		return err
	}
	return s.Sync()
}

// Announce tells this boot's later stages, and anybody, which instance this is. The
// units of the later stages start only if it was done.
func (s *Store) Announce(id string) error {
	return s.write(path.Join(RunDir, ".instance-id"), []byte(id+"\n"), false)
}

// awaitedFile says that this boot's network stage is to look for a seed, and where: a
// URL a line. Its unit starts for this, too.
const awaitedFile = RunDir + "/.awaited-seed"

// AwaitSeed notes that the seed of this boot may be on the network. What an earlier run
// of the local stage announced does not hold any more.
func (s *Store) AwaitSeed(urls []string) error {
	return errors.Join(s.host.RemoveAll(path.Join(RunDir, ".instance-id")),
		s.write(awaitedFile, []byte(strings.Join(urls, "\n")+"\n"), false))
}

// AwaitsSeed tells whether a seed is still to be looked for on the network.
func (s *Store) AwaitsSeed() bool {
	return s.host.Exists(awaitedFile) && !s.host.Exists(path.Join(RunDir, ".instance-id"))
}

// Announced is the id of the instance that the local stage of this boot settled on;
// "" when it has not run or found none.
func (s *Store) Announced() (string, error) {
	return s.line(path.Join(RunDir, ".instance-id"))
}

// networkNeedFile holds why the network stage is to wait for the network; it is empty when it
// need not.
const networkNeedFile = RunDir + "/.network-need"

// SetNetworkNeed notes why this boot's network stage is to wait for the network; "": it need not.
func (s *Store) SetNetworkNeed(why string) error {
	return s.write(networkNeedFile, []byte(why), false)
}

// NetworkNeed is what SetNetworkNeed noted. Where that is missing the network is needed.
func (s *Store) NetworkNeed() string {
	data, err := s.host.ReadFile(networkNeedFile)
	if err != nil {
		return "the local stage did not come to tell whether it is needed"
	}
	return string(data)
}

// MarkThisBoot notes that something happened, until the next boot.
func (s *Store) MarkThisBoot(what string) error {
	return s.write(path.Join(RunDir, "sem", what+".once"), nil, false)
}

// HappenedThisBoot tells whether something was noted by MarkThisBoot.
func (s *Store) HappenedThisBoot(what string) bool {
	return s.host.Exists(path.Join(RunDir, "sem", what+".once"))
}
