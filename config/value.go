// Package config reads configuration as PyYAML would, keeps the place of every
// value, and merges layers of it.
//
// In comes YAML text (JSON is YAML), out come values that know their file, line and
// column, and problems that a person can find. It is the only package that imports a
// YAML library, and never knows the machine.
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
	any   any    // of scalars: what PyYAML makes of it
	items []*Value
	pairs []pair
	index map[string]int // of maps: key to position in pairs
	size  int            // of what has an anchor: the values in it
}

// pair is a key of a map with its value. The key's own value is kept beside its text:
// a key may be a number, and has its place.
type pair struct {
	key   string
	node  *Value
	value *Value
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
		return v.pairs[i].value
	}
	return nil
}

// KeyPos is where a map's key itself stands.
func (v *Value) KeyPos(key string) Pos {
	if v == nil {
		return Pos{}
	}
	if i, ok := v.index[key]; ok {
		return v.pairs[i].node.Pos()
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
		keys[i] = p.key
	}
	return keys
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
			all[p.key] = p.value.Any()
		}
		return all
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
		if v.kind == Timestamp {
			if printed, err := pythonTime(x); err == nil {
				return printed
			}
		}
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
			parts[i] = p.node.pyRepr() + ": " + p.value.pyRepr()
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

// newMap makes a map of pairs; of two with the same key the last wins, in the place
// of the first, as in Python.
func newMap(pos Pos, pairs []pair) *Value {
	v := &Value{kind: Map, pos: pos, index: make(map[string]int, len(pairs))}
	for _, p := range pairs {
		if i, ok := v.index[p.key]; ok {
			v.pairs[i].value, v.pairs[i].node = p.value, p.node
			continue
		}
		v.index[p.key] = len(v.pairs)
		v.pairs = append(v.pairs, p)
	}
	return v
}
