// Package read reads network configuration in any of the languages that seeds carry into
// the model: cloud-init's versions 1 and 2, OpenStack's network_data.json and Debian's
// interfaces file. Each language is a package below it.
//
// It takes values or text and the machine's interfaces, and returns a Config and problems
// with their places. It changes nothing, and knows neither where a configuration was found
// nor who writes the result for which network service.
package read

import (
	"slices"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/eni"
	"cloudseed/network/read/openstack"
	"cloudseed/network/read/v1"
	"cloudseed/network/read/v2"
)

// YAML reads version 1 or 2 of cloud-init's network configuration, with or without
// `network:` around it. nil means that there is no configuration: nothing, or an empty
// mapping. nics are the machine's interfaces, among which devices are found.
func YAML(v *config.Value, nics []network.NIC) (*network.Config, []config.Problem) {
	var found config.Findings
	c := readYAML(v.At(&found), nics)
	return c, found.List()
}

func readYAML(c config.Cursor, nics []network.NIC) *network.Config {
	if inner := c.Get("network"); inner.Value() != nil {
		c = inner
	}
	if c.IsNull() || c.Kind() == config.Map && len(c.Value().Keys()) == 0 {
		return nil
	}
	if c.Kind() != config.Map {
		c.Errorf("expected a mapping, got %s", config.KindInWords(c.Value()))
		return nil
	}
	if c.Get("config").Text() == "disabled" {
		return &network.Config{Disabled: true}
	}
	draft := network.NewDraft(nics)
	switch version(c) {
	case 1:
		v1.Read(c, draft)
	case 2:
		v2.Read(c, draft)
	default:
		return nil
	}
	draft.Finish()
	if !draft.Described {
		draft.OnlyDNS()
	}
	return draft.Config
}

// version returns 1 or 2, and 0 when it is neither.
//
// Difference from cloud-init: it fails when there is no version; here it is guessed.
func version(c config.Cursor) int {
	given := c.Get("version")
	switch given.Text() {
	case "1":
		return 1
	case "2":
		return 2
	case "":
	default:
		given.Errorf("expected 1 or 2, got %q", given.Text())
		return 0
	}
	guess := 0
	switch {
	case c.Get("config").Kind() == config.List:
		guess = 1
	case slices.ContainsFunc(c.Value().Keys(), v2.IsKind):
		guess = 2
	default:
		c.Under(given).Errorf("expected 1 or 2, got none")
		return 0
	}
	c.Under(given).Warnf("there is none; by its other keys it is taken for %d", guess)
	return guess
}

// OpenStack reads OpenStack's network_data.json, also as oVirt and CloudStack write it.
// nil means that there is nothing in it. nics are the machine's interfaces, which links
// name by their MAC addresses or, in oVirt, only by their names.
func OpenStack(v *config.Value, nics []network.NIC) (*network.Config, []config.Problem) {
	if v.Kind() == config.Map && (v.Get("network") != nil || v.Get("version") != nil) {
		// Difference from cloud-init: KubeVirt puts into this file whatever it is given,
		// which cloud-init then reads as nothing.
		return YAML(v, nics)
	}
	var found config.Findings
	c := openstack.Read(v.At(&found), nics)
	return c, found.List()
}

// ENI reads a text in the form of Debian's /etc/network/interfaces, which oVirt, Proxmox
// and nova write. files has those that `source` names; nil when there are none.
func ENI(file, text string, files eni.Files) (*network.Config, []config.Problem) {
	var found config.Findings
	c := eni.Read(file, text, files, &found)
	return c, found.List()
}
