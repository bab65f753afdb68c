package state

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"cloudseed/python"
)

// Files of instance data. The last two are root's alone.
const (
	InstanceDataFile   = RunDir + "/instance-data.json"
	SensitiveFile      = RunDir + "/instance-data-sensitive.json"
	CombinedConfigFile = RunDir + "/combined-cloud-config.json"
)

const cloudID = RunDir + "/cloud-id"

// WriteInstanceData writes instance-data.json for everybody and
// instance-data-sensitive.json for root, and the name of the cloud beside them.
func (s *Store) WriteInstanceData(f Facts) error {
	all, open := f.marked()
	return errors.Join(
		s.write(SensitiveFile, asFile(all), true),
		s.write(InstanceDataFile, asFile(open), false),
		s.write(EnvironmentFile, f.environment(), false),
		s.writeCloudID(f.cloudID()),
	)
}

// writeCloudID writes the file that the link to it names, and forgets the one before.
func (s *Store) writeCloudID(id string) error {
	file := cloudID + "-" + strings.ReplaceAll(id, "/", "_")
	before, notThere := s.host.Readlink(cloudID)
	err := errors.Join(s.write(file, []byte(id+"\n"), false), s.host.Symlink(file, cloudID))
	if err == nil && notThere == nil && before != file && strings.HasPrefix(before, cloudID+"-") {
		err = s.host.RemoveAll(before)
	}
	return err
}

// WriteCombinedConfig writes the configuration that modules get. What it says about the
// system itself is added to what root may read of the instance.
func (s *Store) WriteCombinedConfig(f Facts, configuration any) error {
	combined := withDoc(configuration, docOfCombined)
	about := map[string]any{"system_info": map[string]any{}, "features": features()}
	if keys, ok := Plain(configuration).(map[string]any); ok && keys["system_info"] != nil {
		about["system_info"] = keys["system_info"]
	}
	maps.Copy(combined, about)
	all := f.All()
	maps.Copy(all, about)
	return errors.Join(s.write(CombinedConfigFile, asFile(combined), true), s.write(SensitiveFile, asFile(all), true))
}

// asFile is JSON as a file's content.
func asFile(value any) []byte { return append(python.JSON(value), '\n') }

// features are cloud-init's switches for how it behaves, as this program does.
func features() map[string]any {
	return map[string]any{
		"ALLOW_EC2_MIRRORS_ON_NON_AWS_INSTANCE_TYPES": false,
		"APT_DEB822_SOURCE_LIST_FILE":                 true,
		"DEPRECATION_INFO_BOUNDARY":                   "devel",
		// Difference from cloud-init: there one part that fails costs all user data.
		"ERROR_ON_USER_DATA_FAILURE":            false,
		"EXPIRE_APPLIES_TO_HASHED_USERS":        true,
		"MANUAL_NETWORK_WAIT":                   false, // systemd orders the stages
		"NETPLAN_CONFIG_ROOT_READ_ONLY":         true,
		"NOCLOUD_SEED_URL_APPEND_FORWARD_SLASH": true,
		"STRIP_INVALID_MTU":                     false,
	}
}

// InstanceData reads what WriteInstanceData wrote: all of it for root, what is no secret
// for others. file is where it was: root gets what others do if there is nothing else.
func (s *Store) InstanceData(root bool) (all map[string]any, file string, err error) {
	file = InstanceDataFile
	if root && s.host.Exists(SensitiveFile) {
		file = SensitiveFile
	}
	data, err := s.host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, file, fmt.Errorf("there is no instance data in %s: no instance was set up in this boot", file)
	}
	if err != nil {
		return nil, file, fmt.Errorf("cannot read the instance data: %w", err)
	}
	all, err = ParseInstanceData(file, data)
	return all, file, err
}

// CombinedConfig reads the configuration that modules got; nil when none did yet.
func (s *Store) CombinedConfig() (any, error) {
	data, err := s.host.ReadFile(CombinedConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration of this boot: %w", err)
	}
	value, err := python.ParseJSON(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: it is no JSON: %w", CombinedConfigFile, err)
	}
	return value, nil
}

// ParseInstanceData reads a file of instance data.
func ParseInstanceData(file string, data []byte) (map[string]any, error) {
	value, err := python.ParseJSON(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the instance data: %s is no JSON: %w", file, err)
	}
	all, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("cannot read the instance data: %s is not a mapping", file)
	}
	return all, nil
}
