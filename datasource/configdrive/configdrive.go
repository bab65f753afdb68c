// Package configdrive reads OpenStack's config drive, which oVirt, CloudStack and
// others make too.
//
// In comes a search's devices and directories, out goes a Seed. What is optional on a
// drive and broken is a problem and left out; the drive still counts.
package configdrive

import (
	"context"
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
	"cloudseed/secret"
	"cloudseed/state"
)

// Source finds config drives.
type Source struct{}

// Name is the name in datasource_list.
func (Source) Name() string { return "ConfigDrive" }

// The label of a config drive: exactly these two, as cloud-init has it.
var labels = []string{"config-2", "CONFIG-2"}

// versions are the dated directories that are understood, newest first. "latest" is
// only used when none of them is there.
var versions = []string{
	"2018-08-27", "2017-02-22", "2016-10-06", "2016-06-30", "2015-10-15", "2013-10-17", "2013-04-04", "2012-08-10", "latest",
}

// Find looks into the seed directories, then at devices with the label, then at whole
// disks without.
func (Source) Find(ctx context.Context, s *datasource.Search, r *datasource.Report) *datasource.Seed {
	dirs := []string{state.CloudDir + "/seed/config_drive", "/config-drive"}
	if s.Only != "" {
		dirs = nil
		if dir := s.OnlyDir(); dir != "" {
			dirs = []string{dir}
		}
	}
	for _, dir := range dirs {
		if seed := read(s, s.Dir(dir), r, "seed-dir"); seed != nil {
			return seed
		}
	}
	for _, device := range candidates(s.Volumes(ctx, r), s.Only != "") {
		tree := s.OpenVolume(ctx, device, r)
		if tree == nil {
			continue
		}
		if seed := read(s, tree, r, "config-disk"); seed != nil {
			return seed
		}
	}
	return nil
}

// candidates are the labelled devices first, then whole disks with a file system that
// a drive may have.
func candidates(devices []media.Device, all bool) []media.Device {
	var labelled, others []media.Device
	for _, d := range devices {
		switch {
		case slices.ContainsFunc(d.Labels(), func(l string) bool { return slices.Contains(labels, l) }):
			labelled = append(labelled, d)
		case all, !d.Partition && d.Filesystem != media.UDF:
			others = append(others, d)
		}
	}
	return append(labelled, others...)
}

// read understands a tree as a config drive; nil when it is none.
func read(s *datasource.Search, t *datasource.Tree, r *datasource.Report, kind string) *datasource.Seed {
	seed, why := readVersion2(t)
	version := 2
	if seed == nil && why == "" {
		if seed = readVersion1(t); seed != nil {
			version = 1
		}
	}
	if seed == nil {
		if why == "" {
			why = "it holds no config drive"
		}
		r.Note(t.Source, "%s", why)
		return nil
	}
	if seed.Mode = mode(s, t, seed.Mode); seed.Mode == datasource.ModeDisabled {
		r.Note(t.Source, "it says dsmode: disabled")
		return nil
	}
	seed.Datasource, seed.Source = "ConfigDrive", t.Source
	seed.Description = fmt.Sprintf("DataSourceConfigDrive [%s,ver=%d][source=%s]", seed.Mode, version, t.Source)
	seed.Platform, seed.CloudName = "openstack", "configdrive"
	seed.Subplatform = fmt.Sprintf("%s (%s)", kind, t.Source)
	seed.Problems = t.Problems
	return seed
}

// mode settles dsmode: the drive's own, the system's configuration, or net.
func mode(s *datasource.Search, t *datasource.Tree, own string) string {
	if own == "" {
		own = s.Setting("ConfigDrive", "dsmode").Text()
	}
	switch own {
	case "", "pass": // pass was never more than net in cloud-init
		return datasource.ModeNet
	case datasource.ModeLocal, datasource.ModeNet, datasource.ModeDisabled:
		return own
	}
	t.Problem(config.Warning, t.Source, "dsmode %q is none of local, net and disabled; it counts as net", own)
	return datasource.ModeNet
}

