package network_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/config"
	"cloudseed/network"
)

func TestWhatRefersToAnAdoptedInterfaceFollowsIt(t *testing.T) {
	t.Parallel()
	const text = "auto eth0\niface eth0 inet manual\niface eth1 inet manual\n" +
		"auto bond0\niface bond0 inet dhcp\n bond-slaves eth0 eth1\n bond-primary eth1\n bond-mode 1\n" +
		"auto eth1.5\niface eth1.5 inet dhcp\n"
	c, _ := network.ParseENI("interfaces", text, nil)
	problems := network.AdoptByOrder(c, fuzzNICs)
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
	if diff := cmp.Diff(want, string(network.V2(c))); diff != "" {
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
