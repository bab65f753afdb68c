package network_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/render/netplan"
)

func TestWhatRefersToAnAdoptedInterfaceFollowsIt(t *testing.T) {
	t.Parallel()
	const text = "auto eth0\niface eth0 inet manual\niface eth1 inet manual\n" +
		"auto bond0\niface bond0 inet dhcp\n bond-slaves eth0 eth1\n bond-primary eth1\n bond-mode 1\n" +
		"auto eth1.5\niface eth1.5 inet dhcp\n"
	c, _ := read.ENI("interfaces", text, nil)
	problems := network.AdoptByOrder(c, []network.NIC{
		{Name: "lo", MAC: "00:00:00:00:00:00", Virtual: true},
		{Name: "ens3", MAC: "52:54:00:00:00:01", Driver: "virtio_net", Carrier: true},
		{Name: "ens4", MAC: "52:54:00:00:00:02", Driver: "virtio_net"},
	})
	const want = `network:
    version: 2
    ethernets:
        ens3: {}
        ens4: {}
    bonds:
        bond0:
            interfaces:
            - ens3
            - ens4
            parameters:
                primary: ens4
                mode: 1
            dhcp4: true
    vlans:
        eth1.5:
            id: 5
            link: ens4
            dhcp4: true
`
	if diff := cmp.Diff(want, string(netplan.Write(c))); diff != "" {
		t.Errorf("adopted (-want +got):\n%s", diff)
	}
	for _, p := range problems {
		if p.Severity != config.Warning {
			t.Errorf("unexpected: %v", p)
		}
	}
	if len(problems) != 2 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
}
