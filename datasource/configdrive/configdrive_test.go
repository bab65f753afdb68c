package configdrive_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/media"
	"cloudseed/datasource/seedtest"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var sources = []datasource.Source{configdrive.Source{}}

// oVirt's drive as Run Once makes it: network_config names a file that is not there.
const oVirtMetadata = `{
  "launch_index" : "0",
  "availability_zone" : "nova",
  "network-interfaces" : "auto eth0\niface eth0 inet static\n  address 10.50.200.242\n  netmask 255.255.255.0\n  gateway 10.50.200.1\n",
  "name" : "abc123",
  "network_config" : {
    "content_path" : "/content/0000",
    "path" : "/etc/network/interfaces"
  },
  "hostname" : "abc123",
  "uuid" : "27fab643-103c-4816-b6da-dbbdccf69eaf",
  "meta" : {
    "essential" : "false",
    "role" : "server",
    "dsmode" : "local"
  }
}`

const (
	latest      = "openstack/latest/"
	eni         = "auto eth0\niface eth0 inet static\n  address 10.50.200.242\n  netmask 255.255.255.0\n  gateway 10.50.200.1\n"
	userData    = "#cloud-config\nssh_pwauth: true\n"
	networkData = `{"links": [{"id": "a", "type": "phy"}], "networks": [{"id": "n", "link": "a", "type": "ipv4_dhcp"}]}`
)

// with is files with some more; "" takes one away.
func with(files map[string]string, more ...string) map[string]string {
	all := maps.Clone(files)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

var oVirt = map[string]string{latest + "meta_data.json": oVirtMetadata, latest + "user_data": userData}

func find(t *testing.T, files map[string]string) (*datasource.Seed, datasource.Report) {
	t.Helper()
	return seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: "config-2", Files: files}).Find(t)
}

func must(t *testing.T, files map[string]string) *datasource.Seed {
	t.Helper()
	seed, report := find(t, files)
	if seed == nil {
		t.Fatalf("no seed: %s", report.Summary())
	}
	return seed
}

func TestOVirtsDriveIsReadWhetherOrNotTheNamedNetworkFileIsThere(t *testing.T) {
	t.Parallel()
	want := datasource.Seed{
		EC2:        map[string]any{},
		Datasource: "ConfigDrive", Description: "DataSourceConfigDrive [local,ver=2][source=/dev/sr0]", Source: "/dev/sr0",
		InstanceID: "27fab643-103c-4816-b6da-dbbdccf69eaf", Hostname: "abc123", Mode: "local",
		Platform: "configdrive", Subplatform: "config-disk (/dev/sr0)", CloudName: "configdrive", AvailabilityZone: "nova",
		UserData: secret.NewBytes([]byte(userData)),
	}
	without := want
	without.Network = &datasource.NetworkConfig{
		Format: datasource.FormatENI, Name: "/dev/sr0:openstack/latest/meta_data.json network-interfaces", Data: []byte(eni),
	}
	without.Problems = []config.Problem{{
		Severity: config.Note, Pos: config.Pos{File: "/dev/sr0:openstack/latest/meta_data.json", Line: 7, Column: 22},
		Key:     "network_config.content_path",
		Message: "there is no file openstack/content/0000; the key network-interfaces is used instead",
	}}
	whole := want
	whole.Network = &datasource.NetworkConfig{
		Format: datasource.FormatENI, Name: "/dev/sr0:openstack/content/0000", Data: []byte("# from the file\n" + eni),
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  datasource.Seed
	}{
		"without content/0000": {oVirt, without},
		"with content/0000":    {with(oVirt, "openstack/content/0000", "# from the file\n"+eni), whole},
	} {
		seed := must(t, c.files)
		diff := cmp.Diff(&c.want, seed, cmpopts.IgnoreFields(datasource.Seed{}, "Metadata"), cmpopts.IgnoreUnexported(datasource.NetworkConfig{}, config.Problem{}),
			cmp.Comparer(func(a, b secret.Bytes) bool { return string(a.Reveal()) == string(b.Reveal()) }))
		if diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if seed.Metadata["instance-id"] != seed.InstanceID || seed.Metadata["local-hostname"] != "abc123" || seed.Metadata["launch_index"] != "0" {
			t.Errorf("%s: metadata %v", name, seed.Metadata)
		}
	}
}

