package configdrive

import (
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/secret"
)

// The files of version 1, any of which makes a drive.
const (
	metaJS     = "meta.js"
	interfaces = "etc/network/interfaces"
	authorized = "root/.ssh/authorized_keys"
)

// readVersion1 reads the layout from before 2012; nil when it is none.
//
// Difference from cloud-init: what the drive says of the network and the hostname is
// applied, and a meta.js that is broken is skipped. cloud-init passes over the first
// two and gives up the drive for the last.
func readVersion1(t *datasource.Tree) *drive {
	if !t.Has(metaJS) && !t.Has(interfaces) && !t.Has(authorized) {
		return nil
	}
	metadata := t.Map(metaJS)
	d := &drive{version: 1, metadata: metadata, mode: metadata.Get("dsmode")}
	seed := &d.seed
	seed.InstanceID = datasource.ID(metadata, "instance-id")
	if seed.InstanceID == "" {
		seed.InstanceID = standInID
	}
	seed.Hostname = datasource.Text(metadata, "local-hostname", "hostname")
	seed.UserData = secret.NewBytes([]byte(metadata.Get("user-data").Text()))
	seed.PublicKeys = version1Keys(t, metadata)
	seed.Metadata = version1Metadata(t, metadata, seed)
	if data, ok := t.Read(interfaces); ok && strings.TrimSpace(string(data)) != "" {
		seed.Network = &datasource.NetworkConfig{Format: datasource.FormatENI, Name: t.Name(interfaces), Data: data}
	}
	return d
}

// version1Metadata is what cloud-init makes of the files: each has a key.
func version1Metadata(t *datasource.Tree, metadata *config.Value, seed *datasource.Seed) map[string]any {
	all := map[string]any{"instance-id": seed.InstanceID, "meta_js": map[string]any{}}
	if metadata != nil {
		all["meta_js"] = metadata.Any()
	}
	for key, file := range map[string]string{"network_config": interfaces, "authorized_keys": authorized} {
		all[key] = ""
		if data, ok := t.Read(file); ok {
			all[key] = data
		}
	}
	if len(seed.PublicKeys) > 0 {
		keys := make([]any, len(seed.PublicKeys))
		for i, key := range seed.PublicKeys {
			keys[i] = key
		}
		all["public-keys"] = keys
	}
	if seed.Hostname != "" {
		all["local-hostname"] = seed.Hostname
	}
	return all
}

// version1Keys are the keys of meta.js, else those of the file, without comments.
func version1Keys(t *datasource.Tree, metadata *config.Value) []string {
	text := metadata.Get("public-keys")
	if text == nil {
		if data, ok := t.Read(authorized); ok {
			text = config.FromAny(t.Name(authorized), string(data))
		}
	}
	var keys []string
	for _, key := range datasource.Keys(text) {
		if !strings.HasPrefix(key, "#") {
			keys = append(keys, key)
		}
	}
	return keys
}
