package sysconfig_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/render/sysconfig"
)

var update = flag.Bool("update", false, "write what is rendered into the golden files")

// TestRender goes through testdata: each file is a case whose name says what it shows.
// "interfaces", "network-config" or "network_data.json" is the configuration, "nics"
// has lines of name and MAC address, and "existing/…" is what is there before. Below
// "want/" is what is to be: the files, and the problems.
func TestRender(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			golden(t, name)
		})
	}
}

func golden(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: archive.Comment}
	given := map[string][]byte{}
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			got.Files = append(got.Files, f)
			given[f.Name] = f.Data
		}
	}
	c, problems := parse(given)
	files, more := sysconfig.Render(c, func(path string) []byte { return given["existing"+path] })
	for _, f := range files {
		if f.Mode != 0o644 {
			t.Errorf("%s has mode %o", f.Path, f.Mode)
		}
		got.Files = append(got.Files, txtar.File{Name: "want" + f.Path, Data: f.Content})
	}
	var text strings.Builder
	for _, p := range append(problems, more...) {
		fmt.Fprintf(&text, "%s: %s\n", p.Severity, p.Error())
	}
	if text.Len() > 0 {
		got.Files = append(got.Files, txtar.File{Name: "want/problems", Data: []byte(text.String())})
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
		t.Errorf("what is rendered differs (-want +got):\n%s", diff)
	}
}

func parse(given map[string][]byte) (*network.Config, []config.Problem) {
	var nics []network.NIC
	for line := range strings.Lines(string(given["nics"])) {
		if fields := strings.Fields(line); len(fields) == 2 {
			nics = append(nics, network.NIC{Name: fields[0], MAC: fields[1]})
		}
	}
	if text, ok := given["interfaces"]; ok {
		return read.ENI("interfaces", string(text), nil)
	}
	name, parse := "network-config", read.YAML
	if given[name] == nil {
		name, parse = "network_data.json", read.OpenStack
	}
	v, problems, err := yaml.Parse(name, given[name])
	if err != nil {
		return nil, []config.Problem{{Message: err.Error()}}
	}
	c, more := parse(v, nics)
	return c, append(problems, more...)
}

func TestNoConfigurationIsNoFiles(t *testing.T) {
	t.Parallel()
	none := func(string) []byte { return nil }
	for _, c := range []*network.Config{nil, {Disabled: true}} {
		if files, problems := sysconfig.Render(c, none); len(files)+len(problems) > 0 {
			t.Errorf("Render(%v) gave %v and %v", c, files, problems)
		}
	}
}

// FuzzRender looks for input that breaks out of its line: a shell reads these files.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"version: 2\nethernets: {eth0: {dhcp4: true, nameservers: {search: [\"a b\", \"$(x)\"]}}}\n",
		"version: 1\nconfig: [{type: bond, name: bond0, bond_interfaces: [eth0], params: {bond-mode: \"x'y\"}, subnets: [{type: static, address: 10.0.0.1/8}]}]\n",
		"version: 1\nconfig: [{type: bridge, name: br0, bridge_interfaces: [a, b]}, {type: vlan, name: v, vlan_id: 3, vlan_link: a}]\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, _, err := yaml.Parse("network-config", data)
		if err != nil {
			return
		}
		c, _ := read.YAML(v, nil)
		files, _ := sysconfig.Render(c, func(string) []byte { return nil })
		for _, file := range files {
			if !strings.Contains(file.Path, "/ifcfg-") {
				continue
			}
			for line := range bytes.Lines(file.Content) {
				key, value, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("="))
				if bytes.HasPrefix(line, []byte("#")) {
					continue
				}
				if !ok || len(key) == 0 || !oneWord(string(value)) {
					t.Errorf("%s has a line that a shell takes for more than one variable: %q", file.Path, line)
				}
			}
		}
	})
}

// oneWord tells whether a shell reads a value as one word without doing anything.
func oneWord(value string) bool {
	if inner, ok := strings.CutPrefix(value, "'"); ok {
		return !strings.Contains(strings.ReplaceAll(strings.TrimSuffix(inner, "'"), `'\''`, ""), "'")
	}
	value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
	return !strings.ContainsAny(value, "\"'`$\\;&|<>()\n")
}
