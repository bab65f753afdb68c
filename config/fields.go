package config

import (
	"fmt"
	"reflect"
	"strings"
)

// structField is a field of a key struct as its tags describe it.
type structField struct {
	index      []int
	names      []string          // the first is the key, the others are understood too
	deprecated map[string]string // spelling: what to say of it
	rules      fieldRules
	tag        reflect.StructTag
	typ        reflect.Type
}

// fields reads the tags of a key struct. Embedded structs count as written out.
func fields(t reflect.Type) []structField {
	var list []structField
	for _, f := range reflect.VisibleFields(t) {
		key, ok := f.Tag.Lookup("key")
		if !ok || f.Anonymous {
			continue
		}
		field := structField{index: f.Index, names: strings.Split(key, ","), tag: f.Tag, typ: f.Type, deprecated: map[string]string{}}
		field.rules.takes = ParseShape(f.Tag.Get("takes"))
		field.rules.scalar = f.Tag.Get("accept") == "scalar"
		if enum := f.Tag.Get("enum"); enum != "" {
			field.rules.enum = strings.Split(enum, "|")
		}
		if since, instead, ok := strings.Cut(f.Tag.Get("deprecated"), ": "); ok {
			for _, name := range field.names {
				field.deprecated[name] = fmt.Sprintf("deprecated since cloud-init %s: %s", since, instead)
			}
		}
		if spellings := f.Tag.Get("deprecatedkeys"); spellings != "" {
			for entry := range strings.SplitSeq(spellings, ",") {
				name, since, _ := strings.Cut(entry, "=")
				field.deprecated[name] = fmt.Sprintf("deprecated since cloud-init %s: write %s", since, field.names[0])
			}
		}
		list = append(list, field)
	}
	return list
}
