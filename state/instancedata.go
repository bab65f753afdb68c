package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"cloudseed/secret"
)

// Facts are what instance-data.json says of the instance and the machine.
type Facts struct {
	InstanceID       string
	Hostname         string
	CloudName        string
	Platform         string
	Subplatform      string
	AvailabilityZone string
	Region           string
	PublicKeys       []string
	Distribution     string
	Release          string
	Kernel           string
	Machine          string

	Metadata     map[string]any // of the seed, as it was
	UserData     []byte         // for the sensitive file only
	VendorData   []byte
	MergedConfig any // for the sensitive file only
}

const (
	instanceData          = RunDir + "/instance-data.json"
	instanceDataSensitive = RunDir + "/instance-data-sensitive.json"
	combinedConfig        = RunDir + "/combined-cloud-config.json"
)

// redactedForOthers stands in the file that everybody may read, in cloud-init's own
// words: tools look for them.
const redactedForOthers = "redacted for non-root user"

// secretMetadata are the keys of metadata that nobody but root may read. cloud-init
// shows them to everybody.
var secretMetadata = []string{"admin_pass", "admin-pass", "random_seed", "password", "passwd", "security-credentials", "user-data", "user_data", "vendor-data", "vendor_data"}

// OpenMetadata is metadata without what only root may read.
func OpenMetadata(metadata map[string]any) map[string]any {
	var hidden []string
	return redactMap(metadata, "", &hidden)
}

// WriteInstanceData writes instance-data.json for everybody and
// instance-data-sensitive.json for root, and the name of the cloud beside them.
func (s *Store) WriteInstanceData(f Facts) error {
	f.Metadata, _ = finite(f.Metadata).(map[string]any)
	f.MergedConfig = finite(f.MergedConfig)
	id := f.cloudID()
	return errors.Join(
		s.write(instanceData, encode(f.Open()), false),
		s.write(instanceDataSensitive, encode(f.All()), true),
		s.write(combinedConfig, encode(f.MergedConfig), true),
		s.write(path.Join(RunDir, "cloud-id-"+id), []byte(id+"\n"), false),
		s.host.QuietSymlink(path.Join(RunDir, "cloud-id-"+id), path.Join(RunDir, "cloud-id")),
	)
}

// Open is the instance data that everybody may read.
func (f Facts) Open() map[string]any {
	data := f.common()
	metadata, hidden := f.redacted()
	data["ds"] = map[string]any{"meta_data": metadata}
	for key := range f.hidden() {
		data[key] = redactedForOthers
	}
	data["sensitive_keys"] = hidden
	return data
}

// All is the instance data for root, and for templates of user data.
func (f Facts) All() map[string]any {
	data := f.common()
	_, hidden := f.redacted()
	data["ds"] = map[string]any{"meta_data": f.Metadata}
	maps.Copy(data, f.hidden())
	data["sensitive_keys"] = hidden
	return data
}

// hidden are the keys that are root's as a whole.
func (f Facts) hidden() map[string]any {
	return map[string]any{"userdata": string(f.UserData), "vendordata": string(f.VendorData), "merged_cfg": f.MergedConfig}
}

// redacted is the metadata for everybody, and the paths of all that is hidden.
func (f Facts) redacted() (metadata map[string]any, hidden []string) {
	hidden = slices.Collect(maps.Keys(f.hidden()))
	metadata = redactMap(f.Metadata, "ds/meta_data", &hidden)
	slices.Sort(hidden)
	return metadata, hidden
}

// redact is metadata for everybody to read: secret keys, on whatever level, have no
// values there. The paths of those are added to hidden.
func redact(x any, at string, hidden *[]string) any {
	switch x := x.(type) {
	case map[string]any:
		return redactMap(x, at, hidden)
	case []any:
		open := make([]any, len(x))
		for i, value := range x {
			open[i] = redact(value, at+"/"+strconv.Itoa(i), hidden)
		}
		return open
	}
	return x
}

func redactMap(x map[string]any, at string, hidden *[]string) map[string]any {
	open := make(map[string]any, len(x))
	for key, value := range x {
		path := at + "/" + key
		from, isText := value.(string)
		switch {
		case slices.Contains(secretMetadata, strings.ToLower(key)):
			open[key] = redactedForOthers
			*hidden = append(*hidden, path)
		case key == "seedfrom" && isText:
			open[key] = secret.URL(from)
		default:
			open[key] = redact(value, path, hidden)
		}
	}
	return open
}

// cloudID is the name that cloud-id prints: the cloud's, or the platform's when the
// cloud is not known.
func (f Facts) cloudID() string {
	if f.CloudName == "" || f.CloudName == "unknown" {
		return f.Platform
	}
	return f.CloudName
}

// common are the keys that hold no secret.
func (f Facts) common() map[string]any {
	id := f.cloudID()
	keys := f.PublicKeys
	if keys == nil {
		keys = []string{}
	}
	v1 := map[string]any{
		"_beta_keys": []string{"subplatform"}, "cloud_id": id, "platform": f.Platform, "subplatform": f.Subplatform,
		"public_ssh_keys": keys, "region": orNull(f.Region), "distro": f.Distribution, "distro_version": f.Release,
		"distro_release": "", "kernel_release": f.Kernel, "machine": f.Machine, "system_platform": "Linux", "variant": f.Distribution,
	}
	// Those with two words come in both spellings: with a hyphen for people who copy
	// metadata keys, with an underscore for templates.
	for hyphen, value := range map[string]any{
		"availability-zone": orNull(f.AvailabilityZone), "cloud-name": f.CloudName, "instance-id": f.InstanceID, "local-hostname": f.Hostname,
	} {
		v1[hyphen], v1[strings.ReplaceAll(hyphen, "-", "_")] = value, value
	}
	return map[string]any{
		"base64_encoded_keys": []string{},
		"sys_info": map[string]any{
			"dist": []string{f.Distribution, f.Release, ""}, "platform": "Linux", "release": f.Kernel, "system": "Linux",
			"uname": []string{"Linux", f.Hostname, f.Kernel, "", f.Machine, ""}, "variant": f.Distribution,
		},
		"v1": v1,
	}
}

// InstanceData reads what WriteInstanceData wrote: all of it for root, what is no
// secret for others. file "" is the usual one.
func (s *Store) InstanceData(file string, root bool) (map[string]any, error) {
	if file == "" {
		file = instanceData
		if root {
			file = instanceDataSensitive
		}
	}
	data, err := s.host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no instance data in %s: no instance was set up in this boot", file)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the instance data: %w", err)
	}
	all, err := ParseInstanceData(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the instance data in %s: %w", file, err)
	}
	return all, nil
}

// ParseInstanceData reads instance data in JSON. Its numbers are json.Number: whole ones
// stay whole, of any length.
func ParseInstanceData(data []byte) (map[string]any, error) {
	var all map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	return all, nil
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// finite is a value with text in the place of numbers that JSON has not: YAML's .inf and
// .nan. cloud-init writes files there that are no JSON.
func finite(value any) any {
	switch x := value.(type) {
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return strconv.FormatFloat(x, 'g', -1, 64)
		}
	case []any:
		list := make([]any, len(x))
		for i, item := range x {
			list[i] = finite(item)
		}
		return list
	case map[string]any:
		all := make(map[string]any, len(x))
		for key, item := range x {
			all[key] = finite(item)
		}
		return all
	}
	return value
}
