package datasource_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/media"
	"cloudseed/datasource/media/image"
	"cloudseed/datasource/nocloud"
	"cloudseed/datasource/none"
	"cloudseed/datasource/seedtest"
	"cloudseed/host"
)

var sources = []datasource.Source{nocloud.Source{}, configdrive.Source{}, none.Source{}}

const metadataJSON = "openstack/latest/meta_data.json"

var (
	noCloudFiles = map[string]string{"meta-data": "instance-id: nc", "user-data": "#cloud-config\n"}
	driveFiles   = map[string]string{metadataJSON: `{"uuid": "cd"}`}
	// Xen Orchestra writes both on one volume.
	bothFiles = map[string]string{"meta-data": "instance-id: nc", "user-data": "", metadataJSON: `{"uuid": "cd"}`}
)

func TestTheListOfDatasourcesIsFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config, cmdline, want string
	}{
		"none":                               {want: "nc"},
		"as cloud-init's own begins":         {config: "datasource_list: [NoCloud, ConfigDrive]", want: "nc"},
		"the other way round":                {config: "datasource_list: [ConfigDrive, NoCloud]", want: "cd"},
		"as oVirt writes it":                 {config: `datasource_list: ["NoCloud", "ConfigDrive"]`, want: "nc"},
		"in any letters, with unknown names": {config: "datasource_list: [Azure, CONFIGDRIVE, None]", want: "cd"},
		"nothing that there is":              {config: "datasource_list: [Azure, None]", want: ""},
		"empty":                              {config: "datasource_list: []", want: ""},
		"None alone":                         {config: "datasource_list: [None]", want: "iid-datasource-none"},
		"the command line's goes before":     {config: "datasource_list: [NoCloud]", cmdline: "ds=configdrive", want: "cd"},
		"the command line's, by other names": {config: "datasource_list: [ConfigDrive]", cmdline: "ro ci.ds=NoCloud", want: "nc"},
		"the last of the command line's":     {cmdline: "ds=nocloud ci.datasource=ConfigDrive;x=y", want: "cd"},
		"another's of the command line":      {cmdline: "ds=openstack", want: ""},
		"an empty one of the command line":   {cmdline: "ds= x", want: "nc"},
	} {
		m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: "cidata", Files: noCloudFiles}, seedtest.Drive{Path: "/dev/sr1", Label: "config-2", Files: driveFiles})
		if c.config != "" {
			m.Configure(t, c.config)
		}
		m.Search.Cmdline = c.cmdline
		seed, report := m.Find(t)
		got := ""
		if seed != nil {
			got = seed.InstanceID
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q; %s", name, got, c.want, report.Summary())
		}
		if m.Log() != "" {
			t.Errorf("%s: logged %s", name, m.Log())
		}
	}
}

// Who gives a medium wants that, whatever the machine itself is.
func TestAMediumThatIsGivenIsReadOnAMachineWithoutASeedToo(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources)
	m.Configure(t, "datasource_list: [None]")
	m.Search.Only = t.TempDir()
	for name, content := range noCloudFiles {
		if err := os.WriteFile(filepath.Join(m.Search.Only, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if seed, report := m.Find(t); seed == nil || seed.InstanceID != "nc" {
		t.Errorf("got %+v; %s", seed, report.Summary())
	}
}

func TestEverythingThatWasTriedIsReported(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources,
		seedtest.Drive{Path: "/dev/sda1", Filesystem: media.VFAT, Label: "EFI", Partition: true},
		seedtest.Drive{Path: "/dev/sr0", Label: "cidata"},
		seedtest.Drive{Path: "/dev/sr1", Label: "RHEL-9-4", Broken: errors.New("not answering")},
		seedtest.Drive{Path: "/dev/vdb", Label: "config-2", Files: map[string]string{metadataJSON: "{\n\"a\":"}})
	m.Configure(t, "datasource_list: [Ec2, NoCloud, ConfigDrive, None]")
	seed, report := m.Find(t)
	want := []string{
		"Ec2: this program does not know such a datasource",
		"/dev/sr0: it is no NoCloud seed: there is no file meta-data (which may be empty)", "it is empty",
		"/dev/vdb:openstack/latest/meta_data.json:2:4: it is no JSON: unexpected end of JSON input; the file was skipped",
		"/dev/sr1: not answering",
		"/dev/sr0: it holds no config drive",
	}
	if got := report.Summary(); seed != nil || got != strings.Join(want, "; ") {
		t.Errorf("got %v and\n%s", seed, strings.ReplaceAll(got, "; ", "\n"))
	}
	if refused := report.Refused(); len(refused) != 2 || refused[0].Where != "/dev/sr0" || refused[1].Where != "/dev/vdb" {
		t.Errorf("refused: %+v", refused)
	}
}

func TestASeedThatIsRefusedIsAWarningBesideOneThatIsUsed(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources,
		seedtest.Drive{Path: "/dev/sr1", Label: "cidata", Files: map[string]string{"meta-data": "", "user_data": "x"}},
		seedtest.Drive{Path: "/dev/sr0", Label: "cidata", Files: driveFiles})
	seed, report := m.Find(t)
	if seed == nil || !strings.Contains(m.Log(), "level=WARN") || !strings.Contains(m.Log(), "/dev/sr1: it is no NoCloud seed: there is no file user-data") {
		t.Errorf("%v; %s; %s", seed, report.Summary(), m.Log())
	}
	if want := "it holds meta-data, user_data (did you mean user-data?)"; !strings.Contains(report.Summary(), want) {
		t.Errorf("%q is not in %s", want, report.Summary())
	}
}