// TestWhatProducersWriteIsUnderstood: one row for each way in which their drives differ.
func TestWhatProducersWriteIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]string // fields, by summary
	}{
		"nova: of the dated versions the newest that is known": {
			files: map[string]string{
				"openstack/2012-08-10/meta_data.json": `{"uuid": "old"}`, "openstack/2018-08-27/meta_data.json": `{"uuid": "2018", "launch_index": 0}`,
				"openstack/2025-04-04/meta_data.json": `{"uuid": "unknown"}`, latest + "meta_data.json": `{"uuid": "latest"}`,
				"openstack/2018-08-27/user_data": "u",
			},
			want: map[string]string{"id": "2018", "user": "u"},
		},
		"a dated version without metadata is skipped": {
			files: map[string]string{"openstack/2018-08-27/user_data": "u", latest + "meta_data.json": `{"uuid": "latest"}`},
			want:  map[string]string{"id": "latest", "user": ""},
		},
		"nova: keys by name, a random seed, ec2 metadata": {
			files: map[string]string{
				latest + "meta_data.json":   `{"uuid": "i", "public_keys": {"b": "ssh-rsa B\n", "a": "ssh-rsa A"}, "random_seed": "AAEC\n/w==", "hostname": "web.novalocal", "name": "web"}`,
				"ec2/latest/meta-data.json": `{"block-device-mapping": {"ami": "vda"}}`,
			},
			want: map[string]string{"hostname": "web.novalocal", "keys": "ssh-rsa B,ssh-rsa A", "random": "\x00\x01\x02\xff", "ec2": "map[block-device-mapping:map[ami:vda]]", "mode": "net"},
		},
		"oVirt: keys are a list, slashes and an emoji are escaped": {
			files: map[string]string{latest + "meta_data.json": `{"uuid" : "i", "public_keys" : [ "ssh-rsa A\/B \ud83d\ude00", "ssh-rsa C" ]}`},
			want:  map[string]string{"keys": "ssh-rsa A/B 😀,ssh-rsa C"},
		},
		"keys are lines of a text": {
			files: map[string]string{latest + "meta_data.json": `{"uuid":"i","public_keys":"ssh-rsa A\n\nssh-rsa B\n"}`},
			want:  map[string]string{"keys": "ssh-rsa A,ssh-rsa B"},
		},
		"KubeVirt: uuid goes before instance_id": {
			files: map[string]string{latest + "meta_data.json": `{"instance_id":"vm-c.prod","hostname":"vm-c","uuid":"7f4d202b"}`},
			want:  map[string]string{"id": "7f4d202b", "hostname": "vm-c"},
		},
		"KubeVirt: instance_id alone": {
			files: map[string]string{latest + "meta_data.json": `{"instance_id":"vm-c.prod"}`},
			want:  map[string]string{"id": "vm-c.prod"},
		},
		"KubeVirt: network version 1 in YAML under OpenStack's name": {
			files: map[string]string{latest + "meta_data.json": `{"uuid":"i"}`, latest + "network_data.json": "version: 1\nconfig:\n- type: physical\n  name: eth0\n"},
			want:  map[string]string{"network": "yaml /dev/sr0:openstack/latest/network_data.json"},
		},
		"network_data.json goes before ENI": {
			files: with(oVirt, latest+"network_data.json", networkData, "openstack/content/0000", eni),
			want:  map[string]string{"network": "openstack /dev/sr0:openstack/latest/network_data.json"},
		},
		"oVirt: only name servers is a network description": {
			files: map[string]string{latest + "meta_data.json": `{"uuid":"i"}`, latest + "network_data.json": `{"services":[{"type":"dns","address":"192.0.2.53"}]}`},
			want:  map[string]string{"network": "openstack /dev/sr0:openstack/latest/network_data.json"},
		},
		"CloudStack: an empty network_data.json is none": {
			files: map[string]string{latest + "meta_data.json": `{"uuid":"i"}`, latest + "network_data.json": `{}`, latest + "vendor_data.json": `{}`},
			want:  map[string]string{"network": "", "vendor": ""},
		},
		"empty lists in network_data.json are none": {
			files: map[string]string{latest + "meta_data.json": `{"uuid":"i"}`, latest + "network_data.json": `{"links": [], "networks": [], "services": []}`},
			want:  map[string]string{"network": ""},
		},
		"CloudStack without meta_data.json has the facts in files": {
			files: map[string]string{
				latest + "network_data.json": `{}`, latest + "user_data": "u", "cloudstack/metadata/instance-id.txt": "i-2-15-VM\n",
				"cloudstack/metadata/local-hostname.txt": "vm15", "cloudstack/metadata/public-keys.txt": "ssh-rsa A\nssh-rsa B\n",
			},
			want: map[string]string{"id": "i-2-15-VM", "hostname": "vm15", "keys": "ssh-rsa A,ssh-rsa B", "user": "u"},
		},
		"Proxmox: vendor_data.json of no bytes is none": {
			files: map[string]string{
				latest + "meta_data.json":   "{\n     \"uuid\": \"91d7a5\",\n     \"network_config\": { \"content_path\": \"/content/0000\" }\n}\n",
				latest + "vendor_data.json": "", latest + "user_data": userData, "openstack/content/0000": eni,
			},
			want: map[string]string{"id": "91d7a5", "vendor": "", "network": "eni /dev/sr0:openstack/content/0000"},
		},
		"metal3: no hostname, but local-hostname": {
			files: map[string]string{latest + "meta_data.json": `{"uuid": "u", "local-hostname": "bmh-0", "local_hostname": "bmh-0", "availability_zone": ""}`},
			want:  map[string]string{"hostname": "bmh-0"},
		},
		"vendor data is a text, a list, or under cloud-init": {
			files: map[string]string{
				latest + "meta_data.json": `{"uuid": "u"}`, latest + "vendor_data.json": `["#cloud-config\na: 1", "#!/bin/sh"]`,
				latest + "vendor_data2.json": `{"static": {}, "cloud-init": "#cloud-config\n{}"}`,
			},
			want: map[string]string{"vendor": "#cloud-config\na: 1|#!/bin/sh", "vendor2": "#cloud-config\n{}"},
		},
		"files are read wherever they are below openstack, and nowhere else": {
			files: map[string]string{
				latest + "meta_data.json": `{"uuid": "u", "files": [{"path": "/etc/a", "content_path": "/content/0001"}, {"path": "etc/b", "content_path": "content/0002"},
					{"path": "../../etc/c", "content_path": "/../../content/0001"}, {"content_path": "/content/0001"}]}`,
				"openstack/content/0001": "one", "openstack/content/0002": "\x00\xff",
			},
			want: map[string]string{"files": "/etc/a=one|/etc/b=\x00\xff|/etc/c=one"},
		},
		"JSON that is no YAML": {
			files: map[string]string{latest + "meta_data.json": "{\"uuid\"\n:\"u\",\n\t\"" + strings.Repeat("k", 1100) + "\": 1, \"hostname\": \"h\"}"},
			want:  map[string]string{"id": "u", "hostname": "h"},
		},
		"a long number in JSON that is no YAML": {
			files: map[string]string{latest + "meta_data.json": "{\"uuid\"\n:12345678901234567890123,\n\t\"" + strings.Repeat("k", 1100) + "\": 1}"},
			want:  map[string]string{"id": "12345678901234567890123"},
		},
		"a byte order mark and CR LF": {
			files: map[string]string{latest + "meta_data.json": "\xef\xbb\xbf{\r\n\"uuid\": \"u\"\r\n}\r\n"},
			want:  map[string]string{"id": "u"},
		},
		"the mode that was only documented is net": {
			files: map[string]string{latest + "meta_data.json": `{"uuid": "u", "meta": {"dsmode": "pass"}}`},
			want:  map[string]string{"mode": "net"},
		},
		"version 1": {
			files: map[string]string{
				"meta.js":                   `{"public-keys": "ssh-rsa A\n# no key\nssh-rsa B", "instance-id": "old-1", "dsmode": "local", "user-data": "#!/bin/sh"}`,
				"etc/network/interfaces":    eni,
				"root/.ssh/authorized_keys": "ssh-rsa C",
			},
			want: map[string]string{"id": "old-1", "mode": "local", "keys": "ssh-rsa A,ssh-rsa B", "user": "#!/bin/sh", "network": "eni /dev/sr0:etc/network/interfaces", "ver": "ver=1"},
		},
		"version 1 of nothing but keys": {
			files: map[string]string{"root/.ssh/authorized_keys": "# mine\nssh-rsa C\n"},
			want:  map[string]string{"id": "iid-dsconfigdrive", "keys": "ssh-rsa C", "mode": "net"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := must(t, c.files)
			got := summary(seed)
			for key, want := range c.want {
				if got[key] != want {
					t.Errorf("%s: got %q, want %q", key, got[key], want)
				}
			}
			if len(seed.Problems) > 0 && !strings.HasPrefix(name, "nothing") && c.want["network"] == "" {
				t.Errorf("problems: %s", seedtest.Problems(seed))
			}
		})
	}
}

