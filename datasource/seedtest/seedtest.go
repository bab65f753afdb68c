// Package seedtest gives tests of datasources a machine with drives: their files are in
// memory, and nothing of the real machine is looked at.
//
// In come drives, a command line and SMBIOS fields, out goes what a search finds.
package seedtest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"cloudseed/config/yaml"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
	"cloudseed/host/hosttest"
)

// Drive is a device and what is on it. Without a file system it is taken for ISO 9660.
type Drive struct {
	Path       string // "/dev/sr0"
	Label      string
	Filesystem media.Filesystem
	Partition  bool
	Files      map[string]string
	Broken     error // opening it fails
}

// Machine is a machine to look for a seed on.
type Machine struct {
	*hosttest.Machine
	Search datasource.Search

	log    bytes.Buffer
	opened []string
	open   int
}

// New makes a machine with some drives, without a command line or configuration.
func New(t *testing.T, sources []datasource.Source, drives ...Drive) *Machine {
	t.Helper()
	m := &Machine{Machine: hosttest.New(t)}
	m.Search = datasource.Search{
		Host: m.Host, Sources: sources, Log: slog.New(slog.NewTextHandler(&m.log, nil)),
		Devices: func(context.Context) ([]media.Device, []media.Problem) { return devices(drives), nil },
		Open: func(_ context.Context, d media.Device, _ bool) (datasource.Volume, error) {
			m.opened = append(m.opened, d.Path)
			for _, drive := range drives {
				if drive.Path == d.Path && drive.Broken == nil {
					m.open++
					return volume{FS(drive.Files), m}, nil
				} else if drive.Path == d.Path {
					return nil, drive.Broken
				}
			}
			return nil, fmt.Errorf("there is no %s", d.Path)
		},
	}
	t.Cleanup(func() {
		if m.open != 0 {
			t.Errorf("%d volumes were left open", m.open)
		}
	})
	return m
}

// Configure sets the system's configuration.
func (m *Machine) Configure(t *testing.T, text string) {
	t.Helper()
	value, problems, err := yaml.Parse("cloud.cfg", []byte(text))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	m.Search.Config = value
}

// IsInstance has the machine be an instance already.
func (m *Machine) IsInstance(id string) {
	m.Search.Instance = func() (string, error) { return id, nil }
}

// Find looks for a seed.
func (m *Machine) Find(t *testing.T) (*datasource.Seed, datasource.Report) {
	t.Helper()
	return datasource.Find(t.Context(), m.Search)
}

// Log is what was logged.
func (m *Machine) Log() string { return m.log.String() }

// Opened are the devices that were opened, in order.
func (m *Machine) Opened() string { return strings.Join(m.opened, " ") }

// FS is files in memory as a file system.
func FS(files map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return tree
}

type volume struct {
	files   fs.FS
	machine *Machine
}

func (v volume) FS() fs.FS { return v.files }

func (v volume) Close() error {
	v.machine.open--
	return nil
}

func devices(drives []Drive) []media.Device {
	var list []media.Device
	for _, d := range drives {
		if d.Filesystem == "" {
			d.Filesystem = media.ISO9660
		}
		list = append(list, media.Device{
			Path: d.Path, Name: strings.TrimPrefix(d.Path, "/dev/"), Partition: d.Partition,
			Superblock: media.Superblock{Filesystem: d.Filesystem, Label: d.Label},
		})
	}
	return list
}

// Problems are a seed's problems, one a line.
func Problems(s *datasource.Seed) string {
	var lines []string
	for _, p := range s.Problems {
		lines = append(lines, p.Severity.String()+": "+p.Error())
	}
	return strings.Join(lines, "\n")
}
