// Package config holds configuration: values that keep their places, layers of them and
// how these are merged, and what fills structs from them.
//
// It takes values, which config/yaml reads, and returns merged and decoded ones, and
// problems that a person can find. It never knows the machine.
package config

import (
	"fmt"
	"math/big"
	"strings"

	"cloudseed/python"
)

// Pos is where a value stands. File is as people know it: "user-data",
// "/etc/cloud/cloud.cfg". Line and column count from 1; line 0 is no place at all.
type Pos struct {
	File         string
	Line, Column int
}

func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

// Kind is what a value is.
type Kind int

// The kinds of values, by PyYAML's types. Null is also what is absent.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Binary
	Timestamp
	List
	Map
)

// Value is a node of a configuration. It does not change. All methods work on nil,
// which is a value that is absent.
type Value struct {
	kind  Kind
	pos   Pos
	text  string // of scalars, as written
	any   any    // of scalars: what PyYAML makes of it; of timestamps: Python's text for it
	items []*Value
	pairs []Pair
	index map[string]int // of maps: key to position in pairs
}

// Pair is a key of a mapping with its value.
type Pair struct {
	Name  string // the key as a string, by which its value is found
	Key   *Value // the key itself: it may be a number, and has its place
	Value *Value
}

// Kind is what the value is; Null when it is absent.
func (v *Value) Kind() Kind {
	if v == nil {
		return Null
	}
	return v.kind
}

// Pos is where the value stands.
func (v *Value) Pos() Pos {
	if v == nil {
		return Pos{}
	}
	return v.pos
}

// IsNull tells whether there is nothing: absent, or null.
func (v *Value) IsNull() bool { return v.Kind() == Null }

// Get is the value of a map's key, nil when there is none.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	if i, ok := v.index[key]; ok {
		return v.pairs[i].Value
	}
	return nil
}

// KeyPos is where a map's key itself stands.
func (v *Value) KeyPos(key string) Pos {
	if v == nil {
		return Pos{}
	}
	if i, ok := v.index[key]; ok {
		return v.pairs[i].Key.Pos()
	}
	return v.pos
}

// Keys are a map's keys in the order of the document.
func (v *Value) Keys() []string {
	if v == nil {
		return nil
	}
	keys := make([]string, len(v.pairs))
	for i, p := range v.pairs {
		keys[i] = p.Name
	}
	return keys
}

// Pairs returns a mapping's keys with their values, in the order of the document. The
// list is not to be changed.
func (v *Value) Pairs() []Pair {
	if v == nil {
		return nil
	}
	return v.pairs
}

// Items are a list's items.
func (v *Value) Items() []*Value {
	if v == nil {
		return nil
	}
	return v.items
}

// Text is a scalar as it was written, without quotes and with escapes undone: 0644
// is "0644", and a MAC address of digits only keeps its colons. It is "" for what is
// no scalar.
func (v *Value) Text() string {
	if v == nil || v.kind == Null {
		return ""
	}
	return v.text
}

// Bool is the value of a boolean.
func (v *Value) Bool() (value, ok bool) {
	if v == nil {
		return false, false
	}
	value, ok = v.any.(bool)
	return value, ok
}

// Int is the value of a whole number that fits.
func (v *Value) Int() (value int64, ok bool) {
	if v == nil {
		return 0, false
	}
	value, ok = v.any.(int64)
	return value, ok
}

// Float is the value of a number with a fraction.
func (v *Value) Float() (value float64, ok bool) {
	if v == nil {
		return 0, false
	}
	value, ok = v.any.(float64)
	return value, ok
}

// Any is the value in Go's own types: map[string]any, []any, string, int64,
// *big.Int, float64, bool, []byte, nil. Timestamps are text.
func (v *Value) Any() any {
	if v == nil {
		return nil
	}
	switch v.kind {
	case List:
		list := make([]any, len(v.items))
		for i, item := range v.items {
			list[i] = item.Any()
		}
		return list
	case Map:
		all := make(map[string]any, len(v.pairs))
		for _, p := range v.pairs {
			all[p.Name] = p.Value.Any()
		}
		return all
	case Timestamp:
		return v.text
	default:
		return v.any
	}
}

// PyStr is the value as Python's str() prints what PyYAML made of it: yes is "True",
// null is "None", 1.10 is "1.1", 0644 is "420". cloud-init quotes the items of
// commands that way.
func (v *Value) PyStr() string {
	if v == nil {
		return "None"
	}
	switch x := v.any.(type) {
	case bool:
		if x {
			return "True"
		}
		return "False"
	case int64:
		return fmt.Sprint(x)
	case *big.Int:
		return x.String()
	case float64:
		return python.Float(x)
	case []byte:
		return string(x)
	case string:
		return x
	}
	switch v.kind {
	case List:
		parts := make([]string, len(v.items))
		for i, item := range v.items {
			parts[i] = item.pyRepr()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Map:
		parts := make([]string, len(v.pairs))
		for i, p := range v.pairs {
			parts[i] = p.Key.pyRepr() + ": " + p.Value.pyRepr()
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return "None"
	}
}

// pyRepr is PyStr inside a list or map, where texts have quotes.
func (v *Value) pyRepr() string {
	switch v.Kind() {
	case String:
		return python.Repr(v.text)
	case Binary:
		return "b" + python.Repr(v.text)
	}
	return v.PyStr()
}

// NewScalar returns a single value: text is how it was written, and value what PyYAML
// makes of it: a bool, an int64 or *big.Int, a float64, a string, a []byte; of a
// timestamp, the string that Python prints for it. A binary without a value is one that
// could not be decoded, which was reported.
func NewScalar(pos Pos, kind Kind, text string, value any) *Value {
	return &Value{kind: kind, pos: pos, text: text, any: value}
}

// NewList returns a list.
func NewList(pos Pos, items []*Value) *Value { return &Value{kind: List, pos: pos, items: items} }

// NewMap returns a mapping; of two pairs with the same name the last wins, in the place
// of the first, as in Python.
func NewMap(pos Pos, pairs []Pair) *Value {
	v := &Value{kind: Map, pos: pos, index: make(map[string]int, len(pairs))}
	for _, p := range pairs {
		if i, ok := v.index[p.Name]; ok {
			v.pairs[i].Value, v.pairs[i].Key = p.Value, p.Key
			continue
		}
		v.index[p.Name] = len(v.pairs)
		v.pairs = append(v.pairs, p)
	}
	return v
}
