package boot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/state"
	"cloudseed/test/seed"
)

// vendorParts is vendor data of every kind, as an archive.
const vendorParts = `#cloud-config-archive
- "timezone: Europe/Berlin"
- {content: "#!/bin/sh", filename: script}
- {content: "#!/bin/sh", filename: often, type: text/x-shellscript-per-boot}
- {content: "#cloud-boothook\n#!/bin/sh", filename: hook}
`

// The user's settings and the system's say what becomes of vendor data, with the user's
// over the system's, however truth is written.
func TestVendorDataIsSwitchedOffByWhoIsOverIt(t *testing.T) {
	t.Parallel()
	all := []string{"boothooks/hook", "scripts/vendor/script", "timezone", "vendor-cloud-config.txt"}
	for name, test := range map[string]struct {
		user, system string
		want         []string
	}{
		"nobody says anything":      {"#cloud-config\n", "{}", all},
		"the user":                  {"#cloud-config\nvendor_data: {enabled: false}\n", "{}", nil},
		"the user, in a word":       {"#cloud-config\nvendor_data: {enabled: 'no'}\n", "{}", nil},
		"the user, by no map":       {"#cloud-config\nvendor_data: false\n", "{}", nil},
		"the system":                {"#cloud-config\n", "vendor_data: {enabled: false}", nil},
		"the user against it":       {"#cloud-config\nvendor_data: {enabled: 'yes'}\n", "vendor_data: {enabled: false}", all},
		"the user, for scripts":     {"#cloud-config\nvendor_data: {disabled_handlers: [text/x-shellscript]}\n", "{}", []string{"boothooks/hook", "timezone", "vendor-cloud-config.txt"}},
		"the system, for the rest":  {"#cloud-config\n", "vendor_data: {disabled_handlers: [text/cloud-config, text/cloud-boothook]}", []string{"scripts/vendor/script", "vendor-cloud-config.txt"}},
		"the system, for one alone": {"#cloud-config\n", "vendor_data: {disabled_handlers: text/cloud-boothook}", []string{"scripts/vendor/script", "timezone", "vendor-cloud-config.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", test.user).With("vendor-data", vendorParts))
			g.Put(t, "/etc/cloud/cloud.cfg.d/50_test.cfg", test.system)
			g.boot(t)
			var got []string
			instance := filepath.Join(g.Dir, state.InstanceDir("i-1"))
			for _, file := range []string{"boothooks/hook", "scripts/vendor/script", "vendor-cloud-config.txt"} {
				if _, err := os.Stat(filepath.Join(instance, file)); err == nil {
					got = append(got, file)
				}
			}
			c, err := g.agent(t).Configuration(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.Get("timezone") != nil {
				got = append(got, "timezone")
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("what became of it differs (-want +got):\n%s", diff)
			}
			// Its parts are kept all the same, and nothing runs its scripts of this kind.
			if message := g.Text(t, state.InstanceDir("i-1")+"/vendor-data.txt.i"); strings.Count(message, "\nContent-Type: ") != 4 {
				t.Errorf("the parts that are kept: %s", message)
			}
			if _, err := os.Stat(filepath.Join(g.Dir, state.CloudDir, "scripts/per-boot/often")); err == nil {
				t.Error("a script of vendor data is to be run at every boot")
			}
		})
	}
}

func TestWhatSwitchedOffVendorDataWasIsForgotten(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "").With("vendor-data", "#cloud-config\na: 1\n"))
	g.boot(t)
	g.Put(t, "/etc/cloud/cloud.cfg.d/50_test.cfg", "vendor_data: {enabled: false}")
	g.boot(t)
	if text := g.Text(t, state.InstanceDir("i-1")+"/vendor-cloud-config.txt"); text != "" {
		t.Errorf("it is still %q", text)
	}
}

func TestAListOfVendorDataIsKeptInJSON(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.OVirt().With("openstack/latest/vendor_data.json", `["#cloud-config\n{a: <1>}\n", "", "#!/bin/sh"]`))

	r := g.boot(t)
	dir := state.InstanceDir(r.InstanceID)
	if diff := cmp.Diff("[\n \"#cloud-config\\n{a: <1>}\\n\",\n \"\",\n \"#!/bin/sh\"\n]", g.Text(t, dir+"/vendor-data.txt")); diff != "" {
		t.Errorf("vendor-data.txt differs (-want +got):\n%s", diff)
	}
	if text := g.Text(t, dir+"/scripts/vendor/part-003"); text != "#!/bin/sh" {
		t.Errorf("the script is %q", text)
	}
}
