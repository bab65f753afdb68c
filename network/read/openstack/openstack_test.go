package openstack_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/read"
)

func TestAVLANOfAVLANIsNamedByItAndOneOfItselfIsLeftOut(t *testing.T) {
	t.Parallel()
	const text = `{"links": [
		{"id": "inner", "type": "vlan", "vlan_link": "outer", "vlan_id": 7, "vlan_mac_address": "02:00:00:00:00:02"},
		{"id": "outer", "type": "vlan", "vlan_link": "tap0", "vlan_id": 5, "vlan_mac_address": "02:00:00:00:00:01"},
		{"id": "ouroboros", "type": "vlan", "vlan_link": "ouroboros", "vlan_id": 6, "vlan_mac_address": "02:00:00:00:00:03"},
		{"id": "tap0", "type": "ovs", "ethernet_mac_address": "52:54:00:00:00:01"}]}`
	v, _, err := yaml.Parse("network_data.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, problems := read.OpenStack(v, []network.NIC{{Name: "ens3", MAC: "52:54:00:00:00:01"}})
	var got []string
	for _, d := range c.Devices {
		got = append(got, d.Name)
	}
	if diff := cmp.Diff([]string{"ens3.5.7", "ens3.5", "ens3"}, got); diff != "" || len(problems) != 1 {
		t.Errorf("devices (-want +got):\n%s%v", diff, problems)
	}
}
