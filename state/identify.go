package state

import (
	"errors"
	"strings"
)

// What cloud-init's ds-identify and its generator leave for others.
const (
	identifyResult = RunDir + "/cloud.cfg" // where it is not ours, also a layer of the configuration
	identifyLog    = RunDir + "/ds-identify.log"
	generatorLog   = RunDir + "/cloud-init-generator.log"
)

// ours begins the configuration that this program wrote: that of something else for this boot is
// not replaced, and a first stage that is run again looks for all datasources.
const ours = "# This is what the search for a seed has found.\n"

// ForgetIdentified forgets what an earlier search of this boot has found.
func (s *Store) ForgetIdentified() error {
	if !s.HasIdentified() {
		return nil
	}
	return s.host.RemoveAll(identifyResult)
}

// HasIdentified reports whether this boot's configuration is what Identified recorded. It is for
// others: the configuration of a stage must not depend on whether a stage before it wrote that.
func (s *Store) HasIdentified() bool {
	data, err := s.host.ReadFile(identifyResult)
	return err == nil && strings.HasPrefix(string(data), ours) // who reads the configuration reports an error
}

// Identified records which datasource was found, as a configuration; "" for none.
func (s *Store) Identified(found, log, result string) error {
	errs := []error{s.write(identifyLog, []byte(log), false), s.write(generatorLog, []byte("cloud-init is "+result+"\n"), false)}
	if found != "" && !s.host.Exists(identifyResult) {
		errs = append(errs, s.write(identifyResult, []byte(ours+found), false))
	}
	return errors.Join(errs...)
}
