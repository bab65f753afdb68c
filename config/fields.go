package config

import (
	"fmt"
	"reflect"
	"strings"
)

// structField is a field of a key struct.
type structField struct {
	index []int
	keys  string // the key and, with commas between, what is understood too
	tag   reflect.StructTag
	typ   reflect.Type
}

// fieldTags are what the other tags of a field say. They are read where its key is used: of
// most modules a configuration has none.
type fieldTags struct {
	names      []string          // the first is the key
	deprecated map[string]string // spelling: what to say of it
	rules      fieldRules
}

// fields are those of a key struct that have a key. Embedded structs count as written out.
func fields(t reflect.Type) []structField { return appendFields(nil, t, nil) }

func appendFields(list []structField, t reflect.Type, within []int) []structField {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(within[:len(within):len(within)], i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			list = appendFields(list, f.Type, index)
		} else if keys, ok := f.Tag.Lookup("key"); ok {
			list = append(list, structField{index: index, keys: keys, tag: f.Tag, typ: f.Type})
		}
	}
	return list
}

// in reports whether a mapping has the key, in any spelling.
func (f structField) in(v *Value) bool {
	for name := range strings.SplitSeq(f.keys, ",") {
		if v.Get(name) != nil {
			return true
		}
	}
	return false
}

func (f structField) tags() fieldTags {
	tags := fieldTags{names: strings.Split(f.keys, ","), deprecated: map[string]string{}}
	tags.rules.takes = ParseShape(f.tag.Get("takes"))
	tags.rules.scalar = f.tag.Get("accept") == "scalar"
	if enum := f.tag.Get("enum"); enum != "" {
		tags.rules.enum = strings.Split(enum, "|")
	}
	if since, instead, ok := strings.Cut(f.tag.Get("deprecated"), ": "); ok {
		for _, name := range tags.names {
			tags.deprecated[name] = fmt.Sprintf("deprecated since cloud-init %s: %s", since, instead)
		}
	}
	if spellings := f.tag.Get("deprecatedkeys"); spellings != "" {
		for entry := range strings.SplitSeq(spellings, ",") {
			name, since, _ := strings.Cut(entry, "=")
			tags.deprecated[name] = fmt.Sprintf("deprecated since cloud-init %s: write %s", since, tags.names[0])
		}
	}
	return tags
}
