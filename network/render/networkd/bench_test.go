package networkd_test

import (
	"fmt"
	"testing"

	"cloudseed/network"
	"cloudseed/network/render/networkd"
)

// BenchmarkRender takes time in proportion to the devices: half of them VLANs on one
// interface, a quarter bonds, a quarter their members, and all with routes.
func BenchmarkRender(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		c := &network.Config{}
		subnets := model("x").Devices[0].Subnets
		for i := range n {
			d := &network.Device{Key: fmt.Sprint("if", i), Name: fmt.Sprint("if", i), Type: network.Physical, Subnets: subnets}
			switch i % 4 {
			case 1, 2:
				d.Type, d.VLAN = network.VLANType, &network.VLAN{ID: i % 4094, Link: "if0"}
			case 3:
				d.Type, d.Bond = network.BondType, &network.Bond{Members: []string{fmt.Sprint("if", i-3)}}
			}
			c.Devices = append(c.Devices, d)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				networkd.Render(c)
			}
		})
	}
}
