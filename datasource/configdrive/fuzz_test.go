package configdrive

import (
	"testing"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/seedtest"
)

// FuzzMetadata: whatever is on a drive, there is a seed that can be kept, or a reason.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"uuid": "u", "meta": {"dsmode": "local"}, "public_keys": ["a\/b"], "network_config": {"content_path": "/content/0000"}, "network-interfaces": "auto a\n"}`), []byte(`{"links": []}`), []byte(`{"cloud-init": ["a"]}`))
	f.Add([]byte(`{"uuid": 1, "files": [{"path": "a", "content_path": "../.."}], "meta": []}`), []byte("{"), []byte("[[]]"))
	f.Add([]byte("uuid: ~\nnetwork_config: x\npublic_keys: {a: [b, {c: d}]}"), []byte("version: 2"), []byte(`""`))
	f.Fuzz(func(t *testing.T, metadata, network, vendor []byte) {
		tree := &datasource.Tree{Source: "drive", FS: seedtest.FS(map[string]string{
			"openstack/latest/meta_data.json": string(metadata), "openstack/latest/network_data.json": string(network),
			"openstack/latest/vendor_data.json": string(vendor), "openstack/latest/user_data": "u",
		})}
		var report datasource.Report
		seed := read(&datasource.Search{}, place{tree, true}, &report)
		if seed == nil {
			if len(report) == 0 {
				t.Error("no seed, and no reason")
			}
			return
		}
		if seed.InstanceID == "" || seed.Mode != datasource.ModeLocal && seed.Mode != datasource.ModeNet {
			t.Errorf("got the id %q and the mode %q", seed.InstanceID, seed.Mode)
		}
		for _, p := range seed.Problems {
			if p.Pos.File == "" || p.Message == "" || p.Severity > config.Note {
				t.Errorf("a problem without a place or a text: %+v", p)
			}
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
