package configdrive

import (
	"cloudseed/config"
	"cloudseed/datasource"
)

// network is the network's description: network_data.json, else the ENI text that
// network_config names, else the same text as oVirt writes it into the metadata.
//
// Difference from cloud-init: a network_config whose content is not on the drive is a
// problem, and the metadata's own text is used; cloud-init rejects the drive, and then
// neither hostname nor password is set.
func network(t *datasource.Tree, base string, metadata *config.Value) *datasource.NetworkConfig {
	if n := networkData(t, base+"/network_data.json"); n != nil {
		return n
	}
	text := metadata.Get("network-interfaces")
	item := metadata.Get("network_config")
	if item.Kind() == config.Map {
		data, problem := content(t, item)
		if problem == "" {
			return &datasource.NetworkConfig{Format: datasource.FormatENI, Name: t.Name(contentName(item)), Data: data}
		}
		severity, instead := config.Warning, "the network is not configured from it"
		if text.Text() != "" {
			// The same text, as oVirt writes it twice: nothing is lost.
			severity, instead = config.Note, "the key network-interfaces is used instead"
		}
		at := item.Get("content_path").Pos()
		if item.Get("content_path") == nil {
			at = item.Pos()
		}
		t.Found.At(at, "network_config.content_path").Reportf(severity, "%s; %s", problem, instead)
	}
	if text.Text() == "" {
		return nil
	}
	return &datasource.NetworkConfig{
		Format: datasource.FormatENI, Name: t.Name(base+"/meta_data.json") + " network-interfaces", Data: []byte(text.Text()),
	}
}

// networkData is a network_data.json that says something.
//
// Difference from cloud-init: {} or empty lists count as absent, so that the guest
// still gets DHCP. There they mean a network with nothing in it. What KubeVirt copies
// under this name, YAML of versions 1 and 2, is understood.
func networkData(t *datasource.Tree, file string) *datasource.NetworkConfig {
	data, ok := t.Read(file)
	if !ok {
		return nil
	}
	n := &datasource.NetworkConfig{Format: datasource.FormatOpenStack, Name: t.Name(file), Data: data}
	v := t.ParseNetwork(n)
	switch {
	case saysNothing(v):
		return nil
	case v.Kind() != config.Map:
		v.At(&t.Found).Errorf("expected a mapping; the file was skipped")
		return nil
	}
	if v.Get("version") != nil || v.Get("network") != nil {
		n.Format = datasource.FormatYAML
	}
	return n
}

// saysNothing tells a value that is empty, or a map of such values.
func saysNothing(v *config.Value) bool {
	for _, key := range v.Keys() {
		if item := v.Get(key); len(item.Keys()) > 0 || !saysNothing(item) {
			return false
		}
	}
	return v.Text() == "" && len(v.Items()) == 0
}