func TestASeedWithoutItsLabelIsAHint(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: "MYSEED", Files: map[string]string{"meta-data": "instance-id: i\n", "user-data": ""}})
	seed, report := m.Find(t)
	if want := `/dev/sr0: it holds meta-data and user-data, and is no seed without the label \"cidata\"; its label is \"MYSEED\"`; seed != nil || !strings.Contains(m.Log(), want) {
		t.Errorf("%v; %s", report.Summary(), m.Log())
	}
	if len(report.Refused()) > 0 {
		t.Errorf("refused: %+v", report.Refused())
	}
}

func TestADeviceIsOpenedOnceForAllKindsOfSeeds(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: "cidata", Files: driveFiles}, seedtest.Drive{Path: "/dev/sr1", Label: "cidata", Broken: errors.New("bad")})
	seed, report := m.Find(t)
	if seed == nil || seed.InstanceID != "cd" || m.Opened() != "/dev/sr1 /dev/sr0" {
		t.Errorf("got %v after opening %s; %s", seed, m.Opened(), report.Summary())
	}
}

type faulty struct{}

func (faulty) Name() string { return "NoCloud" }
func (faulty) Find(context.Context, *datasource.Search, *datasource.Report) *datasource.Seed {
	panic("index out of range")
}

func TestAMistakeInOneKindOfSeedCostsNoOther(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, []datasource.Source{faulty{}, configdrive.Source{}}, seedtest.Drive{Path: "/dev/sr0", Files: driveFiles})
	if seed, _ := m.Find(t); seed == nil || !strings.Contains(m.Log(), "index out of range") {
		t.Errorf("got %v; %s", seed, m.Log())
	}
}

func TestACancelledSearchEnds(t *testing.T) {
	t.Parallel()
	m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Files: driveFiles})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if seed, report := datasource.Find(ctx, m.Search); seed != nil || m.Opened() != "" || len(report) == 0 {
		t.Errorf("got %v, %v", seed, report)
	}
}

func TestOnlyALabelledVolumeMayBeMounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		label, config string
		want          bool
	}{
		"a seed's label":        {label: "CIDATA", want: true},
		"no label":              {},
		"an own label":          {label: "SEED", config: "datasource: {NoCloud: {fs_label: seed}}", want: true},
		"the knob":              {label: "config-2", config: "datasource: {mount: false}"},
		"the knob as producers": {label: "config-2", config: "datasource: {mount: 'no'}"},
	} {
		m := seedtest.New(t, sources, seedtest.Drive{Path: "/dev/sr0", Label: c.label})
		if c.config != "" {
			m.Configure(t, c.config)
		}
		mounted, open := false, m.Search.Open
		m.Search.Open = func(ctx context.Context, d media.Device, mount bool) (datasource.Volume, error) {
			mounted = mount
			return open(ctx, d, mount)
		}
		if m.Find(t); mounted != c.want {
			t.Errorf("%s: may mount %v, want %v", name, mounted, c.want)
		}
	}
}

