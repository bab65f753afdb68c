package nocloud_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"cloudseed/datasource"
	"cloudseed/datasource/media"
	"cloudseed/datasource/nocloud"
	"cloudseed/datasource/seedtest"
)

var sources = []datasource.Source{nocloud.Source{}}

const seedDir = "/var/lib/cloud/seed/"

// drive is a volume labelled cidata, with user data unless files has its own.
func drive(files ...string) seedtest.Drive {
	d := seedtest.Drive{Path: "/dev/sr0", Label: "cidata", Files: map[string]string{"user-data": "#cloud-config\n"}}
	for i := 0; i < len(files); i += 2 {
		d.Files[files[i]] = files[i+1]
	}
	return d
}

// line is a seed in one line, for tables.
func line(s *datasource.Seed) string {
	if s == nil {
		return "no seed"
	}
	parts := []string{s.InstanceID, s.Hostname, s.Mode, "user:" + string(s.UserData.Reveal())}
	for _, v := range s.VendorData {
		parts = append(parts, "vendor:"+string(v.Reveal()))
	}
	if s.Network != nil {
		parts = append(parts, "network:"+string(s.Network.Format)+":"+string(s.Network.Data))
	}
	return strings.Join(parts, " ")
}

// TestWhatProducersWriteIsUnderstood: one row for each way in which their metadata
// differs.
func TestWhatProducersWriteIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		metadata string
		want     string // id, hostname, keys, cloud name
	}{
		"KubeVirt: JSON in one line, keys by number that end in a newline": {
			`{"instance-type":"u1.small","instance-id":"574863be","local-hostname":"vm-a","public-keys":{"0":"ssh-ed25519 A alice\n","1":"ssh-rsa B"}}`,
			"574863be vm-a [ssh-ed25519 A alice ssh-rsa B] unknown",
		},
		"cloud-localds: JSON over lines":                 {"{\n\"instance-id\": \"iid-local01\",\n\"local-hostname\": \"box\",\n\"interfaces\": \"auto eth0\\n\"\n}\n", "iid-local01 box [] unknown"},
		"Vagrant: a document's beginning":                {"---\ninstance-id: i-abc\n", "i-abc  [] unknown"},
		"Multipass: the header of a cloud-config":        {"#cloud-config\ninstance-id: primary\nlocal-hostname: primary\ncloud-name: Multipass\n", "primary primary [] multipass"},
		"virt-install: no bytes at all":                  {"", "nocloud  [] unknown"},
		"nothing but a comment":                          {"# none\n", "nocloud  [] unknown"},
		"Rancher: no instance id":                        {"local-hostname: pool1\n", "nocloud pool1 [] unknown"},
		"Hyper-V: CR LF and a byte order mark":           {"\xef\xbb\xbfinstance-id: i-1\r\nlocal-hostname: w\r\n", "i-1 w [] unknown"},
		"Proxmox: a number as hostname":                  {"instance-id: 5d4\nlocal-hostname: 101\n", "5d4 101 [] unknown"},
		"an instance id that is a number":                {"instance-id: 0123\n", "83  [] unknown"},
		"an instance id that is a date":                  {"instance-id: 2024-01-02\n", "2024-01-02  [] unknown"},
		"an instance id that is null":                    {"instance-id:\n", "nocloud  [] unknown"},
		"an instance id that is a block":                 {"instance-id: |\n  abc\n", "abc  [] unknown"},
		"keys are a text":                                {"instance-id: a\npublic-keys: |\n  ssh-rsa A\n  ssh-rsa B\n", "a  [ssh-rsa A ssh-rsa B] unknown"},
		"keys are a list":                                {"instance-id: a\npublic-keys: [ssh-rsa A, ssh-rsa B]\n", "a  [ssh-rsa A ssh-rsa B] unknown"},
		"keys are a map of lists":                        {"instance-id: a\npublic-keys: {x: [ssh-rsa A, ''], y: ssh-rsa B}\n", "a  [ssh-rsa A ssh-rsa B] unknown"},
		"keys are as EC2 has them":                       {"instance-id: a\npublic-keys: {'0': {openssh-key: ssh-rsa A}}\n", "a  [ssh-rsa A] unknown"},
		"keys are null":                                  {"instance-id: a\npublic-keys:\n", "a  [] unknown"},
		"a cloud name that is no text is skipped":        {"instance-id: a\ncloud-name: [x]\n", "a  [] unknown"},
		"JSON with a key of more than YAML's length":     {`{"instance-id": "a", "` + strings.Repeat("k", 2000) + `": 1}`, "a  [] unknown"},
		"JSON with escaped slashes and a surrogate pair": {`{"instance-id": "a\/b", "local-hostname": "h\ud83d\ude00"}`, "a/b h😀 [] unknown"},
	} {
		seed, report := seedtest.New(t, sources, drive("meta-data", c.metadata)).Find(t)
		if seed == nil {
			t.Errorf("%s: no seed: %s", name, report.Summary())
			continue
		}
		got := fmt.Sprintf("%s %s %v %s", seed.InstanceID, seed.Hostname, seed.PublicKeys, seed.CloudName)
		if got != c.want || len(seed.Problems) > 0 || seed.Partial {
			t.Errorf("%s:\n got %s\nwant %s\nproblems: %s", name, got, c.want, seedtest.Problems(seed))
		}
		if id := fmt.Sprint(seed.Metadata["instance-id"]); strings.TrimSpace(id) != seed.InstanceID { // as the seed has it
			t.Errorf("%s: metadata %v", name, seed.Metadata)
		}
	}
}

