package network_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/render/networkmanager"
)

// BenchmarkVLANs shows that the work grows with the number of devices and no faster.
func BenchmarkVLANs(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 4000} {
		var text strings.Builder
		text.WriteString("version: 2\nethernets: {eth0: {}}\nvlans:\n")
		for i := range n {
			fmt.Fprintf(&text, "  v%d: {id: %d, link: eth0, addresses: [10.%d.%d.1/24]}\n", i, i, i/250, i%250)
		}
		v, _, err := config.Parse("network-config", []byte(text.String()))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c, _ := network.Parse(v, nil)
				networkmanager.Render(c)
			}
		})
	}
}
