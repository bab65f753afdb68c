package config

import "reflect"

// KeyDoc is what is known of a key of a key struct, for the schema, the manual page
// and the reference.
type KeyDoc struct {
	Key        string
	Aliases    []string // spellings that are understood too
	Type       string   // in words: "boolean", "list of: string"
	Doc        string
	Default    string
	Enum       []string
	Takes      Shape             // where the Go type does not say
	Form       Form              // what the Go type says
	OneAlone   bool              // one value stands for a list of one
	Deprecated map[string]string // spelling: since when, and what to write instead
	Children   []KeyDoc          // of a map, or of the maps in a list
}

// TypeNamer is a Decoder that says in words what it takes: "text, or list of texts".
type TypeNamer interface {
	ConfigType() string
}

// Describe reads the tags of a key struct: those that Decode knows, and
//
//	doc:"one sentence"   default:"what holds without the key"
//	type:"a text or a list"   what a type with DecodeConfig takes
func Describe(keys any) []KeyDoc {
	t := reflect.TypeOf(keys)
	if t == nil {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return describeStruct(t, nil)
}

// describeStruct stops where a type contains itself.
func describeStruct(t reflect.Type, within []reflect.Type) []KeyDoc {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, outer := range within {
		if outer == t {
			return nil
		}
	}
	within = append(within[:len(within):len(within)], t)
	var docs []KeyDoc
	for _, field := range fields(t) {
		f := field.tags()
		doc := KeyDoc{
			Key: f.names[0], Aliases: f.names[1:], Type: typeInWords(field.typ), Doc: field.tag.Get("doc"),
			Default: field.tag.Get("default"), Enum: f.rules.enum, Deprecated: f.deprecated,
			Children: describeStruct(elementOf(field.typ), within), Form: formOf(field.typ), OneAlone: f.rules.scalar,
		}
		if f.rules.scalar {
			doc.Type += ", or one alone"
		}
		if doc.Takes = f.rules.takes; doc.Takes != nil {
			doc.Type = doc.Takes.String()
		}
		if words := field.tag.Get("type"); words != "" {
			doc.Type = words
		}
		docs = append(docs, doc)
	}
	return docs
}

// elementOf is the struct within lists, pointers and ordered maps.
func elementOf(t reflect.Type) reflect.Type {
	for {
		switch {
		case t == secretType || t == valueType:
			return t
		case isOrderedMap(t):
			t = t.Elem().Field(1).Type
		case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
			t = t.Elem()
		default:
			return t
		}
	}
}

func typeInWords(t reflect.Type) string {
	if namer, ok := reflect.New(t).Interface().(TypeNamer); ok {
		return namer.ConfigType()
	}
	switch {
	case t == valueType:
		return "anything"
	case t == secretType:
		return "string (secret)"
	case isOrderedMap(t):
		return "mapping of: " + typeInWords(t.Elem().Field(1).Type)
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(decoderType):
		return "several forms"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeInWords(t.Elem())
	case reflect.Slice:
		return "list of: " + typeInWords(t.Elem())
	case reflect.Struct:
		return "mapping"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	}
	return "string"
}
