package nocloud

import (
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/secret"
)

// defaultID is the instance id of a seed that names none.
const defaultID = "nocloud"

// files is what one place says. What is nil is not there.
type files struct {
	place      string
	metadata   *config.Value
	userData   *[]byte
	vendorData *[]byte
	network    *datasource.NetworkConfig
	problems   []config.Problem
	broken     string // what is wrong with the metadata, when that could not be understood
}

// gathered is what several places say together. Of metadata the first to name a key
// counts, of user data and vendor data the last, of the network the last that says
// something: cloud-init's rule. Its own keys for the manner of merging (merge_how) are
// not followed.
type gathered struct {
	files
	places   []string
	hintOnly bool // nothing but a bare "ds=nocloud" so far

	misplaced map[string]string // see Source
}

// add puts what a place says behind what is there.
func (g *gathered) add(f files) {
	g.hintOnly = false
	g.places = append(g.places, f.place)
	g.problems = append(g.problems, f.problems...)
	if f.metadata != nil {
		g.metadata = config.Merge(f.metadata, g.metadata)
	}
	if f.broken != "" {
		g.broken = f.broken
	}
	if f.userData != nil {
		g.userData = f.userData
	}
	if f.vendorData != nil {
		g.vendorData = f.vendorData
	}
	if f.network != nil {
		g.network = f.network
	}
}

// read reads the files of a medium or directory. A broken one is a problem and counts
// as empty; without one of the two that must be there, this is no seed.
func read(t *datasource.Tree) (found files, why string) {
	for _, name := range []string{"meta-data", "user-data"} {
		if !t.Has(name) {
			return files{}, "it is no NoCloud seed: there is no file " + name + " (which may be empty)" + t.Holds("meta-data", "user-data", "vendor-data", "network-config")
		}
	}
	found = files{place: t.Source}
	metadata, readable := t.Read("meta-data")
	userData, alsoReadable := t.Read("user-data")
	if !readable || !alsoReadable {
		return files{}, t.Found.List()[0].Error()
	}
	found.userData = &userData
	found.metadata, found.broken = parse(t, t.Name("meta-data"), metadata)
	if data, ok := t.Read("vendor-data"); ok {
		found.vendorData = &data
	}
	if data, ok := t.Read("network-config"); ok {
		found.network = network(t, t.Name("network-config"), data)
	}
	found.problems = t.Found.List()
	return found, ""
}

// parse reads metadata. What is wrong with it is a problem too.
func parse(t *datasource.Tree, name string, data []byte) (metadata *config.Value, broken string) {
	before := len(t.Found.List())
	metadata = t.ParseMap(name, data)
	if found := t.Found.List(); metadata == nil && len(found) > before {
		broken = found[before].Error()
	}
	return metadata, broken
}

// network is a network-config that says something; an empty one must not keep the
// guest from its network.
func network(t *datasource.Tree, name string, data []byte) *datasource.NetworkConfig {
	n := &datasource.NetworkConfig{Format: datasource.FormatYAML, Name: name, Data: data}
	v := t.ParseNetwork(n)
	if v == nil || v.Kind() == config.Map && len(v.Keys()) == 0 {
		return nil
	}
	return n
}

// ruin is why the instance's id is not known although some place may name it; "" when
// it is known, or no place does.
func (g *gathered) ruin() string {
	if datasource.ID(g.metadata, "instance-id") != "" {
		return ""
	}
	return g.broken
}

// seed makes a Seed of what was gathered; nil if that says that it wants to be none.
func (g *gathered) seed(s *datasource.Search, r *datasource.Report) *datasource.Seed {
	m, source := g.metadata, strings.Join(g.places, ",")
	var found config.Findings
	found.Add(g.problems...)
	mode := datasource.Mode(&found, m.Get("dsmode"))
	if mode == datasource.ModeDisabled {
		r.Note(source, "it says dsmode: disabled")
		return nil
	}
	g.keysOfUserData(m.At(&found))
	seed := &datasource.Seed{
		Datasource: "NoCloud", Source: source, Mode: mode, Partial: g.hintOnly || g.ruin() != "", InstanceID: datasource.ID(m, "instance-id"),
		Hostname:         datasource.Text(m, "local-hostname"),
		PublicKeys:       datasource.Keys(m.Get("public-keys")),
		AvailabilityZone: datasource.Zone(m),
		Region:           datasource.Text(m, "region"), LaunchIndex: datasource.Text(m, "launch-index"),
		RandomSeed: secret.NewBytes([]byte(m.Get("random_seed").Text())),
		Network:    g.network, Problems: found.List(),
		Platform: "nocloud", Subplatform: datasource.Subplatform(source), CloudName: datasource.CloudName(m, "unknown"),
	}
	if s.Host.Exists("/dev/lxd/sock") {
		seed.Platform = "lxd"
	}
	if seed.InstanceID == "" {
		// Difference from cloud-init: an id of null counts as none; there it is "None".
		seed.InstanceID = defaultID
	}
	seed.Metadata = g.facts(seed)
	if g.userData != nil {
		seed.UserData = secret.NewBytes(*g.userData)
	}
	if g.vendorData != nil && len(*g.vendorData) > 0 {
		seed.VendorData = []secret.Bytes{secret.NewBytes(*g.vendorData)}
	}
	if eni := m.Get("network-interfaces"); seed.Network == nil && eni.Text() != "" {
		seed.Network = &datasource.NetworkConfig{
			Format: datasource.FormatENI, Name: eni.Pos().File + " network-interfaces", Data: []byte(eni.Text()),
		}
	}
	seed.Description = g.description(mode)
	return seed
}

// keysOfUserData reports keys of the metadata that have an effect elsewhere only.
func (g *gathered) keysOfUserData(metadata config.Cursor) {
	for _, key := range metadata.Value().Keys() {
		if hint := g.misplaced[key]; hint != "" {
			metadata.AtKey(key).Warnf("it has no effect in metadata, and is ignored: %s", hint)
		}
	}
}

// facts are the metadata with cloud-init's defaults filled in.
func (g *gathered) facts(seed *datasource.Seed) map[string]any {
	facts, ok := g.metadata.Any().(map[string]any)
	if !ok {
		facts = map[string]any{}
	}
	if facts["instance-id"] == nil {
		facts["instance-id"] = seed.InstanceID
	}
	if facts["dsmode"] == nil {
		facts["dsmode"] = seed.Mode
	}
	return facts
}

// description is the seed as cloud-init prints it: one from the network by the name of
// another class.
func (g *gathered) description(mode string) string {
	class := "DataSourceNoCloud"
	if onNetwork(g.metadata.Get("seedfrom").Text()) {
		class = "DataSourceNoCloudNet"
	}
	text := class + " [seed=" + strings.Join(g.places, ",") + "]"
	if mode != datasource.ModeNet {
		text += "[dsmode=" + mode + "]"
	}
	return text
}
