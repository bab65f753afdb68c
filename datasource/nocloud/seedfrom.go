package nocloud

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/secret"
)

// networkSchemes are how a seed on the network is named.
var networkSchemes = []string{"http://", "https://", "ftp://", "ftps://"}

func onNetwork(from string) bool {
	return slices.ContainsFunc(networkSchemes, func(scheme string) bool { return strings.HasPrefix(from, scheme) })
}

// seedFrom replaces user data, vendor data and network by those of another directory,
// even by nothing, and adds its metadata. false: that is not to be had, and without it
// there is no seed: somebody asked for it.
func (g *gathered) seedFrom(ctx context.Context, s *datasource.Search, from string, r *datasource.Report) bool {
	from = replaceDMI(from, s.DMI)
	dir, isFile := strings.CutPrefix(from, "file://")
	var other files
	var ok bool
	switch {
	case isFile, strings.HasPrefix(from, "/"):
		other, ok = directory(s, from, dir, r)
	case !onNetwork(from):
		r.Warn(secret.URL(from), "seedfrom is neither a path nor a URL of http, https, ftp or ftps")
	case s.Fetch == nil && s.Is(quickID(s)):
		r.Note(secret.URL(from), "it was not asked: the instance id is given here, and this machine is that instance already")
	case s.Fetch == nil:
		r.Later(secret.URL(from), "it needs the network: left to the network stage")
	default:
		other, ok = fetch(ctx, s.Fetch, from, r)
	}
	if !ok {
		return false
	}
	g.userData, g.vendorData, g.network = nil, nil, nil
	g.add(other)
	return true
}

// quickID is the instance's id if it can be had without the network: from the command
// line or a seed directory, as with cloud-init.
func quickID(s *datasource.Search) string {
	g := &gathered{}
	g.words("cmdline", s.Cmdline)
	g.directories(s, &datasource.Report{})
	return datasource.ID(g.metadata, "instance-id")
}

// directory reads a seed that is a directory of the machine.
func directory(s *datasource.Search, from, dir string, r *datasource.Report) (files, bool) {
	other, why := read(s.Dir(path.Clean(dir)))
	if why != "" {
		r.Warn(from, "the seed is to be there (seedfrom): %s", why)
		return files{}, false
	}
	other.place = from
	return other, true
}

// fetch gets a seed from the network.
//
// Difference from cloud-init: that an optional file is not there is not asked for ten
// times more, a second each.
func fetch(ctx context.Context, get func(context.Context, string, bool) ([]byte, error), from string, r *datasource.Report) (files, bool) {
	// Difference from cloud-init: a URL stands without its login and query in what
	// everybody may read.
	shown := secret.URL(from)
	t := &datasource.Tree{Source: shown}
	content := map[string]*[]byte{}
	for _, file := range []struct {
		name     string
		required bool
	}{{"network-config", false}, {"meta-data", true}, {"user-data", true}, {"vendor-data", false}} {
		at := fileURL(from, file.name)
		data, err := get(ctx, at, !file.required)
		switch {
		case err == nil:
			content[file.name] = &data
		case file.required:
			r.Warn(shown, "%v", err)
			return files{}, false
		case !errors.Is(err, fs.ErrNotExist):
			t.Found.At(config.Pos{File: shown}, "").Warnf("%v; it was skipped", err)
		}
	}
	found := files{place: shown, userData: content["user-data"], vendorData: content["vendor-data"]}
	found.metadata, found.broken = parse(t, secret.URL(fileURL(from, "meta-data")), *content["meta-data"])
	if data := content["network-config"]; data != nil {
		found.network = network(t, secret.URL(fileURL(from, "network-config")), *data)
	}
	found.problems = t.Found.List()
	return found, true
}

// fileURL is where a file of the seed is: "%s" stands for its name, else the name comes
// at the end, after a slash unless there is a query, which takes it as a value.
func fileURL(from, name string) string {
	if strings.Contains(from, "%s") {
		return strings.ReplaceAll(from, "%s", name)
	}
	if !strings.HasSuffix(from, "/") && !strings.Contains(from, "?") {
		from += "/"
	}
	return from + name
}

// replaceDMI puts fields of SMBIOS where __dmi.name__ stands. A name that there is none
// of stays as it is.
func replaceDMI(from string, dmi func(string) string) string {
	const before, after = "__dmi.", "__"
	var out strings.Builder
	for {
		head, rest, ok := strings.Cut(from, before)
		out.WriteString(head)
		if !ok {
			return out.String()
		}
		name, tail, ok := strings.Cut(rest, after)
		if _, known := datasource.DMIFields[name]; !ok || !known {
			out.WriteString(before)
			from = rest
			continue
		}
		out.WriteString(dmi(name))
		from = tail
	}
}
