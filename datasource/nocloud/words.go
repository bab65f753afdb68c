package nocloud

import (
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
)

// shortNames save typing on the kernel's command line.
var shortNames = map[string]string{"h": "local-hostname", "i": "instance-id", "s": "seedfrom"}

// words reads "ds=nocloud;h=name;i=id;s=url" among blanks, as on the kernel's command
// line and in SMBIOS. Of several such words the last counts.
func (g *gathered) words(where, text string) {
	text = strings.ToValidUTF8(text, "\uFFFD") // as all other metadata is
	found := ""
	for word := range strings.FieldsSeq(text) {
		name, _, _ := strings.Cut(word, ";")
		if name == "ds=nocloud" || name == "ds=nocloud-net" {
			found = word
		}
	}
	if found == "" {
		return
	}
	first := len(g.places) == 0
	name, rest, _ := strings.Cut(found, ";")
	metadata := map[string]any{}
	for field := range strings.SplitSeq(rest, ";") {
		key, value, given := strings.Cut(field, "=")
		if long, ok := shortNames[key]; ok {
			key = long
		}
		switch {
		case given:
			metadata[key] = value
		case key != "":
			metadata[key] = nil // a key alone: as cloud-init has it
		}
	}
	bare := len(metadata) == 0
	if metadata["dsmode"] == nil {
		if mode := modeOf(name, metadata["seedfrom"]); mode != "" {
			metadata["dsmode"] = mode
		}
	}
	hint := bare && (first || g.hintOnly)
	g.add(files{place: where, metadata: config.FromAny(where, metadata)})
	g.hintOnly = hint
}

// modeOf is the mode of a seed from a command line that names none; "" leaves it to
// other places.
func modeOf(name string, seedFrom any) string {
	from, _ := seedFrom.(string)
	switch {
	case strings.HasPrefix(from, "file://"), strings.HasPrefix(from, "/"):
		return datasource.ModeLocal
	case onNetwork(from):
		return datasource.ModeNet
	case from != "":
		return ""
	case name == "ds=nocloud-net":
		return datasource.ModeNet
	default:
		return datasource.ModeLocal
	}
}
