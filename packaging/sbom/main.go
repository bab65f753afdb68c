// Command sbom prints what a built program consists of, as CycloneDX: its argument is the
// program, whose own list of modules is what counts, not the one of the sources.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

//go:embed licences.txt
var licenceList string

// document is the part of CycloneDX 1.5 that is used. Nothing in it depends on when and
// where it was made.
type document struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Expression string `json:"expression"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM VERSION")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, program, version string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("cannot read what %s was built from: %w", program, err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	components, err := components(info)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(document{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata: metadata{component{
			Type: "application", Name: "cloudseed", Version: version,
			Hashes:   []hash{{"SHA-256", hex.EncodeToString(digest[:])}},
			Licences: []licence{{"Apache-2.0"}},
		}},
		Components: components,
	})
}

// components are the modules that are linked, and Go's own library.
func components(info *debug.BuildInfo) ([]component, error) {
	known := licences()
	all := []component{{Type: "library", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, module := range info.Deps {
		c := component{Type: "library", Name: module.Path, Version: module.Version}
		if module.Sum != "" {
			c.Properties = []property{{"go.sum", module.Sum}}
		}
		all = append(all, c)
	}
	for i := range all {
		c := &all[i]
		c.PURL = "pkg:golang/" + c.Name + "@" + c.Version
		of, ok := known[c.Name]
		if !ok {
			return nil, fmt.Errorf("the licence of %s is not in licences.txt", c.Name)
		}
		c.Licences = []licence{{of}}
	}
	return all, nil
}

// licences are those of the list, by module.
func licences() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(licenceList) {
		if module, of, ok := strings.Cut(strings.TrimSpace(line), " "); ok && module != "#" {
			all[module] = of
		}
	}
	return all
}
