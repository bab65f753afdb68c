// Package nocloud reads cloud-init's own simple seed: the files meta-data and
// user-data on a medium labelled cidata, in a directory, or named on the kernel's
// command line.
//
// In comes a search's devices, directories and settings, out goes a Seed.
package nocloud

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
	"cloudseed/secret"
	"cloudseed/state"
)

// Source finds NoCloud seeds.
type Source struct{}

// Name is the name in datasource_list.
func (Source) Name() string { return "NoCloud" }

// defaultID is the instance id of a seed that names none.
const defaultID = "nocloud"

// gathered is what several places say together. Of metadata the first to name a key
// counts, of user data and vendor data the last, of the network the last that says
// something: cloud-init's rule.
type gathered struct {
	metadata   *config.Value
	userData   *[]byte
	vendorData []byte
	network    *datasource.NetworkConfig
	places     []string
	problems   []config.Problem
}

// Find asks all places, in cloud-init's order, and joins what they say.
func (Source) Find(ctx context.Context, s *datasource.Search, r *datasource.Report) *datasource.Seed {
	g := &gathered{}
	if s.Only == "" {
		g.words("dmi", s.DMI("product_serial"))
		g.words("cmdline", s.Cmdline)
		for _, name := range []string{"nocloud", "nocloud-net"} {
			if g.tree(s.Dir(path.Join(state.CloudDir, "seed", name)), r) {
				break
			}
		}
		g.settings(s)
	} else if dir := s.OnlyDir(); dir != "" {
		g.tree(s.Dir(dir), r)
	}
	for _, device := range candidates(s, s.Volumes(ctx, r)) {
		if tree := s.OpenVolume(ctx, device, r); tree != nil && g.tree(tree, r) {
			break
		}
	}
	if from := g.metadata.Get("seedfrom").Text(); from != "" && !g.seedFrom(s, from, r) {
		return nil
	}
	if len(g.places) == 0 {
		return nil
	}
	return g.seed(s, r)
}

// candidates are the devices with the label, in any of its two cases.
func candidates(s *datasource.Search, devices []media.Device) []media.Device {
	if s.Only != "" {
		return devices
	}
	label := "cidata"
	if v := s.Setting("NoCloud", "fs_label"); v != nil {
		if v.IsNull() {
			return nil // the search is switched off
		}
		label = v.Text()
	}
	var found []media.Device
	for _, d := range devices {
		if slices.ContainsFunc(d.Labels(), func(l string) bool {
			return l == label || l == strings.ToUpper(label) || l == strings.ToLower(label)
		}) {
			found = append(found, d)
		}
	}
	return found
}

// words reads "ds=nocloud;h=name;i=id;s=url" among blanks, as on the kernel's command
// line and in SMBIOS. The last such word counts.
func (g *gathered) words(where, text string) {
	found := ""
	for word := range strings.FieldsSeq(text) {
		for _, name := range []string{"ds=nocloud", "ds=nocloud-net"} {
			if word == name || strings.HasPrefix(word, name+";") {
				found = word
			}
		}
	}
	if found == "" {
		return
	}
	short := map[string]string{"h": "local-hostname", "i": "instance-id", "s": "seedfrom"}
	metadata := map[string]any{}
	name, rest, _ := strings.Cut(found, ";")
	for field := range strings.SplitSeq(rest, ";") {
		key, value, given := strings.Cut(field, "=")
		if long, ok := short[key]; ok {
			key = long
		}
		if key != "" && given {
			metadata[key] = value
		}
	}
	if _, ok := metadata["dsmode"]; !ok {
		metadata["dsmode"] = modeOf(name, metadata["seedfrom"])
	}
	g.add(where, config.FromAny(where, metadata))
}

// modeOf is the mode of a seed from a command line that names none.
func modeOf(name string, seedFrom any) string {
	from, _ := seedFrom.(string)
	switch {
	case strings.HasPrefix(from, "file://"), strings.HasPrefix(from, "/"):
		return datasource.ModeLocal
	case from != "", name == "ds=nocloud-net":
		return datasource.ModeNet
	default:
		return datasource.ModeLocal
	}
}

// add puts metadata behind what is there: keys that have a value keep it.
func (g *gathered) add(place string, metadata *config.Value) {
	g.places = append(g.places, place)
	g.metadata = config.Merge(metadata, g.metadata)
}

// tree reads the files of a medium or directory. false: they are no whole seed.
func (g *gathered) tree(t *datasource.Tree, r *datasource.Report) bool {
	for _, name := range []string{"meta-data", "user-data"} {
		if !t.Has(name) {
			r.Note(t.Source, "there is no file %s", name)
			return false
		}
	}
	metadata := t.Map("meta-data")
	if data, ok := t.Read("user-data"); ok {
		g.userData = &data
	}
	if data, ok := t.Read("vendor-data"); ok {
		g.vendorData = data
	}
	if v := t.YAML("network-config"); v != nil {
		data, _ := t.Read("network-config")
		g.network = &datasource.NetworkConfig{Format: datasource.FormatYAML, Name: t.Name("network-config"), Data: data}
	}
	g.add(t.Source, metadata)
	g.problems = append(g.problems, t.Problems...)
	return true
}

