package configdrive_test

import (
	"errors"
	"strings"
	"testing"

	"cloudseed/datasource/seedtest"
)

func TestWhatIsBrokenIsToldAndLeftOut(t *testing.T) {
	t.Parallel()
	metadata := func(more string) map[string]string {
		return map[string]string{latest + "meta_data.json": `{"uuid": "u", "hostname": "h",` + "\n" + more + `}`, latest + "user_data": userData}
	}
	good := metadata(`"a": 1`)
	const file = "/dev/sr0:openstack/latest/"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string // in the problems
		ok    map[string]string
	}{
		"the named network file, and no text instead": {
			files: metadata(`"network_config": {"content_path": "/content/0000"}`),
			want:  []string{"warning: " + file + "meta_data.json:2:36: network_config.content_path: there is no file openstack/content/0000; the network is not configured from it"},
			ok:    map[string]string{"network": ""},
		},
		"network_config names nothing": {
			files: metadata(`"network_config": {"name": "x"}`),
			want:  []string{"warning: " + file + "meta_data.json:2:19: network_config.content_path: it names no content_path"},
		},
		"network_data.json is no JSON": {
			files: with(good, latest+"network_data.json", "{\"links\": [\n  {\"id\": 1}"),
			want:  []string{"error: " + file + "network_data.json:", "the file was skipped"},
			ok:    map[string]string{"network": ""},
		},
		"network_data.json is a number": {
			files: with(good, latest+"network_data.json", "42"),
			want:  []string{"error: " + file + "network_data.json:1:1: expected a mapping"},
		},
		"a broken network_data.json leaves ENI": {
			files: with(oVirt, latest+"network_data.json", "[1,", "openstack/content/0000", eni),
			want:  []string{"error: " + file + "network_data.json:1:3: it is no JSON"},
			ok:    map[string]string{"network": "eni /dev/sr0:openstack/content/0000", "hostname": "abc123", "id": "27fab643-103c-4816-b6da-dbbdccf69eaf"},
		},
		"vendor_data.json is no JSON": {
			files: with(good, latest+"vendor_data.json", "{\n\"a\" 1}", latest+"vendor_data2.json", `"text"`),
			want:  []string{"error: " + file + "vendor_data.json:2:5: it is no JSON"},
			ok:    map[string]string{"vendor": "", "vendor2": "text"},
		},
		"vendor data is a map inside a map": {
			files: with(good, latest+"vendor_data.json", `{"cloud-init": {"a": 1}}`),
			want:  []string{"warning: " + file + "vendor_data.json:1:16: cloud-init: expected a string"},
		},
		"an item of the vendor data is no text": {
			files: with(good, latest+"vendor_data2.json", `["a", {"b": 1}]`),
			want:  []string{"warning: " + file + "vendor_data2.json:1:7: expected a string"},
			ok:    map[string]string{"vendor2": "a"},
		},
		"the random seed is no base64": {
			files: metadata(`"random_seed": "%%%"`),
			want:  []string{"warning: " + file + "meta_data.json:2:16: random_seed: it is not base64"},
			ok:    map[string]string{"random": ""},
		},
		"a file's content is missing, another has none": {
			files: with(metadata(`"files": [{"path": "/a", "content_path": "/content/0001"}, {"path": "/b"}, {"path": "/c", "content_path": "content/2"}]`), "openstack/content/2", "c"),
			want: []string{
				"error: " + file + "meta_data.json:2:11: files: there is no file openstack/content/0001; /a was not written",
				"error: " + file + "meta_data.json:2:60: files: it names no content_path; /b was not written",
			},
			ok: map[string]string{"files": "/c=c"},
		},
		"ec2 metadata is broken": {
			files: with(good, "ec2/latest/meta-data.json", "[]"),
			want:  []string{"error: /dev/sr0:ec2/latest/meta-data.json:1:1: expected a mapping"},
		},
		"a mode that there is not": {
			files: metadata(`"meta": {"dsmode": "lokal"}`),
			want:  []string{"warning: " + file + `meta_data.json:2:20: dsmode: "lokal" is none of local, net and disabled; it counts as net`},
			ok:    map[string]string{"mode": "net"},
		},
		"meta is a text": {
			files: metadata(`"meta": "x"`),
			ok:    map[string]string{"mode": "net"},
		},
		"a labelled drive names no uuid": {
			files: map[string]string{latest + "meta_data.json": `{"hostname": "h"}`, latest + "user_data": userData},
			want:  []string{"warning: " + file + "meta_data.json:1:1: uuid: it is missing; the instance is called iid-dsconfigdrive"},
			ok:    map[string]string{"id": "iid-dsconfigdrive"},
		},
		"a key is there twice": {
			files: map[string]string{latest + "meta_data.json": "{\"uuid\": \"u\", \"hostname\": \"a\",\n\"hostname\": \"h\"}", latest + "user_data": userData},
			want:  []string{"warning: " + file + "meta_data.json:2:1"},
		},
		"meta_data.json is no JSON": {
			files: with(oVirt, latest+"meta_data.json", strings.Replace(oVirtMetadata, `"hostname" :`, `"hostname"`, 1)),
			want:  []string{"error: " + file + "meta_data.json:10:14: it is no JSON: invalid character '\"' after object key", "warning: " + file + "meta_data.json: without it the instance is called iid-dsconfigdrive"},
			ok:    map[string]string{"id": "iid-dsconfigdrive", "hostname": "", "user": userData},
		},
		"meta_data.json is empty": {
			files: with(oVirt, latest+"meta_data.json", ""),
			want:  []string{"error: " + file + "meta_data.json: it is empty"},
			ok:    map[string]string{"id": "iid-dsconfigdrive", "hostname": ""},
		},
		"meta.js of version 1 is broken": {
			files: map[string]string{"meta.js": "{", "root/.ssh/authorized_keys": "ssh-rsa A"},
			want:  []string{"error: /dev/sr0:meta.js:1:1"},
			ok:    map[string]string{"keys": "ssh-rsa A", "hostname": "", "user": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := must(t, c.files)
			got := summary(seed)
			want := map[string]string{"hostname": "h", "user": userData}
			for key, value := range c.ok {
				want[key] = value
			}
			for key, value := range want {
				if got[key] != value {
					t.Errorf("%s: got %q, want %q", key, got[key], value)
				}
			}
			problems := seedtest.Problems(seed)
			for _, text := range c.want {
				if !strings.Contains(problems, text) {
					t.Errorf("no problem says %q:\n%s", text, problems)
				}
			}
			if len(c.want) == 0 && problems != "" {
				t.Errorf("problems:\n%s", problems)
			}
		})
	}
}

