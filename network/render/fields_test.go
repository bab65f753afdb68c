package render_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/render"
	"cloudseed/secret"
)

// notOfFiles are the fields of the model that say nothing that a renderer writes, with the
// reason.
var notOfFiles = map[string]string{
	"Device.Key":             "names files",
	"Device.Pos":             "of messages",
	"Device.Type":            "each has its own cases in the renderers' tests",
	"Device.DeviceID":        "of a rename, which is done by the agent",
	"Device.Rename":          "done by the agent",
	"Subnet.Family":          "follows from Method and Address",
	"Subnet.Method":          "each has its own cases in the renderers' tests",
	"Rule.Family":            "follows from From and To",
	"Link.Connected":         "of InfiniBand, which has its own cases in the renderers' tests",
	"Link.OptionalAddresses": "of the wait for the network, which none of the three has by address",
}

// lost are the fields that a renderer drops without a word, with the reason.
var lost = map[string]map[string]string{
	render.NetworkManager: {
		"Device.Driver":   "cloud-init too: NetworkManager finds the device by its name",
		"Device.Optional": "NetworkManager's wait ends when any device is up",
		"Subnet.OnDemand": "cloud-init too: of its renderers only the one for ifcfg files heeds it",
	},
	render.Networkd: {
		"Subnet.OnDemand": "cloud-init too: of its renderers only the one for ifcfg files heeds it",
	},
	render.Sysconfig: {
		"Device.Driver":   "ifcfg files find a device by its name or address",
		"Device.Optional": "ifcfg files have no word for it",
	},
}

// TestNoFieldOfTheModelIsLostSilently sets each field of the model by itself and demands
// that each renderer writes it or warns of it.
func TestNoFieldOfTheModelIsLostSilently(t *testing.T) {
	t.Parallel()
	for _, name := range []string{render.NetworkManager, render.Networkd, render.Sysconfig} {
		before := rendered(name, device())
		for _, root := range []struct {
			name string
			of   func(*network.Device) reflect.Value
		}{
			{"Device", func(d *network.Device) reflect.Value { return reflect.ValueOf(d).Elem() }},
			{"Link", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Link).Elem() }},
			{"Match", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Match).Elem() }},
			{"DNS", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.DNS).Elem() }},
			{"Rule", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Rules[0]).Elem() }},
			{"Subnet", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Subnets[0]).Elem() }},
			{"SubnetDNS", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Subnets[0].DNS).Elem() }},
			{"DHCP", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Subnets[2].DHCP).Elem() }},
			{"Route", func(d *network.Device) reflect.Value { return reflect.ValueOf(&d.Subnets[0].Routes[0]).Elem() }},
		} {
			fields := root.of(device()).Type()
			for i := range fields.NumField() {
				field := root.name + "." + fields.Field(i).Name
				d := device()
				if !set(fields.Field(i).Name, root.of(d).Field(i)) || notOfFiles[field] != "" {
					continue // a struct of its own is walked by itself
				}
				switch was, is := lost[name][field] != "", rendered(name, d) == before; {
				case is && !was:
					t.Errorf("%s: %s is written nowhere, and nothing is said of it", name, field)
				case was && !is:
					t.Errorf("%s: %s is listed as lost, and is not", name, field)
				}
			}
		}
	}
}

// device is an interface with one of everything that can be said in a list.
func device() *network.Device {
	return &network.Device{
		Key: "eth0", Name: "eth0", Type: network.Physical,
		Subnets: []network.Subnet{
			{
				Family: network.IPv4, Method: network.Static, Address: netip.MustParsePrefix("192.0.2.7/24"), Gateway: netip.MustParseAddr("192.0.2.254"),
				Routes: []network.Route{{To: netip.MustParsePrefix("198.51.100.0/24")}},
			},
			{Family: network.IPv6, Method: network.Dynamic},
			{Family: network.IPv4, Method: network.Dynamic},
		},
		Rules: []network.Rule{{Family: network.IPv4, From: netip.MustParsePrefix("192.0.2.0/24"), Table: 7}},
	}
}

// words are the values of strings that not every string can be.
var words = map[string]string{"Lifetime": "0", "UseDomains": "false", "Activation": "manual", "DHCPIdentifier": "mac"}

// set gives a field a value that it has not; false for what has fields of its own.
func set(name string, v reflect.Value) bool {
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.8/25")))
	case []netip.Addr:
		v.Set(reflect.ValueOf([]netip.Addr{netip.MustParseAddr("192.0.2.53")}))
	case []string:
		v.Set(reflect.ValueOf([]string{"example.com"}))
	case *network.LinkLocal:
		v.Set(reflect.ValueOf(&network.LinkLocal{IPv4: true}))
	case secret.String, config.Pos:
		return false
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(cmp.Or(words[name], "52:54:00:00:00:09"))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int:
			v.SetInt(1400)
		case reflect.Pointer:
			if v.Type().Elem().Kind() == reflect.Bool {
				v.Set(reflect.ValueOf(new(bool)))
				return true
			}
			fresh := reflect.New(v.Type().Elem())
			if k := fresh.Elem().Kind(); k == reflect.Struct || !set(name, fresh.Elem()) {
				return false
			}
			v.Set(fresh)
		default:
			return false
		}
	}
	return true
}

func rendered(renderer string, d *network.Device) string {
	files, problems := render.Choice{Name: renderer}.Render(&network.Config{Devices: []*network.Device{d}}, func(string) []byte { return nil })
	var all strings.Builder
	slices.SortFunc(files, func(a, b network.File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		fmt.Fprintf(&all, "%s\n%s\n", f.Path, f.Content)
	}
	for _, p := range problems {
		fmt.Fprintln(&all, p.Error())
	}
	return all.String()
}
