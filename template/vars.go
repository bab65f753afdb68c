package template

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Variables are what cloud-init gives templates of instance data: every key that a name
// in a template cannot be has an alias with underscores, "local-hostname" for one
// local_hostname; and the keys of v1 stand for themselves at the top too.
func Variables(instanceData map[string]any) map[string]any { return variables(instanceData, true) }

// Lifted is instance data with the keys of v1 at the top too, and without aliases: what
// cloud-init prints of it.
func Lifted(instanceData map[string]any) map[string]any { return variables(instanceData, false) }

// lifted are the keys whose own keys stand at the top too.
var lifted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v\d+$`) })

func variables(data map[string]any, aliases bool) map[string]any {
	all := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value := data[key]
		if inner, ok := value.(map[string]any); ok {
			below := variables(inner, aliases)
			if lifted().MatchString(key) {
				maps.Copy(all, below)
			}
			value = below
		}
		all[key] = value
		if alias := Alias(key); aliases && alias != key {
			all[alias] = value
		}
	}
	return all
}

// Alias is a key as a template can write it: with an underscore in the place of each of
// the language's operators.
func Alias(key string) string {
	for _, o := range operators {
		key = strings.ReplaceAll(key, o, "_")
	}
	return key
}
