package v2

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/render/netplan"
)

// configOf reads a document that has no fault.
func configOf(t *testing.T, text []byte) *network.Config {
	t.Helper()
	v, _, err := yaml.Parse("network-config", text)
	if err != nil {
		t.Fatal(err)
	}
	if inner := v.Get("network"); inner != nil {
		v = inner
	}
	var found config.Findings
	draft := network.NewDraft(nil)
	Read(v.At(&found), draft)
	if list := found.List(); len(list) > 0 {
		t.Fatalf("%v in\n%s", list, text)
	}
	return draft.Config
}

func TestEachWordForAnOptionOfBondsIsReadAndWrittenByNetplansRenderer(t *testing.T) {
	t.Parallel()
	for word, kernel := range bondNames {
		text := fmt.Sprintf("version: 2\nbonds:\n  bond0:\n    interfaces: []\n    parameters: {%s: 1}\n", word)
		options := configOf(t, []byte(text)).Devices[0].Bond.Options
		if diff := cmp.Diff([]network.Option{{Name: kernel, Value: "1"}}, options); diff != "" {
			t.Errorf("%s is read as something else (-want +got):\n%s", word, diff)
		}
		written := netplan.Write(&network.Config{Devices: []*network.Device{{Key: "bond0", Name: "bond0", Type: network.BondType, Bond: &network.Bond{Options: options}}}})
		if again := configOf(t, written).Devices[0].Bond.Options; !cmp.Equal(options, again) {
			t.Errorf("%s is written so that it is read as %v:\n%s", word, again, written)
		}
	}
}

func TestEachKindOfDeviceIsWrittenByNetplansRenderer(t *testing.T) {
	t.Parallel()
	own := map[network.Type]string{
		network.VLANType: "{id: 1, link: eth0}", network.VRFType: "{table: 5}", network.TunnelType: "{mode: gre}",
	}
	for word, kind := range kinds {
		keys := own[kind]
		if keys == "" {
			keys = "{}"
		}
		c := configOf(t, []byte("version: 2\n"+word+": {a: "+keys+"}\n"))
		again := configOf(t, netplan.Write(c))
		if len(again.Devices) != 1 || again.Devices[0].Type != kind {
			t.Errorf("%s is written as\n%s", word, netplan.Write(c))
		}
	}
}