// TestAMediumThatTheUserNamesIsReadAsWhateverItIs: with real files, and images that are
// read by the confined child.
func TestAMediumThatTheUserNamesIsReadAsWhateverItIs(t *testing.T) {
	t.Parallel()
	dir := func(files map[string]string) string {
		path := t.TempDir()
		if err := os.CopyFS(path, seedtest.FS(files)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	iso := func(label string, files map[string]string) string {
		path := filepath.Join(t.TempDir(), "seed.iso")
		if err := image.WriteISO(path, label, seedtest.FS(files)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		only, list, want string
	}{
		"a directory":                               {only: dir(noCloudFiles), want: "DataSourceNoCloud [seed=it]"},
		"a directory that is a config drive":        {only: dir(driveFiles), want: "DataSourceConfigDrive [net,ver=2][source=it]"},
		"an image":                                  {only: iso("cidata", noCloudFiles), want: "DataSourceNoCloud [seed=it]"},
		"an image that is a config drive":           {only: iso("config-2", driveFiles), want: "DataSourceConfigDrive [net,ver=2][source=it]"},
		"an image without a label":                  {only: iso("x", noCloudFiles), want: "DataSourceNoCloud [seed=it]"},
		"an image that is both":                     {only: iso("cidata", bothFiles), want: "DataSourceNoCloud [seed=it]"},
		"both, by the list":                         {only: dir(bothFiles), list: "[ConfigDrive, Azure]", want: "DataSourceConfigDrive [net,ver=2][source=it]"},
		"a list of others does not keep it away":    {only: dir(noCloudFiles), list: "[Azure]", want: "DataSourceNoCloud [seed=it]"},
		"a directory that is no seed":               {only: dir(map[string]string{"user-data": "x"}), want: "it: it is no NoCloud seed: there is no file meta-data (which may be empty); it: it holds no config drive"},
		"a file that is no image":                   {only: text, want: "it: it holds no ISO 9660, FAT or UDF file system"},
		"an empty directory without the files":      {only: dir(nil), want: "it: it holds no config drive"},
		"what is not there is told by its own name": {only: "/nonexistent/seed", want: "stat /nonexistent/seed: no such file or directory"},
	} {
		value, _, err := yaml.Parse("cloud.cfg", []byte("datasource_list: "+c.list))
		if err != nil {
			t.Fatal(err)
		}
		machine := host.New(t.TempDir(), host.Options{})
		seed, report := datasource.Find(t.Context(), datasource.Search{
			Host: machine, Config: value, Only: c.only, Name: "it", Sources: sources,
			Cmdline: "ds=nocloud;i=line", DMI: func(string) string { return "ds=nocloud;i=dmi" }, // neither counts
		})
		got := report.Summary()
		if seed != nil {
			got = seed.Description
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		if id := "nc cd"; seed != nil && !strings.Contains(id, seed.InstanceID) {
			t.Errorf("%s: got the instance %s", name, seed.InstanceID)
		}
	}
}

func TestAFileOfASeedIsReadWithinLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int64{"meta-data": 0, "user-data": 64<<20 + 1, "vendor-data": 64<<20 + 1} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	find := func() (*datasource.Seed, datasource.Report) {
		return datasource.Find(t.Context(), datasource.Search{Host: host.New(t.TempDir(), host.Options{}), Only: dir, Sources: sources})
	}
	if seed, report := find(); seed != nil || !strings.Contains(report.Summary(), dir+"/user-data: cannot read it: it is larger than 64 MiB") {
		t.Errorf("user data: got %v; %s", seed, report.Summary())
	}
	if err := os.Truncate(filepath.Join(dir, "user-data"), 5<<20); err != nil {
		t.Fatal(err)
	}
	if seed, report := find(); seed == nil || seed.UserData.Len() != 5<<20 || !strings.Contains(seedtest.Problems(seed), "vendor-data: cannot read it: it is larger") {
		t.Errorf("vendor data: got %v; %s", seed, report.Summary())
	}
	if err := os.Remove(filepath.Join(dir, "meta-data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "meta-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if seed, report := find(); seed != nil || !strings.Contains(report.Summary(), "meta-data: cannot read it: it is no file") {
		t.Errorf("a directory for a file: got %v; %s", seed, report.Summary())
	}
}
