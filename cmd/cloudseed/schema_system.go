package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/state"
)

// given are the files in which the instance keeps what it was given. Where all of the
// data made no cloud-config, the data itself tells why.
var given = []struct{ name, kind, file, raw string }{
	{"user-data", typeCloudConfig, "cloud-config.txt", "user-data.txt"},
	{"vendor-data", typeCloudConfig, "vendor-cloud-config.txt", "vendor-data.txt"},
	{"vendor2-data", typeCloudConfig, "vendor2-cloud-config.txt", "vendor-data2.txt"},
	{"network-config", typeNetworkConfig, "network-config.json", ""},
}

// checkSystem checks what the present instance was given.
func (s *schemaCheck) checkSystem(ctx context.Context) error {
	if s.g.root == "/" && os.Geteuid() != 0 {
		return errors.New("unable to read system userdata or vendordata as non-root user. Try using sudo")
	}
	if s.kind != "" {
		fmt.Fprintln(s.out, "WARNING: The --schema-type parameter is inapplicable when --system is present")
	}
	h := host.New(s.g.root, host.Options{})
	var docs []subject
	var names []string
	for _, g := range given {
		doc := subject{name: g.name, kind: g.kind}
		var err error
		if doc.file, doc.data, err = givenFile(h, g.file, g.raw); err != nil {
			if g.name != "user-data" && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return fmt.Errorf("cannot read what this machine was given: %w", err)
		}
		docs, names = append(docs, doc), append(names, doc.name)
	}
	indent := ""
	if len(docs) > 1 {
		printable.Fprintf(s.out, "Found cloud-config data types: %s\n", strings.Join(names, ", "))
		indent = "  "
	}
	var invalid []string
	for i, doc := range docs {
		if len(docs) > 1 {
			printable.Fprintf(s.out, "\n%d. %s at %s:\n", i+1, doc.name, doc.file)
		}
		if !s.check(ctx, doc, indent, doc.name) {
			invalid = append(invalid, doc.name)
		}
	}
	if len(invalid) > 0 {
		return s.invalid(invalid...)
	}
	return nil
}

// givenFile reads what an instance was given: as it came, so that messages have its lines,
// else what was made of it.
func givenFile(h *host.Host, name, raw string) (file string, data []byte, err error) {
	if raw != "" {
		file = path.Join(state.InstanceLink, raw)
		if data, err = h.ReadFile(file); err == nil && len(data) > 0 {
			return file, data, nil
		}
	}
	file = path.Join(state.InstanceLink, name)
	data, err = h.ReadFile(file)
	return file, data, err
}
