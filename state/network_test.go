package state_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/state"
)

func TestWhatWasDecidedOnTheNetworkIsForEverybody(t *testing.T) {
	t.Parallel()
	s, m := open(t)
	if n, err := s.Network(); n != nil || err != nil {
		t.Errorf("before: %v, %v", n, err)
	}
	must(t, s.SetNetwork(state.Network{Source: "seed", Renderer: "sysconfig", Why: "it is there"}))
	must(t, s.SetNetworkFiles(map[string]string{"/etc/a": "00"}))
	o, err := s.Overall("")
	if err != nil || o.Network == nil || o.Network.String() != "seed, sysconfig: it is there" {
		t.Errorf("the status has %v, %v", o.Network, err)
	}
	if got := (state.Network{Source: "seed", Why: "it says so"}).String(); got != "seed, unchanged: it says so" {
		t.Errorf("got %q", got)
	}
	files := s.NetworkFiles()
	if diff := cmp.Diff(map[string]string{"/etc/a": "00"}, files); diff != "" {
		t.Errorf("the files differ (-want +got):\n%s", diff)
	}
	for path, want := range map[string]uint32{"/var/lib/cloud/data/network.json": 0o644, "/var/lib/cloud/data/network-files.json": 0o600} {
		if info, err := m.Stat(path); err != nil || uint32(info.Mode().Perm()) != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	m.Put(t, "/var/lib/cloud/data/network-files.json", "{")
	if files, damage := s.NetworkFiles(), s.Damage(); files != nil || len(damage) != 1 || !strings.Contains(damage[0], "network-files.json is damaged") {
		t.Errorf("a damaged file gives %v and says %q", files, damage)
	}
}

func TestWhatIsOwedToAnInstanceIsToBeDoneWhateverBecameOfItBefore(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	become(t, s, "i-1")
	must(t, s.Begin("apply_network_config", state.PerInstance))
	must(t, s.End("apply_network_config", state.PerInstance))
	must(t, s.Owe("i-1", "apply_network_config"))
	if got, err := s.Standing("apply_network_config", state.PerInstance); err != nil || got != state.Interrupted {
		t.Errorf("it stands at %d, %v", got, err)
	}
}
