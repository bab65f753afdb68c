package datasource

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource/media"
	"cloudseed/host"
)

// Search says where to look for a seed. Host, Config and Sources must be given.
type Search struct {
	Host    *host.Host
	Config  *config.Value // the system's configuration: datasource_list, datasource
	Cmdline string        // the kernel's command line
	DMI     func(key string) string
	Only    string // a device, image file or directory that is the only place to look; "" looks everywhere
	Log     *slog.Logger
	Sources []Source // the kinds of seeds, by name

	volumes []*volume // scanned once for all sources
	scanned bool
}

// Source is a kind of seed.
type Source interface {
	// Name is its name in datasource_list: "NoCloud".
	Name() string
	// Find looks for a seed of this kind. nil is none.
	Find(ctx context.Context, s *Search, r *Report) *Seed
}

// Report is what was tried, in order.
type Report []Attempt

// Attempt is one place, and why it was or was not the one.
type Attempt struct{ Where, Outcome string }

// Note adds an attempt.
func (r *Report) Note(where, format string, args ...any) {
	*r = append(*r, Attempt{where, fmt.Sprintf(format, args...)})
}

// Summary is the report in one line.
func (r Report) Summary() string {
	if len(r) == 0 {
		return "there was nothing to look at"
	}
	var parts []string
	for _, a := range r {
		parts = append(parts, a.Where+": "+a.Outcome)
	}
	return strings.Join(parts, "; ")
}

// Find looks for a seed in all the places that the system's configuration allows, in
// cloud-init's order, and gives the first. nil is none. What goes wrong with one place
// never keeps the next from being tried.
func Find(ctx context.Context, s Search) (*Seed, Report) {
	var report Report
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.DMI == nil {
		s.DMI = func(string) string { return "" }
	}
	defer s.close()
	for _, name := range s.names() {
		i := slices.IndexFunc(s.Sources, func(source Source) bool { return strings.EqualFold(source.Name(), name) })
		if i < 0 {
			if !strings.EqualFold(name, "None") {
				report.Note(name, "this program does not know such a datasource")
			}
			continue
		}
		if seed := s.Sources[i].Find(ctx, &s, &report); seed != nil {
			report.Note(seed.Source, "found %s", seed.Description)
			return seed, report
		}
	}
	return nil, report
}

// names are the datasources to look for, in order: one named on the kernel's command
// line is the only one, as with cloud-init.
func (s *Search) names() []string {
	if s.Only != "" {
		var all []string
		for _, source := range s.Sources {
			all = append(all, source.Name())
		}
		return all
	}
	for word := range strings.FieldsSeq(s.Cmdline) {
		for _, key := range []string{"ds=", "ci.ds=", "ci.datasource="} {
			if value, ok := strings.CutPrefix(word, key); ok {
				name, _, _ := strings.Cut(value, ";")
				return []string{strings.TrimSuffix(strings.ToLower(name), "-net")}
			}
		}
	}
	var names []string
	for _, item := range s.Config.Get("datasource_list").Items() {
		names = append(names, item.Text())
	}
	return names
}

// Setting is a datasource's own key in the system's configuration:
// datasource: {NoCloud: {fs_label: …}}.
func (s *Search) Setting(datasource, key string) *config.Value {
	return s.Config.Get("datasource").Get(datasource).Get(key)
}

// volume is a device whose file system may hold a seed; it is opened when it is first
// asked for.
type volume struct {
	device media.Device
	open   *media.Volume
	failed bool
}

// Volumes are the devices that may hold a seed, in cloud-init's order of preference:
// by name, backwards, so that the device that was attached last comes first.
func (s *Search) Volumes(ctx context.Context, r *Report) []media.Device {
	if !s.scanned {
		s.scanned = true
		s.scan(ctx, r)
	}
	devices := make([]media.Device, len(s.volumes))
	for i, v := range s.volumes {
		devices[i] = v.device
	}
	return devices
}

func (s *Search) scan(ctx context.Context, r *Report) {
	if s.Only != "" {
		s.onlyDevice(r)
		return
	}
	if !s.Host.IsLive() {
		return // an image's root has no devices of its own
	}
	devices, problems := media.Scan(ctx, media.ScanOptions{})
	for _, p := range problems {
		r.Note(p.Path, "%v", p.Err)
	}
	slices.SortFunc(devices, func(a, b media.Device) int { return strings.Compare(b.Path, a.Path) })
	for _, d := range devices {
		if d.Filesystem != media.Unknown {
			s.volumes = append(s.volumes, &volume{device: d})
		}
	}
}

// onlyDevice probes the device or image file that the user named.
func (s *Search) onlyDevice(r *Report) {
	info, err := os.Stat(s.Only)
	if err != nil {
		r.Note(s.Only, "%v", err)
		return
	}
	if info.IsDir() {
		return
	}
	f, err := os.Open(s.Only)
	if err != nil {
		r.Note(s.Only, "%v", err)
		return
	}
	defer f.Close()
	size, err := f.Seek(0, 2)
	if err != nil {
		r.Note(s.Only, "%v", err)
		return
	}
	super, err := media.Probe(f, size)
	switch {
	case err != nil:
		r.Note(s.Only, "%v", err)
	case super.Filesystem == media.Unknown:
		r.Note(s.Only, "it holds no ISO 9660, FAT or UDF file system")
	default:
		s.volumes = append(s.volumes, &volume{device: media.Device{Path: s.Only, Size: size, Superblock: super}})
	}
}

// OnlyDir is the directory that the user named as the only place to look, "" when it
// is not a directory.
func (s *Search) OnlyDir() string {
	if info, err := os.Stat(s.Only); s.Only != "" && err == nil && info.IsDir() {
		return s.Only
	}
	return ""
}

// OpenVolume gives the files of a device, nil when they cannot be read.
func (s *Search) OpenVolume(ctx context.Context, d media.Device, r *Report) *Tree {
	i := slices.IndexFunc(s.volumes, func(v *volume) bool { return v.device.Path == d.Path })
	if i < 0 || s.volumes[i].failed {
		return nil
	}
	v := s.volumes[i]
	if v.open == nil {
		mount := s.Config.Get("datasource").Get("mount")
		allowed, set := mount.Bool()
		opened, err := media.Open(ctx, d.Path, d.Superblock, media.OpenOptions{NoMount: set && !allowed})
		if err != nil {
			v.failed = true
			r.Note(d.Path, "%v", err)
			s.Log.Warn(err.Error())
			return nil
		}
		v.open = opened
	}
	return &Tree{FS: v.open.FS(), Source: d.Path}
}

// Dir gives the files of a directory of the machine.
func (s *Search) Dir(dir string) *Tree {
	if s.Only != "" {
		return &Tree{FS: os.DirFS(dir), Source: dir}
	}
	return &Tree{FS: os.DirFS(path.Join(s.Host.Root(), dir)), Source: dir}
}

// Has tells whether a tree has a file.
func (t *Tree) Has(name string) bool {
	_, err := fs.Stat(t.FS, name)
	return err == nil
}

func (s *Search) close() {
	for _, v := range s.volumes {
		if v.open != nil {
			if err := v.open.Close(); err != nil {
				s.Log.Warn("cannot close " + v.device.Path + ": " + err.Error())
			}
		}
	}
}

// lines are the lines of a text that are not empty.
func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
