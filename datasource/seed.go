// Package datasource finds the seed of this machine: what its host has attached to
// it, or left in a directory, to configure it by.
//
// In come block devices, directories, the kernel's command line and configuration;
// out goes one Seed, and a report of what was tried and why it was not it. It never
// knows what is done with a seed.
package datasource

import (
	"cloudseed/config"
	"cloudseed/secret"
)

// Seed is what a datasource says of the instance that this machine is to be.
type Seed struct {
	Datasource  string // "NoCloud" or "ConfigDrive"
	Description string // as cloud-init prints and stores it: "DataSourceNoCloud [seed=/dev/sr0]"
	Source      string // a device or directory; several with commas between them when a seed is joined from them

	InstanceID string
	Hostname   string // "" when the metadata names none
	Mode       string // dsmode: ModeLocal or ModeNet

	Platform, Subplatform, CloudName string
	AvailabilityZone, Region         string
	LaunchIndex                      string

	Metadata    map[string]any // as the seed has it, with instance-id filled in
	EC2         map[string]any // a config drive's ec2/latest/meta-data.json: block-device-mapping; empty when it has none
	PublicKeys  []string
	UserData    secret.Bytes
	VendorData  []secret.Bytes
	VendorData2 []secret.Bytes
	Network     *NetworkConfig // nil: it says nothing of the network
	Files       []File
	RandomSeed  secret.Bytes

	Problems []config.Problem // what was broken and left out

	// Partial: it is only a hint at a seed, or the ruin of one. A better one may show up
	// once all devices are there.
	Partial bool
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

	parsed *parsedNetwork // once something asked for it
}

// parsedNetwork is a description of the network as a value.
type parsedNetwork struct {
	value    *config.Value
	problems []config.Problem
	err      error
}

// Parse returns a description that is YAML or JSON as a value. It is parsed once, whoever
// asks.
func (n *NetworkConfig) Parse() (*config.Value, []config.Problem, error) {
	if n.parsed == nil {
		value, problems, err := parse(n.Name, n.Data)
		n.parsed = &parsedNetwork{value, problems, err}
	}
	return n.parsed.value, n.parsed.problems, n.parsed.err
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