func TestASeedSaysWhoItIsAsCloudInitDoes(t *testing.T) {
	t.Parallel()
	seed, _ := seedtest.New(t, sources, drive("meta-data", "instance-id: a\ndsmode: local\navailability-zone: z\nregion: r\nlaunch-index: 3\nrandom_seed: xyz")).Find(t)
	got := []string{seed.Description, seed.Platform, seed.Subplatform, seed.CloudName, seed.AvailabilityZone, seed.Region, seed.LaunchIndex, string(seed.RandomSeed.Reveal())}
	want := "DataSourceNoCloud [seed=/dev/sr0][dsmode=local]|nocloud|config-disk (/dev/sr0)|unknown|z|r|3|xyz"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q, want %s", got, want)
	}

	m := seedtest.New(t, sources)
	m.Put(t, seedDir+"nocloud/meta-data", "")
	m.Put(t, seedDir+"nocloud/user-data", "")
	m.Put(t, "/dev/lxd/sock", "")
	seed, _ = m.Find(t)
	if got := strings.Join([]string{seed.Description, seed.Platform, seed.Subplatform}, "|"); got != "DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]|lxd|seed-dir (/var/lib/cloud/seed/nocloud)" {
		t.Errorf("got %s", got)
	}
}

// TestSeveralPlacesAreJoined: of metadata the first place to name a key counts, of user
// data and vendor data the last, of the network the last that says something.
func TestSeveralPlacesAreJoined(t *testing.T) {
	t.Parallel()
	dir := func(t *testing.T, m *seedtest.Machine, name string, files ...string) {
		for i := 0; i < len(files); i += 2 {
			m.Put(t, seedDir+name+"/"+files[i], files[i+1])
		}
	}
	for name, c := range map[string]struct {
		serial, cmdline, config string
		setUp                   func(t *testing.T, m *seedtest.Machine)
		drives                  []seedtest.Drive
		want, places            string
	}{
		"SMBIOS before the command line before a directory before the configuration before a device": {
			serial: "ds=nocloud;i=dmi", cmdline: "quiet ds=nocloud;i=cmdline;h=cmdline ro", config: "datasource: {NoCloud: {user-data: c, meta-data: {instance-id: config, local-hostname: config, dsmode: net}}}",
			setUp: func(t *testing.T, m *seedtest.Machine) {
				dir(t, m, "nocloud", "meta-data", "{instance-id: dir, local-hostname: dir}", "user-data", "d", "vendor-data", "dv", "network-config", "version: 2")
			},
			drives: []seedtest.Drive{drive("meta-data", "instance-id: dev\nlocal-hostname: dev", "user-data", "v")},
			want:   "dmi cmdline local user:v vendor:dv network:yaml:version: 2",
			places: "dmi,cmdline,/var/lib/cloud/seed/nocloud,ds_config,/dev/sr0",
		},
		"a device's user data replaces a directory's, its instance id does not": {
			setUp: func(t *testing.T, m *seedtest.Machine) {
				dir(t, m, "nocloud", "meta-data", "instance-id: dir", "user-data", "d", "vendor-data", "dv", "network-config", "version: 1")
			},
			drives: []seedtest.Drive{drive("meta-data", "instance-id: dev\nlocal-hostname: dev", "user-data", "", "vendor-data", "", "network-config", "")},
			want:   "dir dev net user: network:yaml:version: 1", places: "/var/lib/cloud/seed/nocloud,/dev/sr0",
		},
		"of two directories the first that is whole": {
			setUp: func(t *testing.T, m *seedtest.Machine) {
				dir(t, m, "nocloud", "meta-data", "instance-id: half")
				dir(t, m, "nocloud-net", "meta-data", "instance-id: net", "user-data", "n")
			},
			want: "net  net user:n", places: "/var/lib/cloud/seed/nocloud-net",
		},
		"the configuration needs both user-data and meta-data": {
			config: "datasource: {NoCloud: {user-data: c}}", want: "no seed",
		},
		"the configuration holds texts": {
			config: "datasource: {NoCloud: {user-data: '#!/bin/sh', meta-data: 'instance-id: c', vendor-data: v, network-config: 'version: 2'}}",
			want:   "c  net user:#!/bin/sh vendor:v network:yaml:version: 2", places: "ds_config",
		},
		"the configuration holds YAML": {
			config: "datasource: {NoCloud: {user-data: {a: 1}, meta-data: {instance-id: c}}}",
			want:   "c  net user:#cloud-config\na: 1\n", places: "ds_config",
		},
		"maps in metadata are merged key by key, and a null counts": {
			setUp: func(t *testing.T, m *seedtest.Machine) {
				dir(t, m, "nocloud", "meta-data", "{instance-id: a, public-keys: {x: ssh-rsa X}, local-hostname: null}", "user-data", "")
			},
			drives: []seedtest.Drive{drive("meta-data", "{public-keys: {x: ssh-rsa Z, y: ssh-rsa Y}, local-hostname: h}", "user-data", "u")},
			want:   "a  net user:u", places: "/var/lib/cloud/seed/nocloud,/dev/sr0",
		},
		"ENI in the metadata counts without a network-config": {
			drives: []seedtest.Drive{drive("meta-data", "instance-id: a\nnetwork-interfaces: |\n  auto eth0\n", "user-data", "", "network-config", "# none\n")},
			want:   "a  net user: network:eni:auto eth0\n", places: "/dev/sr0",
		},
		"a network-config goes before ENI": {
			drives: []seedtest.Drive{drive("meta-data", "instance-id: a\nnetwork-interfaces: x", "user-data", "", "network-config", "{version: 1, config: []}")},
			want:   "a  net user: network:yaml:{version: 1, config: []}", places: "/dev/sr0",
		},
		"an empty map as network-config is none": {
			drives: []seedtest.Drive{drive("meta-data", "instance-id: a", "user-data", "", "network-config", "{}\n")},
			want:   "a  net user:", places: "/dev/sr0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := seedtest.New(t, sources, c.drives...)
			m.Search.Cmdline = c.cmdline
			m.Search.DMI = func(key string) string { return map[string]string{"system-serial-number": c.serial}[key] }
			if c.config != "" {
				m.Configure(t, c.config)
			}
			if c.setUp != nil {
				c.setUp(t, m)
			}
			seed, report := m.Find(t)
			if got := line(seed); got != c.want {
				t.Errorf("got %q, want %q; %s", got, c.want, report.Summary())
			}
			if seed != nil && seed.Source != c.places {
				t.Errorf("got the places %s, want %s", seed.Source, c.places)
			}
		})
	}
}

