package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cloudseed/secret"
)

// Ordered is a map that keeps the order of the document.
type Ordered[T any] []Entry[T]

// Entry is a key of an Ordered map with its value.
type Entry[T any] struct {
	Key   string
	Value T
}

// Decoder is a type that knows how to read itself, for keys that take more than one
// shape.
type Decoder interface {
	DecodeConfig(v *Value) []Problem
}

// Decode fills a struct from a map, by the tags of its fields:
//
//	key:"name,other-name"   the key, and spellings that are understood too
//	accept:"scalar"         one value stands for a list of one
//	enum:"a|b"              the values that a text may have
//	takes:"text|list(text)" the forms of a value that Decode leaves alone but for *Value and a Decoder (see Shape)
//	deprecated:"22.2: use …"   the whole key; deprecatedkeys:"other-name=22.3" a spelling
//
// What cannot be understood is a problem, and its field stays as it was; everything
// else is filled in. An absent key and a null leave a field as it is. Keys that no
// field has are a warning, but not at the top level, where they are other modules'.
// topLevel are the keys of other modules, which the warning about one in a wrong place names.
func (v *Value) Decode(into any, topLevel ...string) []Problem {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("config: Decode into %T", into)) // a mistake in the caller
	}
	d := decoder{topLevel: topLevel}
	d.value(v, target.Elem(), path{}, fieldRules{})
	return d.problems
}

// DecodeAt is Decode for a value that is not the top: problems name it by its path,
// and keys that no field has are a warning.
func (v *Value) DecodeAt(at string, into any, topLevel ...string) []Problem {
	d := decoder{topLevel: topLevel}
	d.value(v, reflect.ValueOf(into).Elem(), path{at}, fieldRules{})
	return d.problems
}

type decoder struct {
	problems []Problem
	strict   bool                           // the value is only checked, all of it
	known    map[reflect.Type][]structField // what was read from tags already
	topLevel []string                       // the keys that have a meaning at the top of a document only
}

func (d *decoder) fields(t reflect.Type) []structField {
	list, ok := d.known[t]
	if !ok {
		list = fields(t)
		if d.known == nil {
			d.known = map[reflect.Type][]structField{}
		}
		d.known[t] = list
	}
	return list
}

// path is where the decoder is: "users.0.name".
type path struct{ text string }

func (p path) child(name string) path {
	return path{strings.TrimPrefix(p.text+"."+name, ".")}
}

// fieldRules are a field's tags that concern its value.
type fieldRules struct {
	scalar bool
	enum   []string
	takes  Shape
}

func (d *decoder) problem(v *Value, at path, format string, args ...any) {
	p := v.Pos().Errorf(format, args...)
	p.Key = at.text
	d.problems = append(d.problems, p)
}

var (
	decoderType = reflect.TypeFor[Decoder]()
	secretType  = reflect.TypeFor[secret.String]()
	valueType   = reflect.TypeFor[*Value]()
)

func (d *decoder) value(v *Value, into reflect.Value, at path, rules fieldRules) {
	if d.strict && rules.takes != nil && !v.IsNull() {
		d.shaped(v, into.Type(), at, rules.takes)
		return
	}
	isDecoder := reflect.PointerTo(into.Type()).Implements(decoderType)
	if rules.takes != nil && !d.strict && into.Type() != valueType && !isDecoder {
		return
	}
	if into.Type() == valueType {
		into.Set(reflect.ValueOf(v))
		return
	}
	if isDecoder {
		if v == nil {
			return
		}
		for _, p := range into.Addr().Interface().(Decoder).DecodeConfig(v) {
			if p.Key == "" {
				p.Key = at.text
			} else {
				p.Key = at.child(p.Key).text
			}
			d.problems = append(d.problems, p)
		}
		return
	}
	if v.IsNull() || v.kind == Binary && v.any == nil { // the latter was reported when it was parsed
		return
	}
	switch {
	case into.Type() == secretType:
		d.secret(v, into, at)
	case isOrderedMap(into.Type()):
		d.orderedMap(v, into, at)
	default:
		d.plain(v, into, at, rules)
	}
}

func (d *decoder) plain(v *Value, into reflect.Value, at path, rules fieldRules) {
	switch into.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		before := len(d.problems)
		d.value(v, fresh.Elem(), at, rules)
		if len(d.problems) == before || into.Type().Elem().Kind() == reflect.Struct {
			into.Set(fresh)
		}
	case reflect.Struct:
		d.structure(v, into, at)
	case reflect.Slice:
		d.list(v, into, at, rules)
	case reflect.String:
		d.text(v, into, at, rules)
	case reflect.Bool:
		if b, ok := AsBool(v); ok {
			into.SetBool(b)
			return
		}
		d.problem(v, at, "expected a boolean, got %s", Shown(v))
	case reflect.Int, reflect.Int64:
		if n, ok := asInt(v); ok {
			into.SetInt(n)
			return
		}
		d.problem(v, at, "expected a whole number, got %s", Shown(v))
	case reflect.Float64:
		if f, ok := asFloat(v); ok {
			into.SetFloat(f)
			return
		}
		d.problem(v, at, "expected a number, got %s", Shown(v))
	default:
		panic(fmt.Sprintf("config: cannot decode into %s", into.Type())) // a mistake in a key struct
	}
}