func TestNoDriveWithoutALabelIsMistakenForOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drive seedtest.Drive
		found bool
	}{
		"a whole disk that is one":              {seedtest.Drive{Label: "", Files: oVirt}, true},
		"a whole FAT disk that is one":          {seedtest.Drive{Filesystem: media.VFAT, Files: oVirt}, true},
		"a partition without the label":         {seedtest.Drive{Partition: true, Files: oVirt}, false},
		"a partition with the label":            {seedtest.Drive{Partition: true, Label: "CONFIG-2", Files: oVirt}, true},
		"a label in mixed case on a partition":  {seedtest.Drive{Partition: true, Label: "Config-2", Files: oVirt}, false},
		"an installation medium":                {seedtest.Drive{Label: "RHEL-9", Files: map[string]string{"images/install.img": "x"}}, false},
		"a disk whose metadata has no uuid":     {seedtest.Drive{Files: map[string]string{latest + "meta_data.json": `{"a": 1}`}}, false},
		"a disk whose metadata is broken":       {seedtest.Drive{Files: with(oVirt, latest+"meta_data.json", "{")}, false},
		"UDF without a label is not looked at":  {seedtest.Drive{Filesystem: media.UDF, Files: oVirt}, false},
		"UDF with the label":                    {seedtest.Drive{Filesystem: media.UDF, Label: "config-2", Files: oVirt}, true},
		"a drive that says that it is disabled": {seedtest.Drive{Label: "config-2", Files: map[string]string{latest + "meta_data.json": `{"uuid": "u", "meta": {"dsmode": "disabled"}}`}}, false},
	} {
		c.drive.Path = "/dev/vdb"
		if c.drive.Partition {
			c.drive.Path = "/dev/vdb1"
		}
		if seed, report := seedtest.New(t, sources, c.drive).Find(t); (seed != nil) != c.found {
			t.Errorf("%s: found %v; %s", name, seed, report.Summary())
		}
	}
}

