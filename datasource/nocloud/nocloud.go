// Package nocloud reads cloud-init's own simple seed: the files meta-data and
// user-data on a medium labelled cidata, in a directory, or named on the kernel's
// command line.
//
// In comes a search's devices, directories and settings, out goes a Seed. It never
// knows what is done with one.
package nocloud

import (
	"context"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
)

// Source finds NoCloud seeds.
type Source struct {
	// Misplaced are keys that metadata may not have, with where each belongs.
	Misplaced map[string]string
}

// Name is the name in datasource_list.
func (Source) Name() string { return "NoCloud" }

// Find asks all places, in cloud-init's order, and joins what they say.
func (source Source) Find(ctx context.Context, s *datasource.Search, r *datasource.Report) *datasource.Seed {
	g := &gathered{misplaced: source.Misplaced}
	if s.Only == "" {
		g.words("dmi", serial(s))
		g.words("cmdline", s.Cmdline)
		g.directories(s, r)
		g.settings(s)
	} else if dir := s.OnlyDir(); dir != "" {
		g.tree(s.Dir(dir), r.Note)
	}
	g.devices(ctx, s, r)
	if len(g.places) == 0 {
		return nil
	}
	if from := g.metadata.Get("seedfrom").Text(); from != "" && !g.seedFrom(ctx, s, from, r) {
		return nil
	}
	if why := g.ruin(); why != "" && s.Known() {
		// Difference from cloud-init: there it becomes the instance "nocloud", for a slip
		// in a file that it has read well before.
		r.Warn(strings.Join(g.places, ","), "%s; the machine stays the instance that it is", why)
		return nil
	}
	if g.hintOnly && s.Known() {
		// Difference from cloud-init: virt-install leaves ds=nocloud in SMBIOS and takes
		// the medium away after the first boot. cloud-init then makes the machine the
		// instance "nocloud", with new host keys; here it stays what it is.
		r.Note(strings.Join(g.places, ","), "it says that there is a seed and names none; the machine stays the instance that it is")
		return nil
	}
	return g.seed(s, r)
}

// serial is the machine's serial number in SMBIOS. Firmware that was never set up has
// bytes of all ones there.
func serial(s *datasource.Search) string {
	text := s.DMI("system-serial-number")
	if strings.ReplaceAll(text, "\xff", "") == "" {
		return ""
	}
	return text
}

// directories reads the seed directory; of two, the first that is whole.
func (g *gathered) directories(s *datasource.Search, r *datasource.Report) {
	for _, name := range []string{"nocloud", "nocloud-net"} {
		dir := path.Join(datasource.SeedDir, name)
		if _, err := s.Host.Stat(dir); err != nil {
			continue // there mostly is none: nothing to report
		}
		if g.tree(s.Dir(dir), r.Note) {
			return
		}
	}
}

// devices reads the first medium with the label that is a whole seed.
func (g *gathered) devices(ctx context.Context, s *datasource.Search, r *datasource.Report) {
	tell := r.Warn // its label says that somebody meant it to be a seed
	if s.Only != "" {
		tell = r.Note
	}
	for _, device := range candidates(s, s.Volumes(ctx, r)) {
		tree := s.OpenVolume(ctx, device, r)
		if tree != nil && g.tree(tree, tell) {
			return
		}
	}
}

// tree adds the files of a tree, or tells why they are no seed.
func (g *gathered) tree(t *datasource.Tree, tell func(where, format string, args ...any)) bool {
	found, why := read(t)
	if why != "" {
		tell(t.Source, "%s", why)
		return false
	}
	g.add(found)
	return true
}

// candidates are the devices with the label: as it was given, in capitals or in small
// letters.
//
// Difference from cloud-init: UDF counts too, which Windows writes. cloud-init asks
// blkid for vfat and iso9660 only.
func candidates(s *datasource.Search, devices []media.Device) []media.Device {
	if s.Only != "" {
		return devices
	}
	label := "cidata"
	if own := s.Setting("NoCloud", "fs_label"); own != nil {
		if own.Text() == "" {
			return nil // null: the search is switched off
		}
		label = own.Text()
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

// settings reads what the system's configuration itself gives: seedfrom, or the whole
// seed inline, which counts only with both user-data and meta-data.
func (g *gathered) settings(s *datasource.Search) {
	if from := s.Setting("NoCloud", "seedfrom"); from.Text() != "" {
		g.metadata = config.Merge(g.metadata, mapOf(from, "seedfrom"))
		g.places = append(g.places, "ds_config_seedfrom")
	}
	metadata, userData := s.Setting("NoCloud", "meta-data"), s.Setting("NoCloud", "user-data")
	if metadata == nil || userData == nil {
		return
	}
	t := &datasource.Tree{Source: "datasource.NoCloud"}
	if metadata.Kind() != config.Map {
		metadata = t.ParseMap(t.Name("meta-data"), []byte(metadata.Text()))
	}
	data := inline(userData)
	found := files{place: "ds_config", metadata: metadata, userData: &data}
	if v := s.Setting("NoCloud", "vendor-data"); v != nil {
		data := inline(v)
		found.vendorData = &data
	}
	if v := s.Setting("NoCloud", "network-config"); !v.IsNull() {
		found.network = network(t, t.Name("network-config"), inline(v))
	}
	found.problems = t.Found.List()
	g.add(found)
}

// mapOf is a map with one key.
func mapOf(v *config.Value, key string) *config.Value {
	return config.FromAny(v.Pos().File, map[string]any{key: v.Text()})
}

// inline is data that stands in the configuration itself, as text or as YAML.
func inline(v *config.Value) []byte {
	if v.Kind() == config.Map || v.Kind() == config.List {
		return append([]byte("#cloud-config\n"), yaml.Dump(v)...)
	}
	return []byte(v.Text())
}
