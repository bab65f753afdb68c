package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/modules"
)

// object is a part of a JSON Schema.
type object map[string]any

// Export is a JSON Schema of cloud-config, of draft 2020-12, made of the key structs of
// all modules. It allows what CloudConfig allows, as far as kinds of values, names of keys
// and words go. Keys of modules that are not here may have any value.
func Export() []byte {
	properties := object{}
	for _, key := range modules.Keys() {
		properties[key] = object{}
	}
	for _, m := range modules.All() {
		maps.Copy(properties, propertiesOf(config.Describe(m.Keys)))
	}
	text, err := json.MarshalIndent(object{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "cloud-config, as cloudseed reads it",
		"type":                 []string{"object", "null"},
		"properties":           properties,
		"additionalProperties": false,
	}, "", "  ")
	if err != nil {
		panic("schema: " + err.Error()) // maps of texts can be written
	}
	return append(text, '\n')
}

func propertiesOf(docs []config.KeyDoc) object {
	properties := object{}
	for _, doc := range docs {
		for _, name := range append([]string{doc.Key}, doc.Aliases...) {
			one := orNull(ofKey(doc))
			one["description"] = doc.Doc
			if doc.Default != "" {
				one["description"] = doc.Doc + " Default: " + doc.Default + "."
			}
			if why := doc.Deprecated[name]; why != "" {
				one["deprecated"] = true
				one["description"] = strings.ToUpper(why[:1]) + why[1:] + ". " + doc.Doc
			}
			properties[name] = one
		}
	}
	return properties
}

// orNull allows null too: a key of nothing counts as absent.
func orNull(o object) object {
	if len(o) == 0 {
		return object{}
	}
	return object{"anyOf": []object{o, {"type": "null"}}}
}

// scalars are what is read as a text: it keeps what was written.
var scalars = []string{"string", "number", "boolean"}

// truth is what is read as true or false.
func truth() object {
	return object{"anyOf": []object{
		{"type": "boolean"},
		{"enum": []any{0, 1}},
		{"type": "string", "pattern": `^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|0|1)\s*$`},
	}}
}

func ofKey(doc config.KeyDoc) object {
	if doc.Takes != nil {
		return ofShape(doc.Takes, doc.Children)
	}
	return ofType(doc.Form, doc)
}

func ofType(form config.Form, doc config.KeyDoc) object {
	switch form.Kind {
	case config.FormText:
		if len(doc.Enum) > 0 {
			return object{"enum": slices.Clone(doc.Enum)}
		}
		return object{"type": scalars}
	case config.FormBool:
		return truth()
	case config.FormNumber:
		return object{"anyOf": []object{{"type": "number"}, {"type": "string", "pattern": `^\s*[-+]?[0-9]+(\.[0-9]*)?\s*$`}}}
	case config.FormKeys:
		return object{"type": "object", "properties": propertiesOf(doc.Children), "additionalProperties": false}
	case config.FormMap:
		return object{"type": "object", "additionalProperties": orNull(ofType(*form.Of, doc))}
	case config.FormList:
		list := object{"type": "array", "items": ofType(*form.Of, doc)}
		if doc.OneAlone {
			return object{"anyOf": []object{list, ofType(*form.Of, doc)}}
		}
		return list
	}
	return object{}
}

func ofShape(s config.Shape, children []config.KeyDoc) object {
	var forms []object
	for _, a := range s {
		switch a.Word {
		case "text":
			forms = append(forms, object{"type": scalars})
		case "bool":
			forms = append(forms, truth())
		case "nothing":
			forms = append(forms, object{"type": "null"})
		case "list":
			forms = append(forms, object{"type": "array", "items": ofShape(a.Of, children)})
		case "map":
			forms = append(forms, object{"type": "object", "additionalProperties": ofShape(a.Of, children)})
		case "keys":
			forms = append(forms, object{"type": "object", "properties": propertiesOf(children), "additionalProperties": false})
		case "anything":
			return object{}
		}
	}
	if len(forms) == 1 {
		return forms[0]
	}
	return object{"anyOf": forms}
}
