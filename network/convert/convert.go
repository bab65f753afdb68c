// Package convert turns a network configuration in any form that seeds carry into the
// files of any network service that cloudseed writes for: what `devel net-convert` does.
//
// In come a text, its kind and a machine's interfaces, out come files and problems with
// their places. It reads and writes no file, and never knows of command lines.
package convert

import (
	"errors"
	"fmt"
	"slices"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/read/eni"
	"cloudseed/network/render"
)

// Input is a configuration and the machine that it is for.
type Input struct {
	Name string // of the file, for problems
	Kind string // one of Kinds
	Text []byte
	NICs []network.NIC

	Files eni.Files // those that an interfaces file may pull in; nil when there are none

	// Existing gives what is in a file of the machine now, nil when there is none; it may
	// be nil for a machine without files.
	Existing func(path string) []byte
}

// The kinds of input, by cloud-init's words.
const (
	YAML      = "yaml" // version 1 or 2, in JSON too
	ENI       = "eni"  // Debian's interfaces file
	OpenStack = "network_data.json"
)

// Kinds returns the kinds of input in the order in which they are told.
func Kinds() []string { return []string{ENI, YAML, OpenStack} }

// Parse reads an input. nil means that there is no configuration in it.
func Parse(in Input) (*network.Config, []config.Problem, error) {
	if in.Kind == ENI {
		c, problems := read.ENI(in.Name, string(in.Text), in.Files)
		return c, problems, nil
	}
	parse := read.YAML
	switch in.Kind {
	case YAML:
	case OpenStack:
		parse = read.OpenStack
	default:
		return nil, nil, fmt.Errorf("cannot read %s: there is no kind of input %q", in.Name, in.Kind)
	}
	v, problems, err := yaml.Parse(in.Name, in.Text)
	if err != nil {
		return nil, problems, err
	}
	c, more := parse(v, in.NICs)
	return c, append(problems, more...), nil
}

// errNothing is the user's mistake: a conversion of nothing is asked for.
var errNothing = errors.New("there is no network configuration in it")

// Files returns the files of an output, which is one of Outputs.
func Files(in Input, output string) ([]network.File, []config.Problem, error) {
	if !slices.Contains(Outputs(), output) {
		return nil, nil, fmt.Errorf("cannot write for %s: there is no such output", output)
	}
	c, problems, err := Parse(in)
	if err != nil {
		return nil, problems, err
	}
	if c == nil {
		return nil, problems, fmt.Errorf("cannot convert %s: %w", in.Name, errNothing)
	}
	existing := in.Existing
	if existing == nil {
		existing = func(string) []byte { return nil }
	}
	files, more := render.Choice{Name: output}.Render(c, existing)
	return files, append(problems, more...), nil
}

// Outputs returns the renderers that files can be written by, in cloud-init's words.
func Outputs() []string { return []string{render.Networkd, render.Sysconfig, render.NetworkManager} }
