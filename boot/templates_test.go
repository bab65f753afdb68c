package boot_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/boot"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// templated is a seed with metadata for templates.
func templated(userData string) seed.Files {
	return seed.NoCloud("i-1", userData).With("meta-data", "instance-id: i-1\nlocal-hostname: web1.example.org\nrack: 7\n")
}

func TestATemplateIsFilledInWithInstanceData(t *testing.T) {
	t.Parallel()
	reported := func(r boot.Report) []string { return append(r.Errors, r.Warnings...) }
	for name, test := range map[string]struct {
		userData string
		file     string // below the instance's directory
		want     string
		reported []string
	}{
		"a cloud-config": {
			"## template: jinja\n#cloud-config\n{% set name = local_hostname.split('.')[0] %}\nhostname: {{ name }}\nrack: {{ ds.meta_data.rack + 1 }}\n",
			"cloud-config.txt", "---\nhostname: web1\nrack: 8\n...\n",
			[]string{"user-data:5:1: rack: unknown key; it was ignored"},
		},
		"a script": {
			"## template: jinja\n#!/bin/sh\necho {{ v1.instance_id }} {{ v1['local-hostname'].split('.')[0] }}\n",
			"scripts/part-001", "#!/bin/sh\necho i-1 web1\n", nil,
		},
		"a variable without a value": {
			"## template: jinja\n#!/bin/sh\necho {{ ds.meta_data.shelf }}\n",
			"scripts/part-001", "#!/bin/sh\necho CI_MISSING_JINJA_VAR/shelf\n",
			[]string{"user-data:3:21: the template's variable ds.meta_data.shelf has no value; CI_MISSING_JINJA_VAR/shelf stands in its place"},
		},
		"reckoning without a value": {
			"## template: jinja\n#cloud-config\nname: {{ ds.meta_data.local-hostname }}\n",
			"cloud-config.txt", "",
			[]string{"user-data:3:28: ds.meta_data.local has no value: ds.meta_data.local-hostname is a subtraction; perhaps ds.meta_data.local_hostname was meant; nothing of it was applied"},
		},
		"a part with a mistake costs that part only": {
			"#cloud-config-archive\n- |\n  ## template: jinja\n  #cloud-config\n  a: {{ 1 +\n- 'b: 1'\n",
			"cloud-config.txt", "---\nb: 1\n...\n",
			[]string{
				"user-data part-001:3:4: \"{{\" begins here and has no end \"}}\"; nothing of it was applied",
				"user-data part-002:1:1: b: unknown key; it was ignored",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, templated(test.userData))
			r := g.boot(t)
			got := g.Text(t, state.InstanceDir("i-1")+"/"+test.file)
			if _, config, found := strings.Cut(got, "#cloud-config\n"); found {
				_, got, _ = strings.Cut(config, "\n\n")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", test.file, diff)
			}
			if diff := cmp.Diff(test.reported, reported(r)); diff != "" {
				t.Errorf("what was reported differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Templates may also be what decides how the machine is set up; they count once there is
// an instance.
func TestTheSystemsConfigurationMayBeATemplate(t *testing.T) {
	t.Parallel()
	g := newGuest(t, templated("#cloud-config\nhostname: web2\n"))
	g.Put(t, "/usr/share/zoneinfo/UTC", "")
	g.Put(t, "/etc/cloud/cloud.cfg", "cloud_config_modules: [timezone]\ntimezone: UTC\ncloud_final_modules: []\n")
	g.Put(t, "/etc/cloud/cloud.cfg.d/10.cfg", "## template: jinja\n{% if v1.local_hostname.startswith('web') %}\nruncmd: [[echo, '{{ ds.meta_data.rack }}']]\n{% endif %}\n")
	g.Put(t, "/etc/cloud/cloud.cfg.d/20.cfg", "## template: jinja\nmanage_etc_hosts: {{\n")
	g.Put(t, "/etc/cloud/cloud.cfg.d/30.cfg", "##template:jinja\nphone_home: {url: [\n")
	r := g.boot(t)
	c, err := g.agent(t).Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"runcmd.0.1": "7", "timezone": "UTC", "hostname": "web2"} {
		if got := c.Get(key).Text(); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if at := c.Where("runcmd"); at != "/etc/cloud/cloud.cfg.d/10.cfg:3:9" {
		t.Errorf("runcmd is said to be at %s", at)
	}
	want := []string{}
	for range state.Stages { // each reads it anew
		want = append(want,
			"/etc/cloud/cloud.cfg.d/20.cfg:2:19: \"{{\" begins here and has no end \"}}\"; the file counts as empty",
			"/etc/cloud/cloud.cfg.d/30.cfg:2:19: the '[' that opens here is never closed; the file counts as empty",
		)
	}
	if diff := cmp.Diff(want, r.Errors); diff != "" {
		t.Errorf("what was reported differs (-want +got):\n%s", diff)
	}
}
