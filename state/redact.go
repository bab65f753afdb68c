package state

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cloudseed/secret"
)

// redactedForOthers stands in the file that everybody may read, in cloud-init's own
// words: tools look for them.
const redactedForOthers = "redacted for non-root user"

// Elsewhere stands for what root may read in a file, for those who may not.
func Elsewhere(file string) string { return "<" + redactedForOthers + "> file:" + file }

// sensitiveKeys are the keys, or paths of keys, that cloud-init shows to nobody but root.
var sensitiveKeys = []string{
	"combined_cloud_config", "merged_cfg", "merged_system_cfg", "security-credentials", "userdata", "user-data", "user_data", "vendordata",
	"vendor-data", "ds/vendor_data",
}

// hiddenNames are further keys that only root may read.
//
// Difference from cloud-init: it shows those of metadata, and all that secret.IsName
// reports, to everybody.
var hiddenNames = []string{"random_seed", "vendor_data"}

// OpenMetadata is metadata without what only root may read.
func OpenMetadata(metadata map[string]any) map[string]any {
	var r redaction
	return r.keys(metadata, "ds/meta_data", false)
}

// marked gives the document with the lists of what is special in it: all of it, and what
// everybody may read.
func (f Facts) marked() (all, open map[string]any) {
	binary := []any{}
	all = unmark(f.document(), "", &binary)
	var r redaction
	open = r.keys(all, "", false)
	slices.Sort(r.paths)
	sensitive := make([]any, len(r.paths))
	for i, path := range r.paths {
		sensitive[i] = path
	}
	for _, document := range []map[string]any{all, open} {
		document["sensitive_keys"], document["base64_encoded_keys"] = sensitive, binary
	}
	return all, open
}

// unmark takes the marks of binary data away, and lists the paths where they were. In
// lists they stay, as with cloud-init.
func unmark(keys map[string]any, at string, binary *[]any) map[string]any {
	all := make(map[string]any, len(keys))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		path := strings.TrimPrefix(at+"/"+key, "/")
		switch x := keys[key].(type) {
		case map[string]any:
			all[key] = unmark(x, path, binary)
		case string:
			if strings.HasPrefix(x, binaryMark) {
				*binary = append(*binary, path)
				x = strings.ReplaceAll(x, binaryMark, "")
			}
			all[key] = x
		default:
			all[key] = x
		}
	}
	return all
}

// redaction takes secrets away and remembers from where.
type redaction struct {
	paths []string
}

// keys is a map for everybody to read: secret keys, on whatever level, have no values
// there. covered says that what holds the map is not shown at all: what is secret in it
// is listed as cloud-init does, and no more.
func (r *redaction) keys(keys map[string]any, at string, covered bool) map[string]any {
	open := make(map[string]any, len(keys))
	for key, value := range keys {
		path := strings.TrimPrefix(at+"/"+key, "/")
		known := slices.Contains(sensitiveKeys, strings.ToLower(key)) || slices.Contains(sensitiveKeys, strings.ToLower(path))
		hidden := known || !covered && (isSecret(key) || isWireless(key, value))
		if hidden {
			r.paths = append(r.paths, path)
		}
		value = r.value(value, path, covered || hidden)
		if text, isText := value.(string); isText && key == "seedfrom" {
			value = secret.URL(text)
		}
		if hidden {
			value = redactedForOthers
		}
		open[key] = value
	}
	return open
}

func (r *redaction) value(value any, at string, covered bool) any {
	switch x := value.(type) {
	case string:
		return secret.WithoutLogins(x)
	case map[string]any:
		return r.keys(x, at, covered)
	case []any:
		if covered {
			return nil // cloud-init does not look into lists
		}
		open := make([]any, len(x))
		for i, item := range x {
			open[i] = r.value(item, at+"/"+strconv.Itoa(i), false)
		}
		return open
	}
	return value
}

// isWireless tells of Debian's description of interfaces when it has a wireless network's
// key in it.
func isWireless(key string, value any) bool {
	text, ok := value.(string)
	return ok && key == "network-interfaces" && strings.Contains(text, "wpa")
}

// isSecret reports by the name of a key whether its value is one.
func isSecret(key string) bool {
	return slices.Contains(hiddenNames, strings.ToLower(key)) || secret.IsName(key)
}