// settings reads what the system's configuration itself gives: seedfrom, or the whole
// seed inline.
func (g *gathered) settings(s *datasource.Search) {
	if from := s.Setting("NoCloud", "seedfrom"); from.Text() != "" {
		g.metadata = config.Merge(g.metadata, config.FromAny("datasource.NoCloud", map[string]any{"seedfrom": from.Text()}))
		g.places = append(g.places, "ds_config,seedfrom")
	}
	metadata, userData := s.Setting("NoCloud", "meta-data"), s.Setting("NoCloud", "user-data")
	if metadata == nil || userData == nil {
		return
	}
	if metadata.Kind() == config.String {
		parsed, problems, err := config.Parse("datasource.NoCloud.meta-data", []byte(metadata.Text()))
		g.problems = append(g.problems, problems...)
		if problem, ok := err.(config.Problem); ok {
			g.problems = append(g.problems, problem)
		}
		metadata = parsed
	}
	data := inline(userData)
	g.userData = &data
	if v := s.Setting("NoCloud", "vendor-data"); v != nil {
		g.vendorData = inline(v)
	}
	if v := s.Setting("NoCloud", "network-config"); !v.IsNull() {
		g.network = &datasource.NetworkConfig{Format: datasource.FormatYAML, Name: "datasource.NoCloud.network-config", Data: inline(v)}
	}
	g.add("ds_config", metadata)
}

// inline is data that stands in the configuration itself, as text or as YAML.
func inline(v *config.Value) []byte {
	if v.Kind() == config.Map || v.Kind() == config.List {
		return append([]byte("#cloud-config\n"), v.YAML()...)
	}
	return []byte(v.Text())
}

// seedFrom replaces user data, vendor data and network by those of another directory.
// false: that is not to be had.
func (g *gathered) seedFrom(s *datasource.Search, from string, r *datasource.Report) bool {
	dir, isFile := strings.CutPrefix(from, "file://")
	if !isFile && !strings.HasPrefix(from, "/") {
		r.Note(from, "this version of cloudseed does not fetch seeds from the network")
		s.Log.Warn("the seed is to come from " + from + ", and this version of cloudseed does not fetch seeds from the network")
		return false
	}
	if _, err := fs.Stat(os.DirFS(s.Host.Root()), strings.TrimPrefix(path.Clean(dir), "/")); err != nil {
		r.Note(from, "%v", err)
		return false
	}
	other := &gathered{}
	if !other.tree(s.Dir(dir), r) {
		return false
	}
	g.add(from, other.metadata)
	g.userData, g.vendorData, g.network = other.userData, other.vendorData, other.network
	g.problems = append(g.problems, other.problems...)
	return true
}

// seed makes a Seed of what was gathered.
func (g *gathered) seed(s *datasource.Search, r *datasource.Report) *datasource.Seed {
	m := g.metadata
	seed := &datasource.Seed{
		Datasource: "NoCloud", Source: strings.Join(g.places, ","), InstanceID: m.Get("instance-id").PyStr(),
		Hostname: m.Get("local-hostname").Text(), Mode: m.Get("dsmode").Text(),
		Platform: "nocloud", CloudName: "unknown", PublicKeys: datasource.Keys(m.Get("public-keys")),
		AvailabilityZone: m.Get("availability-zone").Text(), Region: m.Get("region").Text(),
		LaunchIndex: m.Get("launch-index").Text(), RandomSeed: secret.NewBytes([]byte(m.Get("random_seed").Text())),
		Network: g.network, Problems: g.problems, Metadata: map[string]any{},
	}
	if all, ok := m.Any().(map[string]any); ok {
		seed.Metadata = all
	}
	if m.Get("instance-id").Text() == "" {
		seed.InstanceID = defaultID
	}
	if name := m.Get("cloud-name").Text(); name != "" {
		seed.CloudName = name
	}
	seed.Metadata["instance-id"] = seed.InstanceID
	if g.userData != nil {
		seed.UserData = secret.NewBytes(*g.userData)
	}
	if len(g.vendorData) > 0 {
		seed.VendorData = []secret.Bytes{secret.NewBytes(g.vendorData)}
	}
	if eni := m.Get("network-interfaces"); seed.Network == nil && eni.Text() != "" {
		seed.Network = &datasource.NetworkConfig{Format: datasource.FormatENI, Name: "meta-data network-interfaces", Data: []byte(eni.Text())}
	}
	switch seed.Mode {
	case datasource.ModeLocal, datasource.ModeNet:
	case datasource.ModeDisabled:
		r.Note(seed.Source, "it says dsmode: disabled")
		return nil
	default:
		if seed.Mode != "" {
			seed.Problems = append(seed.Problems, config.Problem{
				Severity: config.Warning, Pos: m.Get("dsmode").Pos(), Key: "dsmode",
				Message: fmt.Sprintf("%q is none of local, net and disabled; it counts as net", seed.Mode),
			})
		}
		seed.Mode = datasource.ModeNet
	}
	seed.Subplatform = "seed-dir (" + seed.Source + ")"
	if strings.HasPrefix(seed.Source, "/dev") {
		seed.Subplatform = "config-disk (" + seed.Source + ")"
	}
	seed.Description = "DataSourceNoCloud [seed=" + seed.Source + "]"
	if seed.Mode != datasource.ModeNet {
		seed.Description += "[dsmode=" + seed.Mode + "]"
	}
	return seed
}
