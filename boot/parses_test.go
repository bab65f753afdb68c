package boot_test

import (
	"maps"
	"slices"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// It is not parallel: what other tests parse would count too.
func TestEachDocumentIsParsedOnceInAStage(t *testing.T) {
	g := newGuest(t, seed.Files{
		"meta-data":      "instance-id: i-1\nlaunch-index: 1\n",
		"network-config": "version: 2\nethernets: {}\n",
		"user-data": mimeOf(
			"text/cloud-config", "a: 1\n",
			"text/cloud-config\nLaunch-Index: 1", "b: 1\n",
			"text/plain", "#cloud-config\nc: 1\n",
			"text/plain", "locale: without-a-header\n",
			"text/cloud-config-archive", "[{type: text/cloud-config, content: 'd: 1'}, 'e: 1']\n",
			"text/jinja2", "## template: jinja\n#cloud-config\nf: {{ v1.instance_id }}\n",
			"text/cloud-config-jsonp", `[{"op": "add", "path": "/g", "value": 1}]`,
			"text/cloud-config", "launch-index: 2\nh: 1\n",
		),
		"vendor-data": "#cloud-config\ni: 1\n",
	})
	g.Put(t, "/etc/cloud/cloud.cfg", "j: 1\n")
	g.Put(t, "/etc/cloud/cloud.cfg.d/10.cfg", "k: 1\n")
	g.Put(t, "/etc/cloud/cloud.cfg.d/20.cfg", "## template: jinja\nl: {{ v1.instance_id }}\n")
	system := []string{"/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/10.cfg", "/etc/cloud/cloud.cfg.d/20.cfg", "built-in"}
	userData := []string{
		"user-data part-001", "user-data part-002", "user-data part-003", "user-data part-004", "user-data part-005",
		"user-data part-006", "user-data part-007", "user-data part-008", "user-data part-009", "vendor-data",
	}
	for _, stage := range state.Stages {
		want := slices.Concat(system, userData, []string{"metadata"}) // of the seed, as it is kept
		if stage == state.StageLocal {
			want = slices.Concat(system, userData, []string{"seed/meta-data", "seed/network-config"})
		}
		parsed := map[document]int{}
		stop := yaml.Observe(func(file string, data []byte) { parsed[document{file, string(data)}]++ })
		g.run(t, stage)
		stop()
		for d, times := range parsed {
			if times != 1 {
				t.Errorf("%s: %q of %s is parsed %d times", stage, d.text, d.file, times)
			}
		}
		for _, file := range want {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(parsed)), func(d document) bool { return d.file == file }) {
				t.Errorf("%s: %s is not parsed", stage, file)
			}
		}
	}
}

// document is a text with the name that it has in messages.
type document struct{ file, text string }
