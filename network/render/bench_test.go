package render_test

import (
	"fmt"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/networktest"
	"cloudseed/network/read"
	"cloudseed/network/render"
)

var renderers = []string{render.NetworkManager, render.Sysconfig, render.Networkd}

// many is a configuration of n devices as each boot reads it.
func many(t testing.TB, n int) *network.Config {
	text, list := networktest.Many2(n)
	var nics []network.NIC
	for _, nic := range list {
		nics = append(nics, network.NIC{Name: nic.Name, MAC: nic.MAC})
	}
	v, _, err := yaml.Parse("network-config", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, problems := read.YAML(v, nics)
	if len(c.Devices) != n || len(problems) > 0 {
		t.Fatalf("%d devices and %v", len(c.Devices), problems)
	}
	return c
}

func nothing(string) []byte { return nil }

// BenchmarkRender writes the files of many devices. The figures are in
// docs/performance.md.
func BenchmarkRender(b *testing.B) {
	for _, name := range renderers {
		for _, n := range networktest.Sizes() {
			c := many(b, n)
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				defer networktest.CPU(b)()
				for b.Loop() {
					if files, _ := (render.Choice{Name: name}).Render(c, nothing); len(files) < n {
						b.Fatalf("%d files", len(files))
					}
				}
			})
		}
	}
}

// What is allocated is a part of the work that is the same in each run. Twice the devices
// may take twice of it and a little more; work that grows with the square takes four times.
func TestTwiceTheDevicesAreTwiceTheWork(t *testing.T) {
	for _, name := range renderers {
		work := func(n int) float64 {
			c := many(t, n)
			return testing.AllocsPerRun(3, func() { render.Choice{Name: name}.Render(c, nothing) })
		}
		if small, large := work(500), work(1000); large > 2.2*small {
			t.Errorf("%s allocates %.0f times for 500 devices and %.0f times for 1,000", name, small, large)
		}
	}
}
