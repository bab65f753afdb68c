package state

import (
	"errors"
	"strings"
)

// What cloud-init's ds-identify and its generator leave for others.
const (
	identifyResult = RunDir + "/cloud.cfg" // also a layer of the configuration
	identifyLog    = RunDir + "/ds-identify.log"
	generatorLog   = RunDir + "/cloud-init-generator.log"
)

// ours begins the configuration that this program wrote: that of something else for this boot is
// not replaced, and a first stage that is run again looks for all datasources.
const ours = "# This is what the search for a seed has found.\n"

// ForgetIdentified forgets what an earlier search of this boot has found.
func (s *Store) ForgetIdentified() error {
	if data, err := s.host.ReadFile(identifyResult); err != nil || !strings.HasPrefix(string(data), ours) {
		return nil //nolint:nilerr // it is not ours, and who reads the configuration reports what is wrong with it
	}
	return s.host.RemoveAll(identifyResult)
}

// Identified records which datasource was found, as a configuration; "" for none.
func (s *Store) Identified(found, log, result string) error {
	errs := []error{s.write(identifyLog, []byte(log), false), s.write(generatorLog, []byte("cloud-init is "+result+"\n"), false)}
	if found != "" && !s.host.Exists(identifyResult) {
		errs = append(errs, s.write(identifyResult, []byte(ours+found), false))
	}
	return errors.Join(errs...)
}
