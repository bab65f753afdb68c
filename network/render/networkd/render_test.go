package networkd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/render/networkd"
)

var update = flag.Bool("update", false, "write what is rendered into the golden files")

// goldens are the cases in testdata, by their names, which say what they show. The first
// part is the configuration: "interfaces", "network-config" or "network_data.json";
// "nics" has lines of name, MAC address and driver. The rest is what is to be: the files
// with their modes, and the problems.
func goldens(t *testing.T) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	cases := map[string]*txtar.Archive{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".txtar")] = archive
	}
	return cases
}

func TestRender(t *testing.T) {
	t.Parallel()
	for name, want := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &txtar.Archive{Comment: want.Comment}
			for _, f := range want.Files {
				if !strings.HasPrefix(f.Name, "want/") {
					got.Files = append(got.Files, f)
				}
			}
			files, problems := renderCase(t, want)
			for _, f := range files {
				if f.Owner != "systemd-network" {
					t.Errorf("%s belongs to %q", f.Path, f.Owner)
				}
				got.Files = append(got.Files, txtar.File{Name: fmt.Sprintf("want/%04o%s", f.Mode, f.Path), Data: f.Content})
			}
			var text strings.Builder
			for _, p := range problems {
				fmt.Fprintf(&text, "%s: %s\n", p.Severity, p.Error())
			}
			if text.Len() > 0 {
				got.Files = append(got.Files, txtar.File{Name: "want/problems", Data: []byte(text.String())})
			}
			if *update {
				if err := os.WriteFile("testdata/"+name+".txtar", txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
				t.Errorf("what is rendered differs (-want +got):\n%s", diff)
			}
		})
	}
}

// renderCase gives the files of a case, and all problems.
func renderCase(t *testing.T, archive *txtar.Archive) ([]network.File, []config.Problem) {
	t.Helper()
	c, problems := parseCase(t, archive)
	files, more := networkd.Render(c)
	return files, append(problems, more...)
}

func parseCase(t *testing.T, archive *txtar.Archive) (*network.Config, []config.Problem) {
	t.Helper()
	first := archive.Files[0]
	if first.Name == "interfaces" {
		return read.ENI("/etc/network/interfaces", string(first.Data), nil)
	}
	var nics []network.NIC
	if i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "nics" }); i >= 0 {
		for line := range strings.Lines(string(archive.Files[i].Data)) {
			if fields := append(strings.Fields(line), ""); len(fields) > 2 {
				nics = append(nics, network.NIC{Name: fields[0], MAC: fields[1], Driver: fields[2]})
			}
		}
	}
	v, problems, err := yaml.Parse(first.Name, first.Data)
	if err != nil {
		t.Fatal(err)
	}
	parse := read.YAML
	if first.Name == "network_data.json" {
		parse = read.OpenStack
	}
	c, more := parse(v, nics)
	return c, append(problems, more...)
}

func TestNoConfigurationIsNoFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []*network.Config{nil, {Disabled: true}, {}} {
		if files, problems := networkd.Render(c); len(files)+len(problems) > 0 {
			t.Errorf("Render(%v) gave %v and %v", c, files, problems)
		}
	}
}

func TestKeysAreForNetworkdAlone(t *testing.T) {
	t.Parallel()
	files, _ := networkd.Render(model("x"))
	for _, f := range files {
		holds := strings.Contains(string(f.Content), "PrivateKey=")
		if holds != f.Secret || holds != (f.Mode == 0o640) {
			t.Errorf("%s, with a private key: %v, has mode %o and is secret: %v", f.Path, holds, f.Mode, f.Secret)
		}
	}
	if !slices.ContainsFunc(files, func(f network.File) bool { return f.Secret }) {
		t.Error("no file has a private key")
	}
}

func TestAKeyMayBeInAFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/etc/wireguard/key":                           "PrivateKeyFile=/etc/wireguard/key\n",
		"/GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8=": "PrivateKey=/GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8=\n",
	} {
		files, _ := networkd.Render(model(text))
		if !slices.ContainsFunc(files, func(f network.File) bool { return strings.Contains(string(f.Content), want) }) {
			t.Errorf("%s: no file has %s", text, want)
		}
	}
}
