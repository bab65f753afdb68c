package schema_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"cloudseed/modules"
	"cloudseed/schema"

	"github.com/google/go-cmp/cmp"
)

// What the registry of modules decides is generated from it: a module that is registered and was not
// generated fails by the name of the file.
func TestWhatFollowsFromTheRegistryIsCurrent(t *testing.T) {
	t.Parallel()
	for file, generate := range map[string]func(before string) string{
		"../docs/modules.md":     func(string) string { return schema.Reference() },
		"../packaging/cloud.cfg": listModules, // a packaged guest runs what it lists
	} {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := generate(string(before))
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, string(before)); diff != "" {
			t.Errorf("%s is not what the registry of modules says; go generate ./schema writes it (-registry +file):\n%s", file, diff)
		}
	}
}

// listModules returns cloud.cfg with the lists of the stages anew.
func listModules(cfg string) string {
	for _, stage := range []modules.Stage{modules.InitStage, modules.ConfigStage, modules.FinalStage} {
		list := string(stage) + ":\n"
		for _, name := range modules.DefaultNames(stage) {
			list += "  - " + name + "\n"
		}
		old := regexp.MustCompile(`(?m)^` + string(stage) + `:\n(  - .*\n)*`)
		cfg = old.ReplaceAllLiteralString(cfg, list)
	}
	return cfg
}

// A list that is not there would not be generated, and not missed.
func TestThePackagesConfigurationListsAllModules(t *testing.T) {
	t.Parallel()
	cfg, err := os.ReadFile("../packaging/cloud.cfg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range modules.Names() {
		if m, _ := modules.Find(name); strings.Contains(string(cfg), "\n  - "+name+"\n") == m.OffByDefault {
			t.Errorf("packaging/cloud.cfg lists %s, or it does not; it is off by default: %v", name, m.OffByDefault)
		}
	}
}