func TestTheCommandLineIsReadAsCloudInitDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cmdline, want string }{
		"nothing that concerns us":                   {"ro quiet ds=", "no seed"},
		"another datasource":                         {"ds=nocloudy;i=a", "no seed"},
		"capitals select and say nothing":            {"ds=NoCloud;i=a", "no seed"},
		"ci.ds selects and says nothing":             {"ci.ds=nocloud;i=a", "no seed"},
		"bare":                                       {"ds=nocloud", "nocloud  local user:"},
		"bare, for the network":                      {"ds=nocloud-net", "nocloud  net user:"},
		"short names":                                {"x ds=nocloud;h=box;i=i-1 y", "i-1 box local user:"},
		"long names, and an empty field":             {"ds=nocloud;;local-hostname=box;instance-id=a=b;", "a=b box local user:"},
		"a mode":                                     {"ds=nocloud;i=a;dsmode=net", "a  net user:"},
		"a mode that there is not":                   {"ds=nocloud;i=a;dsmode=x", "a  net user:"},
		"disabled":                                   {"ds=nocloud;i=a;dsmode=disabled", "no seed"},
		"a key without a value":                      {"ds=nocloud;i", "nocloud  local user:"},
		"of several words the last":                  {"ds=nocloud;i=a ds=nocloud;i=b", "b  local user:"},
		"a seed on the network, before there is one": {"ds=nocloud;s=http://192.0.2.1/", "no seed"},
	} {
		m := seedtest.New(t, sources)
		m.Search.Cmdline = c.cmdline
		seed, report := m.Find(t)
		if got := line(seed); got != c.want {
			t.Errorf("%s: got %q, want %q; %s", name, got, c.want, report.Summary())
		}
	}
}

