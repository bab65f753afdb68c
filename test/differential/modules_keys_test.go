package differential

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules"
)

// uncompared are keys that no machine of ours has, with the reason.
var uncompared = map[string]string{
	"disk_setup":                "disks are compared on real loop devices, in guest/block",
	"fs_setup":                  "disks are compared on real loop devices, in guest/block",
	"chef.omnibus_sha256":       "cloud-init has no such key",
	"puppet.aio_install_sha256": "cloud-init has no such key",
	"phone_home.format":         "cloud-init has no such key",
	"runcmd_on_error":           "cloud-init has no such key",
	"write_files.source.sha256": "cloud-init has no such key",
	"growpart.lvm":              "cloud-init has no such key",
}

// TestEveryKeyOfModulesIsCompared holds the machines of our own to the modules: each key of each
// must be in one of them.
func TestEveryKeyOfModulesIsCompared(t *testing.T) {
	has, cases := map[string]bool{}, 0
	for _, list := range machines(t) {
		for _, m := range list {
			cases++
			v, _, err := yaml.Parse(m.name, []byte(m.user))
			if err != nil {
				continue // it is no cloud-config
			}
			addKeys(has, "", v)
		}
	}
	const fewest = 250
	if cases < fewest {
		t.Errorf("there are %d machines, fewer than %d", cases, fewest)
	}
	used := map[string]bool{}
	var missing []string
	var walk func(docs []config.KeyDoc, above string)
	walk = func(docs []config.KeyDoc, above string) {
		for _, d := range docs {
			name := above + d.Key
			if uncompared[name] != "" {
				used[name] = true
				continue
			}
			if !has[name] {
				missing = append(missing, name)
			}
			walk(d.Children, name+".")
		}
	}
	for _, m := range modules.All() {
		walk(config.Describe(m.Keys), "")
	}
	slices.Sort(missing)
	for _, name := range slices.Compact(missing) {
		t.Errorf("no machine in testdata/modules has the key %s", name)
	}
	for name := range maps.Keys(uncompared) {
		if !used[name] || has[name] {
			t.Errorf("%s need not be in uncompared", name)
		}
	}
	t.Logf("%d machines, %d keys that differ", cases, len(has))
}

// addKeys notes the paths of all keys, with those of mappings in lists, and of mappings whose
// keys are names, as if they were the mapping's own.
func addKeys(has map[string]bool, above string, v *config.Value) {
	for _, item := range v.Items() {
		addKeys(has, above, item)
	}
	for _, key := range v.Keys() {
		name := strings.ReplaceAll(key, "-", "_")
		has[above+name] = true
		addKeys(has, above+name+".", v.Get(key))
		if above != "" {
			addKeys(has, above, onlyMap(v.Get(key)))
		}
	}
}

// onlyMap is a mapping, or nothing.
func onlyMap(v *config.Value) *config.Value {
	if v.Kind() == config.Map {
		return v
	}
	return nil
}
