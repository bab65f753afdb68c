package network

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
)

// Parse reads version 1 or 2 of cloud-init's network configuration, with or without
// `network:` around it. nil means that there is no configuration: nothing, or an empty
// map. nics are the machine's interfaces, among which devices are found.
func Parse(v *config.Value, nics []NIC) (*Config, []config.Problem) {
	r := newReader(nics)
	at := ""
	if network := v.Get("network"); network != nil {
		v, at = network, "network."
	}
	if v.IsNull() || v.Kind() == config.Map && len(v.Keys()) == 0 {
		return nil, nil
	}
	if v.Kind() != config.Map {
		r.error(v, strings.TrimSuffix(at, "."), "expected a mapping, got %s", config.KindInWords(v))
		return nil, r.problems
	}
	if v.Get("config").Text() == "disabled" {
		return &Config{Disabled: true}, nil
	}
	switch r.version(v, at) {
	case 1:
		r.unknownKeys(v, strings.TrimSuffix(at, "."), "version", "config", "renderer")
		r.version1(v.Get("config"), at+"config")
	case 2:
		r.version2(v, at)
	default:
		return nil, r.problems
	}
	r.finish()
	if !r.described {
		r.onlyDNS()
	}
	return r.config, r.problems
}

// version is 1 or 2, and 0 when it is neither.
//
// Difference from cloud-init: it fails when there is no version; here it is guessed.
func (r *reader) version(v *config.Value, at string) int {
	version := v.Get("version")
	switch version.Text() {
	case "1":
		return 1
	case "2":
		return 2
	case "":
	default:
		r.error(version, at+"version", "expected 1 or 2, got %q", version.Text())
		return 0
	}
	guess := 0
	switch {
	case v.Get("config").Kind() == config.List:
		guess = 1
	case slices.ContainsFunc(v.Keys(), func(key string) bool { return kinds2[key] != "" }):
		guess = 2
	default:
		r.error(v, at+"version", "expected 1 or 2, got none")
		return 0
	}
	r.warn(v, at+"version", "there is none; by its other keys it is taken for %d", guess)
	return guess
}

// device adds a device, unless its name is impossible. A second of the same name takes
// the place of the first, as in cloud-init.
func (r *reader) device(d *Device, key string) bool {
	for _, err := range []error{checkKey(d.Key), checkName(d.Name)} {
		if err != nil {
			r.add(config.Error, d.Pos, key, err.Error()+"; the device was skipped")
			return false
		}
	}
	if i, ok := r.index[d.Name]; ok {
		r.add(config.Warning, d.Pos, key, fmt.Sprintf("%s is configured a second time; this replaces the first", d.Name))
		r.config.Devices[i] = d
		return true
	}
	r.index[d.Name] = len(r.config.Devices)
	r.config.Devices = append(r.config.Devices, d)
	return true
}

// checkKey refuses what cannot be in the name of a file or a line of it. It need not
// be the name of an interface: version 2 has keys of its own.
func checkKey(key string) error {
	const longest = 100
	if key == "" || len(key) > longest || strings.HasPrefix(key, ".") || strings.Contains(key, "/") || !printable(key) {
		return fmt.Errorf("%q cannot be the name of a device", key)
	}
	return nil
}

// finish makes references names of interfaces, and adds the interfaces that a bond, a
// bridge or a VRF wants and nobody described.
//
// Difference from cloud-init: it takes references of version 2, which are keys, for
// the names of interfaces, and describes the missing members of a bond as bonds.
func (r *reader) finish() {
	names := map[string]string{}
	known := map[string]bool{}
	for _, d := range r.config.Devices {
		names[d.Key] = d.Name
		known[d.Name] = true
	}
	for _, d := range r.config.Devices {
		for _, reference := range d.references() {
			if name, ok := names[*reference]; ok {
				*reference = name
			}
		}
		for _, name := range d.members() {
			if !known[name] && checkName(name) == nil {
				known[name] = true
				r.config.Devices = append(r.config.Devices, &Device{Key: name, Name: name, Type: Physical, Pos: d.Pos})
			}
		}
	}
}

// onlyDNS is for a configuration that names no device: Proxmox and oVirt write one
// when name servers are all that somebody filled in.
//
// Difference from cloud-init: it leaves the machine without a network; here it gets
// the one that it has without a configuration, with these name servers.
func (r *reader) onlyDNS() {
	if len(r.config.DNS.Servers)+len(r.config.DNS.Search) == 0 {
		return
	}
	if fallback := Fallback(r.nics); fallback != nil {
		r.config.Devices = fallback.Devices
	}
}

// usable tells whether a device has an address left to be set up with. wanted is how
// many it was to have: one that wanted addresses and has none would run DHCP.
func (r *reader) usable(d *Device, wanted int, key string) bool {
	if wanted > 0 && len(d.Subnets) == 0 {
		r.add(config.Error, d.Pos, key, "none of its addresses can be used; the device was skipped")
		return false
	}
	return true
}