func TestABareHintMakesNoNewInstance(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources)
	m.Search.DMI = func(string) string { return "ds=nocloud" }
	if seed, _ := m.Find(t); seed == nil || !seed.Partial || seed.Description != "DataSourceNoCloud [seed=dmi][dsmode=local]" {
		t.Errorf("a fresh machine: got %v", seed)
	}
	m.IsInstance("before")
	if seed, report := m.Find(t); seed != nil || !strings.Contains(report.Summary(), "the machine stays the instance that it is") {
		t.Errorf("an instance without its medium: got %v; %s", seed, report.Summary())
	}
	m.Search.Instance = func() (string, error) { return "", errors.New("it cannot be read") }
	if seed, _ := m.Find(t); seed != nil || !strings.Contains(m.Log(), "cannot tell whether this machine is an instance already: it cannot be read") {
		t.Errorf("a machine that may be an instance: got %v; %s", seed, m.Log())
	}
	m.IsInstance("before")
	m.Search.Cmdline = "ds=nocloud;i=named"
	if seed, _ := m.Find(t); seed == nil || seed.Partial || seed.InstanceID != "named" {
		t.Errorf("an instance that is named: got %v", seed)
	}
}

func TestASerialNumberOfUnsetFirmwareIsNone(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources)
	m.Search.DMI = func(string) string { return "\xff\xff\xff\xff" }
	if seed, report := m.Find(t); seed != nil || len(report) != 0 {
		t.Errorf("got %v, %v", seed, report)
	}
}