// AsBool reads a boolean in all the ways in which producers write one: true, "True",
// 'yes', "on", 1.
func AsBool(v *Value) (value, ok bool) {
	if b, ok := v.Bool(); ok {
		return b, true
	}
	if v.Kind() != String && v.Kind() != Int {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(v.Text())) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}

// IsTrue reports whether a value means yes, however a producer writes it; see AsBool.
func IsTrue(v *Value) bool {
	value, ok := AsBool(v)
	return ok && value
}

// IsFalse reports whether a value means no, however a producer writes it; see AsBool.
func IsFalse(v *Value) bool {
	value, ok := AsBool(v)
	return ok && !value
}

func asInt(v *Value) (int64, bool) {
	if n, ok := v.Int(); ok {
		return n, true
	}
	if v.Kind() != String {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.Text()), 10, 64)
	return n, err == nil
}

func asFloat(v *Value) (float64, bool) {
	if f, ok := v.Float(); ok {
		return f, true
	}
	if n, ok := asInt(v); ok {
		return float64(n), true
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(v.Text()), 64)
	return f, err == nil && v.Kind() == String
}

func (d *decoder) text(v *Value, into reflect.Value, at path, rules fieldRules) {
	if v.kind == List || v.kind == Map {
		d.problem(v, at, "expected a string, got %s", Shown(v))
		return
	}
	if len(rules.enum) > 0 && !slices.Contains(rules.enum, v.text) {
		d.problem(v, at, "expected %s, got %s%s", alternatives(rules.enum), Shown(v), didYouMean(v.text, rules.enum))
		return
	}
	into.SetString(v.text)
}

func (d *decoder) secret(v *Value, into reflect.Value, at path) {
	if v.kind == List || v.kind == Map {
		d.problem(v, at, "expected a string, got %s", kindInWords(v))
		return
	}
	into.Set(reflect.ValueOf(secret.New(v.text)))
}

// list and structure do not quote what stands in their place: a password may.
func (d *decoder) list(v *Value, into reflect.Value, at path, rules fieldRules) {
	items := v.items
	if v.kind != List {
		if !rules.scalar || v.kind == Map {
			d.problem(v, at, "expected a list, got %s", kindInWords(v))
			return
		}
		items = []*Value{v}
	}
	out := reflect.MakeSlice(into.Type(), 0, len(items))
	for i, item := range items {
		element := reflect.New(into.Type().Elem()).Elem()
		before := len(d.problems)
		if d.strict && item.IsNull() {
			d.problem(item, at.child(strconv.Itoa(i)), "expected a %s, got nothing", typeInWords(element.Type()))
		}
		d.value(item, element, at.child(strconv.Itoa(i)), fieldRules{enum: rules.enum})
		// An item that is no use at all is skipped; a struct keeps what it has.
		if len(d.problems) == before || element.Kind() == reflect.Struct {
			out = reflect.Append(out, element)
		}
	}
	into.Set(out)
}

// isOrderedMap tells an Ordered[T] by its shape: reflection knows no generic types.
func isOrderedMap(t reflect.Type) bool {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct {
		return false
	}
	return strings.HasPrefix(t.Name(), "Ordered[") && t.PkgPath() == reflect.TypeFor[Pos]().PkgPath()
}

func (d *decoder) orderedMap(v *Value, into reflect.Value, at path) {
	if v.kind != Map {
		d.problem(v, at, "expected a mapping, got %s", kindInWords(v))
		return
	}
	out := reflect.MakeSlice(into.Type(), 0, len(v.pairs))
	for _, p := range v.pairs {
		entry := reflect.New(into.Type().Elem()).Elem()
		entry.FieldByName("Key").SetString(p.Name)
		d.value(p.Value, entry.FieldByName("Value"), at.child(p.Name), fieldRules{})
		out = reflect.Append(out, entry)
	}
	into.Set(out)
}

func (d *decoder) structure(v *Value, into reflect.Value, at path) {
	if v.kind != Map {
		d.problem(v, at, "expected a mapping, got %s", kindInWords(v))
		return
	}
	fields := d.fields(into.Type())
	for _, field := range fields {
		if field.in(v) {
			d.field(v, into.FieldByIndex(field.index), at, field.tags())
		}
	}
	if at.text == "" {
		return
	}
	known := map[string]bool{}
	var names []string
	for _, field := range fields {
		for i, name := range strings.Split(field.keys, ",") {
			known[name] = true
			if i == 0 {
				names = append(names, name)
			}
		}
	}
	for _, p := range v.pairs {
		if !known[p.Name] {
			d.problems = append(d.problems, unknownKey(p, at, names, d.topLevel))
		}
	}
}

// field fills one field from the first of its spellings that is there.
func (d *decoder) field(v *Value, into reflect.Value, at path, f fieldTags) {
	for _, name := range f.names {
		value := v.Get(name)
		if value == nil {
			continue
		}
		if why := f.deprecated[name]; why != "" {
			d.problems = append(d.problems, Problem{Severity: Deprecated, Pos: v.KeyPos(name), Key: at.child(name).text, Message: why})
		}
		d.value(value, into, at.child(name), f.rules)
		return
	}
}
