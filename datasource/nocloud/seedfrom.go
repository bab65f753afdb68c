package nocloud

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
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
		r.Warn(shown(from), "seedfrom is neither a path nor a URL of http, https, ftp or ftps")
	case s.Fetch == nil:
		r.Later(shown(from), "it needs the network: left to the network stage")
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
func fetch(ctx context.Context, get func(context.Context, string) ([]byte, error), from string, r *datasource.Report) (files, bool) {
	t := &datasource.Tree{Source: from}
	content := map[string]*[]byte{}
	for _, file := range []struct {
		name     string
		required bool
	}{{"network-config", false}, {"meta-data", true}, {"user-data", true}, {"vendor-data", false}} {
		at := fileURL(from, file.name)
		data, err := get(ctx, at)
		switch {
		case err == nil:
			content[file.name] = &data
		case file.required:
			r.Warn(shown(from), "cannot fetch %s: %v", shown(at), err)
			return files{}, false
		case !errors.Is(err, fs.ErrNotExist):
			t.Problem(config.Warning, config.Pos{File: shown(at)}, "", "cannot fetch it: %v; it was left out", err)
		}
	}
	found := files{place: shown(from), userData: content["user-data"], vendorData: content["vendor-data"]}
	found.metadata, found.broken = parse(t, shown(fileURL(from, "meta-data")), *content["meta-data"])
	if data := content["network-config"]; data != nil {
		found.network = network(t, shown(fileURL(from, "network-config")), *data)
	}
	found.problems = t.Problems
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

// shown is a URL without the password that may be in it.
func shown(from string) string {
	u, err := url.Parse(from)
	if err != nil || u.User == nil {
		return from
	}
	return u.Redacted()
}

// dmiNames are the fields of SMBIOS by dmidecode's names, and sysfs's for the same.
var dmiNames = map[string]string{
	"baseboard-asset-tag": "board_asset_tag", "baseboard-manufacturer": "board_vendor", "baseboard-product-name": "board_name",
	"baseboard-serial-number": "board_serial", "baseboard-version": "board_version", "bios-release-date": "bios_date",
	"bios-vendor": "bios_vendor", "bios-version": "bios_version", "chassis-asset-tag": "chassis_asset_tag",
	"chassis-manufacturer": "chassis_vendor", "chassis-serial-number": "chassis_serial", "chassis-version": "chassis_version",
	"system-manufacturer": "sys_vendor", "system-product-name": "product_name", "system-serial-number": "product_serial",
	"system-uuid": "product_uuid", "system-version": "product_version",
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
		field, known := dmiNames[name]
		if !ok || !known {
			out.WriteString(before)
			from = rest
			continue
		}
		out.WriteString(dmi(field))
		from = tail
	}
}