func TestDevicesAreChosenByLabel(t *testing.T) {
	t.Parallel()
	at := func(path, label string, more ...string) seedtest.Drive {
		d := drive(append([]string{"meta-data", "instance-id: " + path}, more...)...)
		d.Path, d.Label = path, label
		return d
	}
	udf := at("/dev/sr0", "cidata")
	udf.Filesystem = media.UDF
	half := seedtest.Drive{Path: "/dev/vdz", Label: "cidata", Files: map[string]string{"user-data": "x"}}
	broken := at("/dev/vdz", "CIDATA")
	broken.Broken = errors.New("I/O error")
	for name, c := range map[string]struct {
		drives       []seedtest.Drive
		config, want string
		log          string
	}{
		"small letters":                 {drives: []seedtest.Drive{at("/dev/vdb", "cidata")}, want: "/dev/vdb"},
		"capitals, on a partition":      {drives: []seedtest.Drive{at("/dev/vdb1", "CIDATA")}, want: "/dev/vdb1"},
		"mixed, as cloud-init: no":      {drives: []seedtest.Drive{at("/dev/vdb", "Cidata")}},
		"no label: no":                  {drives: []seedtest.Drive{at("/dev/vdb", "")}},
		"UDF, which Windows writes":     {drives: []seedtest.Drive{udf}, want: "/dev/sr0"},
		"of two the last by name":       {drives: []seedtest.Drive{at("/dev/sr0", "cidata"), at("/dev/vdb", "CIDATA"), at("/dev/vda2", "cidata")}, want: "/dev/vdb"},
		"an own label":                  {drives: []seedtest.Drive{at("/dev/sr0", "cidata"), at("/dev/sr1", "SEED")}, config: "datasource: {NoCloud: {fs_label: seed}}", want: "/dev/sr1"},
		"the search is switched off":    {drives: []seedtest.Drive{at("/dev/sr0", "cidata")}, config: "datasource: {NoCloud: {fs_label: null}}"},
		"one that is no seed":           {drives: []seedtest.Drive{at("/dev/sr0", "cidata"), half}, want: "/dev/sr0", log: "/dev/vdz: it is no NoCloud seed: there is no file meta-data"},
		"one that cannot be read":       {drives: []seedtest.Drive{at("/dev/sr0", "cidata"), broken}, want: "/dev/sr0", log: "/dev/vdz: I/O error"},
		"other files beside, as Lima's": {drives: []seedtest.Drive{at("/dev/sr0", "cidata", "lima.env", "A=1", "nerdctl.tgz", "x")}, want: "/dev/sr0"},
	} {
		m := seedtest.New(t, sources, c.drives...)
		if c.config != "" {
			m.Configure(t, c.config)
		}
		seed, report := m.Find(t)
		if seed == nil && c.want != "" || seed != nil && seed.InstanceID != c.want {
			t.Errorf("%s: got %v, want %q; %s", name, seed, c.want, report.Summary())
		}
		if !strings.Contains(m.Log(), c.log) || c.log == "" && m.Log() != "" {
			t.Errorf("%s: the log says %q, want %q", name, m.Log(), c.log)
		}
	}
}

func TestWhatIsBrokenIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		want  string // of the seed
		told  string
	}{
		"the metadata is no YAML":         {[]string{"meta-data", "instance-id: a\n\tx: 1\n"}, "nocloud  net user:#cloud-config\n", "error: /dev/sr0:meta-data:2:"},
		"the metadata is a text":          {[]string{"meta-data", "instance-id=a\n"}, "nocloud  net user:#cloud-config\n", "error: /dev/sr0:meta-data:1:1: expected a mapping; the file was skipped"},
		"the metadata is UTF-16":          {[]string{"meta-data", "\xff\xfei\x00"}, "nocloud  net user:#cloud-config\n", "error: /dev/sr0:meta-data:1:1: the byte 0xff is no UTF-8"},
		"the network-config is no YAML":   {[]string{"meta-data", "instance-id: a", "network-config", "version: 2\n\tethernets:"}, "a  net user:#cloud-config\n", "error: /dev/sr0:network-config:2:"},
		"a key is there twice":            {[]string{"meta-data", "instance-id: a\nlocal-hostname: x\nlocal-hostname: y"}, "a y net user:#cloud-config\n", "warning: /dev/sr0:meta-data:3:1"},
		"a mode that there is not":        {[]string{"meta-data", "instance-id: a\ndsmode: pass!"}, "a  net user:#cloud-config\n", `warning: /dev/sr0:meta-data:2:9: dsmode: "pass!" is none of local, net and disabled`},
		"vendor data is not ours to read": {[]string{"meta-data", "instance-id: a", "vendor-data", "\xff["}, "a  net user:#cloud-config\n vendor:\xff[", ""},
	} {
		seed, _ := seedtest.New(t, sources, drive(c.files...)).Find(t)
		if got := line(seed); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		} else if problems := seedtest.Problems(seed); !strings.Contains(problems, c.told) || c.told == "" && problems != "" {
			t.Errorf("%s: told %q, want %q", name, problems, c.told)
		}
	}
}