// readVersion2 reads openstack/<version>/. why tells of a drive that cannot be used.
func readVersion2(t *datasource.Tree) (seed *datasource.Seed, why string) {
	version := ""
	for _, v := range versions {
		if t.Has("openstack/" + v) {
			version = v
			break
		}
	}
	if version == "" {
		return nil, ""
	}
	base := "openstack/" + version
	if !t.Has(base + "/meta_data.json") {
		return nil, "there is no " + base + "/meta_data.json"
	}
	metadata := t.Map(base + "/meta_data.json")
	if metadata == nil {
		return nil, t.Problems[len(t.Problems)-1].Error()
	}
	seed = &datasource.Seed{
		InstanceID: text(metadata, "uuid", "instance_id", "instance-id"),
		Hostname:   text(metadata, "hostname", "local-hostname", "local_hostname"),
		Mode:       metadata.Get("meta").Get("dsmode").Text(),
		PublicKeys: datasource.Keys(metadata.Get("public_keys")),

		AvailabilityZone: metadata.Get("availability_zone").Text(),
		LaunchIndex:      metadata.Get("launch_index").Text(),
	}
	if seed.InstanceID == "" {
		return nil, fmt.Sprintf("%s names no uuid", t.Name(base+"/meta_data.json"))
	}
	seed.Metadata, _ = metadata.Any().(map[string]any)
	seed.Metadata["instance-id"], seed.Metadata["local-hostname"] = seed.InstanceID, seed.Hostname
	if data, ok := t.Read(base + "/user_data"); ok {
		seed.UserData = secret.NewBytes(data)
	}
	seed.VendorData = datasource.Blobs(t.YAML(base + "/vendor_data.json"))
	seed.VendorData2 = datasource.Blobs(t.YAML(base + "/vendor_data2.json"))
	seed.RandomSeed = randomSeed(t, metadata.Get("random_seed"))
	seed.Files = injected(t, metadata.Get("files"))
	seed.Network = network(t, base, metadata)
	return seed, ""
}

// text is the first of some keys that says something. KubeVirt and metal3 spell them
// in other ways than nova.
func text(v *config.Value, keys ...string) string {
	for _, key := range keys {
		if s := v.Get(key).Text(); s != "" {
			return s
		}
	}
	return ""
}

func randomSeed(t *datasource.Tree, v *config.Value) secret.Bytes {
	if v.IsNull() {
		return secret.Bytes{}
	}
	data, err := base64.StdEncoding.DecodeString(v.Text())
	if err != nil {
		t.Problems = append(t.Problems, config.Problem{
			Severity: config.Warning, Pos: v.Pos(), Key: "random_seed", Message: "it is no base64; it was left out",
		})
		return secret.Bytes{}
	}
	return secret.NewBytes(data)
}

// injected are the files that the drive asks to be written.
func injected(t *datasource.Tree, list *config.Value) []datasource.File {
	var files []datasource.File
	for _, item := range list.Items() {
		to := item.Get("path").Text()
		if to == "" {
			continue
		}
		content, ok := content(t, item)
		if !ok {
			t.Problems = append(t.Problems, config.Problem{
				Severity: config.Warning, Pos: item.Pos(), Key: "files",
				Message: fmt.Sprintf("the content of %s is not on the drive; it was not written", to),
			})
			continue
		}
		files = append(files, datasource.File{Path: path.Join("/", to), Content: secret.NewBytes(content)})
	}
	return files
}

// content reads what content_path names, which is relative to openstack/ whether or
// not it begins with a slash.
func content(t *datasource.Tree, item *config.Value) ([]byte, bool) {
	name := item.Get("content_path").Text()
	if name == "" {
		return nil, false
	}
	return t.Read(path.Join("openstack", path.Join("/", name)))
}

