package read_test

import (
	"fmt"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/networktest"
	"cloudseed/network/read"
)

// BenchmarkParse reads configurations of many devices, from the text to the model. The
// figures are in docs/performance.md.
func BenchmarkParse(b *testing.B) {
	for name, many := range map[string]func(int) (string, []networktest.NIC){"v1": networktest.Many1, "v2": networktest.Many2} {
		for _, n := range networktest.Sizes() {
			text, list := many(n)
			nics := make([]network.NIC, len(list))
			for i, nic := range list {
				nics[i] = network.NIC{Name: nic.Name, MAC: nic.MAC}
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				defer networktest.CPU(b)()
				for b.Loop() {
					v, _, err := yaml.Parse("network-config", []byte(text))
					if err != nil {
						b.Fatal(err)
					}
					if c, problems := read.YAML(v, nics); len(c.Devices) != n || len(problems) > 0 {
						b.Fatalf("%d devices and %v", len(c.Devices), problems)
					}
				}
			})
		}
	}
}
