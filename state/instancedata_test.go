package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/host/hosttest"
	"cloudseed/state"
)

func TestTheCloudsNameIsInAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cloud, region, platform, want string }{
		{"unknown", "", "nocloud", "nocloud"},
		{"", "", "lxd", "lxd"},
		{"configdrive", "r", "configdrive", "configdrive"},
		{"aws", "cn-north-1", "nocloud", "aws-china"},
		{"aws", "us-gov-1", "nocloud", "aws-gov"},
		{"aws", "eu-1", "nocloud", "aws"},
		{"azure", "chinaeast", "nocloud", "azure-china"},
		{"other", "china", "nocloud", "other"},
		{"a/b", "", "nocloud", "a/b"},
	} {
		m := hosttest.New(t)
		store := state.New(m.Host)
		must(t, store.WriteInstanceData(state.Facts{Platform: "before"}))
		must(t, store.WriteInstanceData(state.Facts{CloudName: c.cloud, Region: c.region, Platform: c.platform}))
		if got, err := m.ReadFile(state.RunDir + "/cloud-id"); err != nil || string(got) != c.want+"\n" {
			t.Errorf("%+v: it is %q, %v", c, got, err)
		}
		files, err := filepath.Glob(filepath.Join(m.Dir, state.RunDir, "cloud-id-*"))
		if err != nil || len(files) != 1 {
			t.Errorf("%+v: the files are %q, %v", c, files, err)
		}
	}
}

func TestTheNameInInstanceDataHasNoDomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, node, want string }{
		{"vm.example.com", "n", "vm"},
		{"vm", "n", "vm"},
		{"192.0.2.7", "n", "ip-192-0-2-7"},
		{"2001:db8::1", "n", "2001:db8::1"},
		{"", "node.example.com", "node"},
		{"", "", "localhost"},
	} {
		data := state.Facts{Hostname: c.name, System: state.System{Node: c.node}}.All()
		v1, _ := data["v1"].(map[string]any)
		if v1["local-hostname"] != c.want || v1["local_hostname"] != c.want {
			t.Errorf("%q on %q: %v and %v, want %s", c.name, c.node, v1["local-hostname"], v1["local_hostname"], c.want)
		}
	}
}

// TestOthersGetNoSecrets also holds which file is whose.
func TestOthersGetNoSecrets(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	store := state.New(m.Host)
	facts := state.Facts{
		Seed: map[string]any{"meta_data": map[string]any{
			"plain": "p", "admin_pass": "s3cret", "deep": []any{map[string]any{"Db-Password": "s3cret"}}, "b": []byte{0, 1}, "random_seed": []byte{2},
			"seedfrom":  "http://me:s3cret@example.com/?s3cret",
			"adminPass": "s3cret", "privateKey": "s3cret", "api_key": "s3cret", "pwd": "s3cret", "luks-key": "s3cret", "auth": "s3cret", "bearer": "s3cret",
			"mirrors": []any{"see https://me:s3cret@example.com/"}, "proxy": "http://me:s3cret@example.com", "author": "a", "bypass": "b",
			"token_url":          map[string]any{"inner": "s3cret"},
			"network-interfaces": "iface wlan0 inet dhcp\n wpa-psk s3cret\n",
			"wired":              map[string]any{"network-interfaces": "iface eth0 inet dhcp\n"},
		}},
		SystemConfig: map[string]any{"a": 1, "user-data": "s3cret", "system_info": map[string]any{"x": "y"}},
	}
	must(t, store.WriteInstanceData(facts))
	must(t, store.WriteCombinedConfig(facts, map[string]any{"password": "s3cret", "system_info": map[string]any{"x": "z"}}))
	for file, mode := range map[string]os.FileMode{state.InstanceDataFile: 0o644, state.SensitiveFile: 0o600, state.CombinedConfigFile: 0o600} {
		info, err := m.Stat(file)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", file, info, err, mode)
		}
	}
	open, _, err := store.InstanceData(false)
	must(t, err)
	const hidden = "redacted for non-root user"
	want := map[string]any{
		"plain": "p", "admin_pass": hidden, "deep": []any{map[string]any{"Db-Password": hidden}}, "b": "AAE=", "random_seed": hidden, "seedfrom": "http://example.com/", "token_url": hidden,
		"adminPass": hidden, "privateKey": hidden, "api_key": hidden, "pwd": hidden, "luks-key": hidden, "auth": hidden, "bearer": hidden,
		"mirrors": []any{"see https://[redacted]@example.com/"}, "proxy": "http://[redacted]@example.com", "author": "a", "bypass": "b",
		"network-interfaces": hidden, "wired": map[string]any{"network-interfaces": "iface eth0 inet dhcp\n"},
	}
	if diff := cmp.Diff(want, open["ds"].(map[string]any)["meta_data"]); diff != "" {
		t.Errorf("the metadata differs (-want +got):\n%s", diff)
	}
	wantKeys := []any{
		"ds/meta_data/adminPass", "ds/meta_data/admin_pass", "ds/meta_data/api_key", "ds/meta_data/auth", "ds/meta_data/bearer",
		"ds/meta_data/deep/0/Db-Password", "ds/meta_data/luks-key", "ds/meta_data/network-interfaces", "ds/meta_data/privateKey", "ds/meta_data/pwd", "ds/meta_data/random_seed", "ds/meta_data/token_url", "merged_cfg", "merged_cfg/user-data", "merged_system_cfg", "merged_system_cfg/user-data",
	}
	if diff := cmp.Diff(wantKeys, open["sensitive_keys"]); diff != "" {
		t.Errorf("the list of secrets differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"ds/meta_data/b", "ds/meta_data/random_seed"}, open["base64_encoded_keys"]); diff != "" {
		t.Errorf("the list of binary data differs (-want +got):\n%s", diff)
	}
	all, _, err := store.InstanceData(true)
	must(t, err)
	if got := all["ds"].(map[string]any)["meta_data"].(map[string]any)["admin_pass"]; got != "s3cret" {
		t.Errorf("root gets %v", got)
	}
	if diff := cmp.Diff(map[string]any{"x": "z"}, all["system_info"]); diff != "" {
		t.Errorf("what is about the system differs (-want +got):\n%s", diff)
	}
	combined, err := store.CombinedConfig()
	must(t, err)
	if got := combined.(map[string]any)["password"]; got != "s3cret" {
		t.Errorf("the combined configuration has %v", got)
	}
}