// network is the network's description: network_data.json, else the ENI text that
// network_config names, else the same text as oVirt writes it into the metadata.
//
// Difference from cloud-init: a network_config whose content is not on the drive is a
// warning, and the metadata's own text is used; cloud-init rejects the drive, and then
// neither hostname nor password is set. A network_data.json that says nothing counts as
// absent, so that the guest still gets DHCP.
func network(t *datasource.Tree, base string, metadata *config.Value) *datasource.NetworkConfig {
	file := base + "/network_data.json"
	if v := t.YAML(file); v != nil && !saysNothing(v) {
		data, _ := t.Read(file)
		format := datasource.FormatOpenStack
		if v.Get("version") != nil || v.Get("network") != nil {
			format = datasource.FormatYAML // KubeVirt copies what the user gave
		}
		return &datasource.NetworkConfig{Format: format, Name: t.Name(file), Data: data}
	}
	if config2 := metadata.Get("network_config"); config2.Get("content_path").Text() != "" {
		if data, ok := content(t, config2); ok {
			name := path.Join("openstack", config2.Get("content_path").Text())
			return &datasource.NetworkConfig{Format: datasource.FormatENI, Name: t.Name(name), Data: data}
		}
		instead := "the network is not configured from it"
		if metadata.Get("network-interfaces").Text() != "" {
			instead = "the key network-interfaces was used instead"
		}
		t.Problems = append(t.Problems, config.Problem{
			Severity: config.Warning, Pos: config2.Get("content_path").Pos(), Key: "network_config.content_path",
			Message: fmt.Sprintf("there is no file openstack/%s; %s", strings.TrimPrefix(config2.Get("content_path").Text(), "/"), instead),
		})
	}
	if v := metadata.Get("network-interfaces"); v.Text() != "" {
		return &datasource.NetworkConfig{
			Format: datasource.FormatENI, Name: t.Name(base+"/meta_data.json") + " network-interfaces", Data: []byte(v.Text()),
		}
	}
	return nil
}

// saysNothing tells a network_data.json of {} or of empty lists.
func saysNothing(v *config.Value) bool {
	if v.Kind() != config.Map {
		return v.Text() == "" && len(v.Items()) == 0
	}
	for _, key := range v.Keys() {
		if item := v.Get(key); len(item.Items()) > 0 || item.Kind() == config.Map || item.Text() != "" {
			return false
		}
	}
	return true
}

// readVersion1 reads the layout from before 2012: meta.js, etc/network/interfaces and
// root/.ssh/authorized_keys, any of which makes a drive.
func readVersion1(t *datasource.Tree) *datasource.Seed {
	const interfaces, authorized = "etc/network/interfaces", "root/.ssh/authorized_keys"
	metadata := t.Map("meta.js")
	if metadata == nil && !t.Has(interfaces) && !t.Has(authorized) {
		return nil
	}
	seed := &datasource.Seed{
		InstanceID: text(metadata, "instance-id"), Mode: metadata.Get("dsmode").Text(),
		Hostname:   text(metadata, "local-hostname", "hostname"),
		UserData:   secret.NewBytes([]byte(metadata.Get("user-data").Text())),
		PublicKeys: datasource.Keys(metadata.Get("public-keys")),
		Metadata:   map[string]any{},
	}
	if all, ok := metadata.Any().(map[string]any); ok {
		seed.Metadata = all
	}
	if seed.InstanceID == "" {
		seed.InstanceID = "iid-dsconfigdrive"
	}
	if data, ok := t.Read(authorized); ok && len(seed.PublicKeys) == 0 {
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				seed.PublicKeys = append(seed.PublicKeys, line)
			}
		}
	}
	if data, ok := t.Read(interfaces); ok {
		seed.Network = &datasource.NetworkConfig{Format: datasource.FormatENI, Name: t.Name(interfaces), Data: data}
	}
	return seed
}