func TestTheDriveIsChosenInCloudInitsOrder(t *testing.T) {
	t.Parallel()
	drive := func(path, label string) seedtest.Drive {
		return seedtest.Drive{Path: path, Label: label, Files: map[string]string{latest + "meta_data.json": `{"uuid": "` + path + `"}`}}
	}
	m := seedtest.New(t, sources, drive("/dev/sr0", "config-2"), drive("/dev/sr1", "CONFIG-2"), drive("/dev/vdb", ""), seedtest.Drive{Path: "/dev/vdz", Label: "config-2"})
	seed, _ := m.Find(t)
	if seed == nil || seed.InstanceID != "/dev/sr1" || m.Opened() != "/dev/vdz /dev/sr1" {
		t.Errorf("got %v after %s; labelled ones come first, the last by name before others", seed, m.Opened())
	}

	for file, id := range map[string]string{"/config-drive/" + latest: "second", "/var/lib/cloud/seed/config_drive/" + latest: "first"} {
		m.Put(t, file+"meta_data.json", `{"uuid": "`+id+`"}`)
	}
	seed, _ = m.Find(t)
	if seed == nil || seed.InstanceID != "first" || seed.Subplatform != "seed-dir (/var/lib/cloud/seed/config_drive)" {
		t.Errorf("got %v, want the seed directory", seed)
	}
	m.Put(t, "/var/lib/cloud/seed/config_drive/"+latest+"meta_data.json", "")
	seed, _ = m.Find(t)
	if seed == nil || seed.InstanceID != "second" || seed.Description != "DataSourceConfigDrive [net,ver=2][source=/config-drive]" {
		t.Errorf("got %v, want /config-drive", seed)
	}
}

func TestTheSystemsConfigurationSettlesTheModeOfADriveThatNamesNone(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Files: map[string]string{latest + "meta_data.json": `{"uuid": "u"}`}})
	m.Configure(t, "datasource: {ConfigDrive: {dsmode: local}}")
	if seed, _ := m.Find(t); seed == nil || seed.Mode != "local" {
		t.Errorf("got %v", seed)
	}
}

// summary is what rows of tests compare.
func summary(s *datasource.Seed) map[string]string {
	blobs := func(list []secret.Bytes) string {
		var parts []string
		for _, b := range list {
			parts = append(parts, string(b.Reveal()))
		}
		return strings.Join(parts, "|")
	}
	var files []string
	for _, f := range s.Files {
		files = append(files, f.Path+"="+string(f.Content.Reveal()))
	}
	m := map[string]string{
		"id": s.InstanceID, "hostname": s.Hostname, "mode": s.Mode, "user": string(s.UserData.Reveal()),
		"keys": strings.Join(s.PublicKeys, ","), "random": string(s.RandomSeed.Reveal()), "files": strings.Join(files, "|"),
		"vendor": blobs(s.VendorData), "vendor2": blobs(s.VendorData2), "ver": s.Description[strings.Index(s.Description, "ver="):][:5],
	}
	if s.Network != nil {
		m["network"] = string(s.Network.Format) + " " + s.Network.Name
	}
	if s.EC2 != nil {
		m["ec2"] = fmt.Sprint(s.EC2)
	}
	return m
}
