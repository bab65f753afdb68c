// Package datasource finds the seed of this machine: what its host has attached to
// it, or left in a directory, to configure it by.
//
// In come block devices, directories, the kernel's command line and configuration;
// out goes one Seed, and a report of what was tried and why it was not it. It never
// knows what is done with a seed.
package datasource

import (
	"encoding/json"
	"fmt"

	"cloudseed/config"
	"cloudseed/secret"
)

// Seed is what a datasource says of the instance that this machine is to be.
type Seed struct {
	Datasource  string // "NoCloud" or "ConfigDrive"
	Description string // as cloud-init prints and stores it: "DataSourceNoCloud [seed=/dev/sr0]"
	Source      string // a device or directory

	InstanceID string
	Hostname   string // "" when the metadata names none
	Mode       string // dsmode: ModeLocal or ModeNet

	Platform, Subplatform, CloudName string
	AvailabilityZone, Region         string
	LaunchIndex                      string

	Metadata    map[string]any
	PublicKeys  []string
	UserData    secret.Bytes
	VendorData  []secret.Bytes
	VendorData2 []secret.Bytes
	Network     *NetworkConfig
	Files       []File
	RandomSeed  secret.Bytes

	Problems []config.Problem // what was broken and left out
}

// The modes of a seed: whether the init modules may run before the network is up.
const (
	ModeLocal    = "local"
	ModeNet      = "net"
	ModeDisabled = "disabled"
)

// NetworkConfig is a seed's own description of the network, as it was found.
type NetworkConfig struct {
	Format Format
	Name   string // where it was read, for messages
	Data   []byte
}

// Format says in which language a network is described.
type Format string

// The languages of network descriptions.
const (
	FormatENI       Format = "eni"       // Debian's /etc/network/interfaces
	FormatOpenStack Format = "openstack" // network_data.json
	FormatYAML      Format = "yaml"      // cloud-init's version 1 and 2
)

// File is a file that a config drive asks to be written.
type File struct {
	Path    string
	Content secret.Bytes
}

// cacheVersion changes when a cache of an older program cannot be understood.
const cacheVersion = 1

// cache is a Seed as it is kept on disk, secrets and all: secret types themselves
// refuse to be written.
type cache struct {
	Version     int
	Seed        *Seed
	UserData    []byte
	VendorData  [][]byte
	VendorData2 [][]byte
	RandomSeed  []byte
}

// EncodeCache is the seed to be kept in a file that only root may read. Files that a
// config drive brought are not in it: they are written once.
func (s *Seed) EncodeCache() ([]byte, error) {
	open := *s
	open.UserData, open.VendorData, open.VendorData2 = secret.Bytes{}, nil, nil
	open.RandomSeed, open.Files, open.Problems = secret.Bytes{}, nil, nil
	data, err := json.Marshal(cache{
		cacheVersion, &open, s.UserData.Reveal(), reveal(s.VendorData), reveal(s.VendorData2), s.RandomSeed.Reveal(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot keep the seed: %w", err)
	}
	return data, nil
}

// DecodeCache reads what EncodeCache wrote.
func DecodeCache(data []byte) (*Seed, error) {
	c := cache{Seed: &Seed{}}
	// The redacted fields cannot be decoded, and need not be.
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Version != cacheVersion {
		return nil, fmt.Errorf("it is of version %d, and this program knows version %d", c.Version, cacheVersion)
	}
	s := c.Seed
	s.UserData, s.RandomSeed = secret.NewBytes(c.UserData), secret.NewBytes(c.RandomSeed)
	s.VendorData, s.VendorData2 = conceal(c.VendorData), conceal(c.VendorData2)
	return s, nil
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
