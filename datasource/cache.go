package datasource

import (
	"encoding/json"
	"fmt"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/secret"
)

// cacheVersion changes when a cache of an older program cannot be understood.
const cacheVersion = 1

// cache is a Seed as it is kept on disk, secrets and all: their types refuse to be
// written. Metadata is kept as YAML, in which numbers, bytes and NaN stay what they
// are; JSON would make one of the three of them, or fail.
type cache struct {
	Version int

	Datasource, Description, Source string
	InstanceID, Hostname, Mode      string

	Platform, Subplatform, CloudName      string
	AvailabilityZone, Region, LaunchIndex string

	Metadata, EC2           string
	PublicKeys              []string
	UserData                []byte
	VendorData, VendorData2 [][]byte
	Network                 *NetworkConfig
	RandomSeed              []byte
}

// EncodeCache is the seed to be kept in a file that only root may read. Files that a
// config drive brought are not in it: they are written once. Neither are problems:
// they have been told.
func (s *Seed) EncodeCache() ([]byte, error) {
	data, err := json.Marshal(cache{
		Version:    cacheVersion,
		Datasource: s.Datasource, Description: s.Description, Source: s.Source,
		InstanceID: s.InstanceID, Hostname: s.Hostname, Mode: s.Mode,
		Platform: s.Platform, Subplatform: s.Subplatform, CloudName: s.CloudName,
		AvailabilityZone: s.AvailabilityZone, Region: s.Region, LaunchIndex: s.LaunchIndex,
		Metadata: encodeMap(s.Metadata), EC2: encodeMap(s.EC2), PublicKeys: s.PublicKeys,
		UserData: s.UserData.Reveal(), VendorData: reveal(s.VendorData), VendorData2: reveal(s.VendorData2),
		Network: s.Network, RandomSeed: s.RandomSeed.Reveal(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot keep the seed: %w", err)
	}
	return data, nil
}

// DecodeCache reads what EncodeCache wrote.
func DecodeCache(data []byte) (*Seed, error) {
	var c cache
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Version != cacheVersion {
		return nil, fmt.Errorf("it is of version %d, and this program knows version %d", c.Version, cacheVersion)
	}
	metadata, err := decodeMap("metadata", c.Metadata)
	if err != nil {
		return nil, err
	}
	ec2, err := decodeMap("ec2 metadata", c.EC2)
	if err != nil {
		return nil, err
	}
	return &Seed{
		Datasource: c.Datasource, Description: c.Description, Source: c.Source,
		InstanceID: c.InstanceID, Hostname: c.Hostname, Mode: c.Mode,
		Platform: c.Platform, Subplatform: c.Subplatform, CloudName: c.CloudName,
		AvailabilityZone: c.AvailabilityZone, Region: c.Region, LaunchIndex: c.LaunchIndex,
		Metadata: metadata, EC2: ec2, PublicKeys: c.PublicKeys,
		UserData: secret.NewBytes(c.UserData), VendorData: conceal(c.VendorData), VendorData2: conceal(c.VendorData2),
		Network: c.Network, RandomSeed: secret.NewBytes(c.RandomSeed),
	}, nil
}

func encodeMap(m map[string]any) string {
	if m == nil {
		return ""
	}
	return string(yaml.Dump(config.FromAny("", m)))
}

func decodeMap(name, text string) (map[string]any, error) {
	value, _, err := yaml.Parse(name, []byte(text))
	if err != nil || value.IsNull() {
		return nil, err
	}
	m, ok := value.Any().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: expected a mapping", name)
	}
	return m, nil
}

func reveal(list []secret.Bytes) [][]byte {
	var out [][]byte
	for _, b := range list {
		out = append(out, b.Reveal())
	}
	return out
}

func conceal(list [][]byte) []secret.Bytes {
	var out []secret.Bytes
	for _, b := range list {
		out = append(out, secret.NewBytes(b))
	}
	return out
}
