package nocloud

import (
	"strings"
	"testing"

	"cloudseed/datasource"
	"cloudseed/datasource/seedtest"
	"cloudseed/host"
)

func TestFieldsOfSMBIOSStandInURLs(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"__dmi.system-uuid__/x": "<system-uuid>/x", "a__dmi.chassis-serial-number__b__dmi.bios-vendor__": "a<chassis-serial-number>b<bios-vendor>",
		"__dmi.nonsense__/__dmi.system-version__": "__dmi.nonsense__/<system-version>", "__dmi.system-uuid": "__dmi.system-uuid", "": "",
	} {
		if got := replaceDMI(from, func(key string) string { return "<" + key + ">" }); got != want {
			t.Errorf("%q: got %q, want %q", from, got, want)
		}
	}
}

// FuzzSeed: whatever metadata and a command line say, there is a seed that can be kept,
// or a reason.
func FuzzSeed(f *testing.F) {
	f.Add("ds=nocloud;i=a;s=http://x/", []byte("instance-id: a\npublic-keys: {a: [b]}\n"), []byte("version: 2"))
	f.Add("ds=nocloud-net;;=;h", []byte(`{"instance-id": 1, "network-interfaces": [], "dsmode": "local"}`), []byte("{}"))
	f.Add("", []byte("#cloud-config\ninstance-id: ~\nseedfrom: /x\nmerge_how: [a]"), []byte(""))
	machine := host.New(f.TempDir(), host.Options{})
	f.Fuzz(func(t *testing.T, words string, metadata, network []byte) {
		var report datasource.Report
		s := &datasource.Search{Host: machine, DMI: func(string) string { return "" }}
		g := &gathered{}
		g.words("cmdline", words)
		found, why := read(&datasource.Tree{Source: "drive", FS: seedtest.FS(map[string]string{
			"meta-data": string(metadata), "user-data": "u", "network-config": string(network),
		})})
		if why != "" {
			t.Fatalf("a whole seed was refused: %s", why)
		}
		g.add(found)
		seed := g.seed(s, &report)
		if seed == nil {
			if len(report) == 0 {
				t.Error("no seed, and no reason")
			}
			return
		}
		if seed.InstanceID == "" || strings.TrimSpace(seed.InstanceID) != seed.InstanceID {
			t.Errorf("got the id %q", seed.InstanceID)
		}
		data, err := seed.EncodeCache()
		if err != nil {
			t.Fatal(err)
		}
		again, err := datasource.DecodeCache(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if second, err := again.EncodeCache(); err != nil || string(second) != string(data) {
			t.Errorf("the cache changed: %v\n%s\n%s", err, data, second)
		}
	})
}
