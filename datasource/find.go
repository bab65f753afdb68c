package datasource

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource/media"
	"cloudseed/host"
)

// Search says where to look for a seed. Host, Config and Sources must be given.
type Search struct {
	Host    *host.Host
	Named   string                   // the only datasource to look for; the command line's overrides it
	Config  *config.Value            // the system's configuration: datasource_list, datasource
	Cmdline string                   // the kernel's command line
	DMI     func(name string) string // a field of SMBIOS by dmidecode's name; "" when there is none
	Only    string                   // a device, image file or directory that is the only place to look; "" looks everywhere
	Name    string                   // what messages call Only, if not by its path
	Log     *slog.Logger
	Sources []Source // the kinds of seeds, by name

	// Instance tells the id of the instance that this machine was last, "" if it never was
	// one. nil for a machine that never was one.
	Instance func() (string, error)

	// Fetch gets a file from the network. Its errors are sentences that name the URL
	// without its secrets; one that is fs.ErrNotExist says that the server has no such
	// file, which is not asked for again if it is optional. nil before there is a network:
	// seeds that need one are then noted in the report as such.
	Fetch func(ctx context.Context, url string, optional bool) ([]byte, error)

	// What tests replace: the machine's devices, and how one is opened. mount allows
	// the kernel's own drivers to read it.
	Devices func(ctx context.Context) ([]media.Device, []media.Problem)
	Open    func(ctx context.Context, d media.Device, mount bool) (Volume, error)

	volumes []*volume // scanned once for all sources
	scanned bool
	known   bool
	id      string // of the instance that this machine is
}

// Volume is an open file system.
type Volume interface {
	FS() fs.FS
	Close() error
}

// Source is a kind of seed.
type Source interface {
	// Name is its name in datasource_list: "NoCloud".
	Name() string
	// Find looks for a seed of this kind. nil is none.
	Find(ctx context.Context, s *Search, r *Report) *Seed
}

// SeedDir is where seeds lie that are directories of the machine, by cloud-init's path.
const SeedDir = "/var/lib/cloud/seed"

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
	s.known, s.id = s.isInstance()
	defer s.close()
	seed := s.first(ctx, &report)
	if seed == nil && s.Only == "" && !s.known {
		s.unlabelled(&report)
	}
	for _, a := range report {
		// Where there is no other seed, they are the caller's errors.
		if a.Warning && (seed != nil || s.known) || a.Hint {
			s.Log.Warn(a.String())
		}
	}
	return seed, report
}

// unlabelled looks for seeds on volumes that were read and that lack the label by which
// they would be found.
func (s *Search) unlabelled(r *Report) {
	for _, v := range s.volumes {
		if v.open == nil || s.isLabelled(v.device) {
			continue
		}
		t := &Tree{FS: v.open.FS(), Source: s.called(v.device.Path)}
		if t.Has("meta-data") && t.Has("user-data") {
			r.Hint(t.Source, "it holds meta-data and user-data, and is no seed without the label %q; its label is %q", "cidata", v.device.Label)
		}
	}
}

// first is the seed of the first source that has one.
func (s *Search) first(ctx context.Context, r *Report) *Seed {
	for _, name := range s.names() {
		if ctx.Err() != nil {
			r.Note(name, "not looked for: %v", context.Cause(ctx))
			return nil
		}
		i := slices.IndexFunc(s.Sources, func(source Source) bool { return strings.EqualFold(source.Name(), name) })
		if i < 0 {
			r.Note(name, "this program does not know such a datasource")
			continue
		}
		if seed := s.guarded(ctx, s.Sources[i], r); seed != nil {
			r.Note(seed.Source, "found %s", seed.Description)
			return seed
		}
	}
	return nil
}

// guarded asks one source. A mistake in its code costs that source only, as an
// exception does in cloud-init.
func (s *Search) guarded(ctx context.Context, source Source, r *Report) (seed *Seed) {
	defer func() {
		if mistake := recover(); mistake != nil {
			r.Warn(source.Name(), "a mistake in this program: %v", mistake)
			s.Log.Debug(string(debug.Stack()))
			seed = nil
		}
	}()
	return source.Find(ctx, s, r)
}

// names are the datasources to look for, in order. One named on the kernel's command
// line is the only one, as with cloud-init; a user who names a medium wants it read as
// whatever it is.
func (s *Search) names() []string {
	var all, names []string
	for _, source := range s.Sources {
		all = append(all, source.Name())
	}
	list := s.Config.Get("datasource_list")
	for _, item := range list.Items() {
		names = append(names, item.Text())
	}
	switch {
	case s.Only != "":
		return withoutRepeats(append(names, all...))
	case s.commandLineName() != "":
		return []string{s.commandLineName()}
	case s.Named != "":
		return []string{s.Named}
	case list.IsNull():
		return all
	}
	return names
}

// commandLineName is the datasource that the kernel's command line names; the last
// counts, as in ds-identify.
func (s *Search) commandLineName() string {
	name := ""
	for word := range strings.FieldsSeq(s.Cmdline) {
		for _, key := range []string{"ds=", "ci.ds=", "ci.datasource="} {
			if value, ok := strings.CutPrefix(word, key); ok {
				value, _, _ = strings.Cut(value, ";")
				name = strings.TrimSuffix(strings.ToLower(value), "-net")
			}
		}
	}
	return name
}

// Setting is a datasource's own key in the system's configuration:
// datasource: {NoCloud: {fs_label: …}}.
func (s *Search) Setting(datasource, key string) *config.Value {
	return s.Config.Get("datasource").Get(datasource).Get(key)
}

// isInstance asks whether this machine was made an instance. If that cannot be told it
// was: then less is changed.
func (s *Search) isInstance() (known bool, id string) {
	if s.Only != "" || s.Instance == nil {
		return false, "" // with Only the user wants to see what the medium does
	}
	id, err := s.Instance()
	if err != nil {
		s.Log.Warn(fmt.Sprintf("cannot tell whether this machine is an instance already: %v", err))
	}
	return id != "" || err != nil, id
}

// Is tells whether this machine is the instance of that id already.
func (s *Search) Is(id string) bool { return id != "" && id == s.id }

// Known tells whether this machine is an instance already. Then it stays that instance
// until there is a whole seed of another: what only hints at a seed, or is the ruin of
// one, counts on a fresh machine alone.
func (s *Search) Known() bool { return s.known }

// withoutRepeats keeps the first of names that differ in case alone.
func withoutRepeats(names []string) []string {
	var list []string
	for _, name := range names {
		if !slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) }) {
			list = append(list, name)
		}
	}
	return list
}