func TestAnInstanceIsKeptWhenItsDriveIsInRuins(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: "config-2", Files: with(oVirt, latest+"meta_data.json", "{")})
	if seed, _ := m.Find(t); seed == nil || !seed.Partial {
		t.Errorf("a fresh machine: got %v, want a partial seed", seed)
	}
	m.IsInstance("before")
	seed, report := m.Find(t)
	if seed != nil || !strings.Contains(report.Summary(), "/dev/sr0:openstack/latest/meta_data.json:1:") {
		t.Errorf("a machine that is an instance: got %v; %s", seed, report.Summary())
	}
	if !strings.Contains(m.Log(), "the machine stays the instance that it is") {
		t.Errorf("nobody is told: %s", m.Log())
	}
}

func TestAWholeDriveGoesBeforeARuin(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources,
		seedtest.Drive{Path: "/dev/sr1", Label: "config-2", Files: with(oVirt, latest+"meta_data.json", "{")},
		seedtest.Drive{Path: "/dev/sr0", Label: "config-2", Files: oVirt})
	if seed, _ := m.Find(t); seed == nil || seed.Source != "/dev/sr0" || len(seed.Problems) != 1 {
		t.Errorf("got %v", seed)
	}
}

// TestAPlaceThatIsNoDriveIsReported: by the device and the reason, loudly if its label
// says that it should be one.
func TestAPlaceThatIsNoDriveIsReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drive seedtest.Drive
		want  string
		loud  bool
	}{
		"nothing on it":            {seedtest.Drive{Label: "config-2"}, "/dev/sr0: it holds no config drive; it is empty", true},
		"no metadata":              {seedtest.Drive{Label: "config-2", Files: map[string]string{latest + "user_data": "x"}}, "/dev/sr0: there is no openstack/latest/meta_data.json", true},
		"no label and no metadata": {seedtest.Drive{Files: map[string]string{latest + "user_data": "x"}}, "/dev/sr0: there is no openstack/latest/meta_data.json", false},
		"it cannot be read":        {seedtest.Drive{Label: "CONFIG-2", Broken: errors.New("I/O error")}, "/dev/sr0: I/O error", true},
		"broken, and no user data": {seedtest.Drive{Label: "config-2", Files: map[string]string{latest + "meta_data.json": "{\n\"a\" b}"}}, "/dev/sr0:openstack/latest/meta_data.json:2:5: it is no JSON", true},
	} {
		c.drive.Path = "/dev/sr0"
		m := seedtest.New(t, sources, c.drive)
		seed, report := m.Find(t)
		if seed != nil || !strings.Contains(report.Summary(), c.want) {
			t.Errorf("%s: got %v; %s", name, seed, report.Summary())
		}
		if loud := len(report.Refused()) > 0; loud != c.loud {
			t.Errorf("%s: refused: %v, want %v: %+v", name, loud, c.loud, report)
		}
	}
}