func TestAnInstanceIsKeptWhenItsMetadataIsInRuins(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, drive("meta-data", "a: ["))
	m.IsInstance("before")
	if seed, _ := m.Find(t); seed != nil || !strings.Contains(m.Log(), "/dev/sr0:meta-data:1:") {
		t.Errorf("got %v; %s", seed, m.Log())
	}
	m.Search.Cmdline = "ds=nocloud;i=named"
	if seed, _ := m.Find(t); seed == nil || seed.InstanceID != "named" || seed.Partial {
		t.Errorf("with an id from elsewhere: got %v", seed)
	}
}

func TestSeedfromReplacesAllButTheMetadata(t *testing.T) {
	t.Parallel()
	web := map[string]string{
		"http://192.0.2.1/vm/meta-data": "instance-id: web\nlocal-hostname: web", "http://192.0.2.1/vm/user-data": "w",
		"http://192.0.2.1/?f=meta-data&x": "", "http://192.0.2.1/meta-data.txt": "instance-id: pattern", "http://192.0.2.1/user-data.txt": "p",
		"http://192.0.2.1/?id=U-1&f=meta-data": "instance-id: query", "http://192.0.2.1/?id=U-1&f=user-data": "q", "http://192.0.2.1/?id=U-1&f=vendor-data": "qv",
		"http://u:secret@192.0.2.1/meta-data": "instance-id: login", "http://u:secret@192.0.2.1/user-data": "l",
		"http://192.0.2.1/b/meta-data": "a: [", "http://192.0.2.1/b/user-data": "b", "http://192.0.2.1/b/network-config": "fail",
		"http://192.0.2.1/half/meta-data": "",
	}
	for name, c := range map[string]struct {
		cmdline, config string
		network         bool
		want, source    string
		told            string
		later           bool
	}{
		"a directory":              {cmdline: "ds=nocloud;s=/media/seed;i=line", want: "line dir local user:d", source: "cmdline,/media/seed"},
		"a directory as URL":       {cmdline: "ds=nocloud;s=file:///media/seed/", want: "dir dir local user:d", source: "cmdline,file:///media/seed/"},
		"a directory that is none": {cmdline: "ds=nocloud;s=/media/none", want: "no seed", told: "/media/none: the seed is to be there (seedfrom): it is no NoCloud seed"},
		"the configuration's goes before the command line's": {
			cmdline: "ds=nocloud;s=/media/none", config: "datasource: {NoCloud: {seedfrom: /media/seed}}",
			want: "dir dir local user:d", source: "cmdline,ds_config_seedfrom,/media/seed",
		},
		"an unknown scheme":         {cmdline: "ds=nocloud;s=tftp://x/", want: "no seed", told: "tftp://x/: seedfrom is neither a path nor a URL"},
		"before there is a network": {cmdline: "ds=nocloud;s=http://192.0.2.1/vm", want: "no seed", later: true},
		"a URL":                     {cmdline: "ds=nocloud;s=http://192.0.2.1/vm;h=line", network: true, want: "web line net user:w", source: "cmdline,http://192.0.2.1/vm"},
		"a URL with a pattern":      {cmdline: "ds=nocloud;s=http://192.0.2.1/%s.txt", network: true, want: "pattern  net user:p", source: "cmdline,http://192.0.2.1/%s.txt"},
		"a URL with a query and SMBIOS": {
			cmdline: "ds=nocloud;s=http://192.0.2.1/?id=__dmi.system-uuid__&f=", network: true,
			want: "query  net user:q vendor:qv", source: "cmdline,http://192.0.2.1/",
		},
		"a password is not shown":                           {cmdline: "ds=nocloud;s=http://u:secret@192.0.2.1/", network: true, want: "login  net user:l", source: "cmdline,http://192.0.2.1/"},
		"a password is not shown before there is a network": {cmdline: "ds=nocloud;s=http://u:secret@192.0.2.1/", want: "no seed", later: true},
		"a file that must be there":                         {cmdline: "ds=nocloud;s=http://192.0.2.1/half", network: true, want: "no seed", told: "http://192.0.2.1/half: cannot fetch http://192.0.2.1/half/user-data: file does not exist"},
		"what is optional or broken": {
			cmdline: "ds=nocloud;s=http://192.0.2.1/b/", network: true, want: "nocloud  net user:b", source: "cmdline,http://192.0.2.1/b/",
			told: "warning: http://192.0.2.1/b/: cannot fetch http://192.0.2.1/b/network-config: the server is busy; it was skipped\nerror: http://192.0.2.1/b/meta-data:1:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The medium's own user data, vendor data and network are replaced, by nothing too.
			m := seedtest.New(t, sources, drive("meta-data", "availability-zone: z", "user-data", "v", "vendor-data", "vv", "network-config", "version: 2"))
			m.Put(t, "/media/seed/meta-data", "instance-id: dir\nlocal-hostname: dir")
			m.Put(t, "/media/seed/user-data", "d")
			m.Search.Cmdline = c.cmdline
			m.Search.DMI = func(key string) string { return map[string]string{"system-uuid": "U-1"}[key] }
			if c.config != "" {
				m.Configure(t, c.config)
			}
			if c.network {
				m.Search.Fetch = func(_ context.Context, url string, optional bool) ([]byte, error) {
					if optional != (strings.Contains(url, "network-config") || strings.Contains(url, "vendor-data")) {
						t.Errorf("%s is optional: %v", url, optional)
					}
					data, ok := web[url]
					switch {
					case data == "fail":
						return nil, fmt.Errorf("cannot fetch %s: the server is busy", url)
					case !ok:
						return nil, fmt.Errorf("cannot fetch %s: %w", url, fs.ErrNotExist)
					}
					return []byte(data), nil
				}
			}
			seed, report := m.Find(t)
			if got := line(seed); got != c.want {
				t.Fatalf("got %q, want %q; %s", got, c.want, report.Summary())
			}
			if awaited := report.Awaited(); (len(awaited) > 0) != c.later {
				t.Errorf("it awaits %q; %s", awaited, report.Summary())
			}
			told := m.Log()
			for _, a := range report.Refused() { // the caller's to report
				told += a.String()
			}
			if strings.Contains(report.Summary()+told, "secret") {
				t.Errorf("the password is in the report: %s", report.Summary())
			}
			if seed != nil {
				told = seedtest.Problems(seed)
				if got := strings.Replace(seed.Source, "/dev/sr0,", "", 1); got != c.source {
					t.Errorf("got the places %s, want %s", got, c.source)
				}
				class := "DataSourceNoCloud ["
				if c.network {
					class = "DataSourceNoCloudNet ["
				}
				if !strings.HasPrefix(seed.Description, class) || strings.Contains(seed.Description, "secret") {
					t.Errorf("got the description %s", seed.Description)
				}
			}
			if !strings.Contains(told, c.told) || c.told == "" && told != "" {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}
