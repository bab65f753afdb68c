package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// A value is what Python has in its place: nil, bool, *big.Int, float64, string, markup,
// tuple, and the types below.
type (
	tuple  []any
	markup string // text that "escape" leaves alone

	list struct{ items []any }

	// stream is what Python's generators are: it can be gone through once.
	stream struct{ items []any }

	// span is a range.
	span struct{ start, stop, step, count int }

	// view is what a dict's keys(), values() and items() are.
	view struct {
		kind  string
		items []any
	}

	// undefined is a variable, key or attribute that is not there.
	undefined struct {
		name   string // as it is printed
		path   string // as messages call it
		hint   string // why; "" is that it is not defined
		silent bool   // it prints as nothing
	}

	// builtin is a function or a method of ours.
	builtin struct {
		f func(in *interpreter, a *given) any
	}

	namespace struct{ vars *dict }

	cycler struct {
		items []any
		at    int
	}

	joiner struct {
		separator string
		used      bool
	}

	// group is an item of the filter groupby: a pair whose parts have names.
	group struct{ key, list any }
)

func newSpan(start, stop, step int) *span {
	s := &span{start: start, stop: stop, step: step}
	switch {
	case step > 0 && stop > start:
		s.count = (stop - start + step - 1) / step
	case step < 0 && stop < start:
		s.count = (start - stop - step - 1) / -step
	}
	return s
}

// indexes are the numbers of a range of places.
func (s *span) indexes(in *interpreter) []int {
	in.grow(s.count * itemSize)
	all := make([]int, s.count)
	for i := range all {
		all[i] = s.start + i*s.step
	}
	return all
}

// dict keeps its keys in order.
type dict struct {
	keys, values []any
	index        map[string]int // by hash
}

func newDict() *dict { return &dict{index: map[string]int{}} }

func (in *interpreter) get(d *dict, key any) (any, bool) {
	at, ok := d.index[in.hash(key)]
	if !ok {
		return nil, false
	}
	return d.values[at], true
}

func (in *interpreter) put(d *dict, key, value any) {
	h := in.hash(key)
	if at, ok := d.index[h]; ok {
		d.values[at] = value
		return
	}
	in.grow(3*itemSize + len(h))
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, value)
}

func (in *interpreter) remove(d *dict, key any) {
	h := in.hash(key)
	at := d.index[h]
	in.spend(4 * len(d.keys)) // going through a map takes longer than through a list
	d.keys, d.values = slices.Delete(d.keys, at, at+1), slices.Delete(d.values, at, at+1)
	delete(d.index, h)
	for other, i := range d.index {
		if i > at {
			d.index[other] = i - 1
		}
	}
}

// hash is equal for keys that are equal: 1, 1.0 and True are one key in Python.
func (in *interpreter) hash(key any) string {
	in.spend(1)
	if n, ok := number(key); ok {
		if f, isFloat := n.(float64); isFloat && (f != math.Trunc(f) || math.IsInf(f, 0)) {
			return "f" + strconv.FormatFloat(f, 'g', -1, 64)
		}
		return "i" + whole(n).String()
	}
	switch key := key.(type) {
	case nil:
		return "n"
	case string, markup:
		text := in.str(key)
		in.scan(len(text))
		return "s" + text
	case *undefined:
		return "u"
	case tuple, *group:
		defer in.deeper()()
		all := "t"
		items, _ := in.iterate(key)
		for _, item := range items {
			h := in.hash(item)
			in.grow(len(all) + len(h))
			all += strconv.Itoa(len(h)) + ":" + h
		}
		return all
	case *list, *dict, *view:
		in.fail("a %s cannot be a key", typeName(key))
	}
	return fmt.Sprintf("p%p", key)
}

// number tells whether a value counts as a number, truth values included, and gives it
// as *big.Int or float64.
func number(x any) (any, bool) {
	switch x := x.(type) {
	case *big.Int, float64:
		return x, true
	case bool:
		if x {
			return big.NewInt(1), true
		}
		return big.NewInt(0), true
	}
	return nil, false
}

// whole is the whole part of a number that is finite.
func whole(n any) *big.Int {
	switch n := n.(type) {
	case *big.Int:
		return n
	case float64:
		i, _ := big.NewFloat(n).Int(nil) // towards zero, as Python's int()
		return i
	}
	return new(big.Int)
}

func float(n any) float64 {
	if i, ok := n.(*big.Int); ok {
		f, _ := new(big.Float).SetInt(i).Float64()
		return f
	}
	f, _ := n.(float64)
	return f
}

// typeName is what Python calls a value's type.
func typeName(x any) string {
	switch x.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *list:
		return "list"
	case tuple, *group:
		return "tuple"
	case *dict:
		return "dict"
	case *stream:
		return "generator"
	case *span:
		return "range"
	case *view:
		return "dict view"
	case *macro:
		return "macro"
	case *loop:
		return "loop"
	case *namespace:
		return "namespace"
	case *undefined:
		return "undefined variable"
	}
	return "function"
}

// aText tells texts, with or without markup.
func aText(x any) (string, bool) {
	switch x := x.(type) {
	case string:
		return x, true
	case markup:
		return string(x), true
	}
	return "", false
}

// like is a text that was made of another, and is markup if that was.
func like(of any, text string) any {
	if _, ok := of.(markup); ok {
		return markup(text)
	}
	return text
}

// fromGo makes a value of Go's own types, as they come out of JSON and YAML. Maps are
// sorted by their keys, as they are in cloud-init's instance data, each with its alias
// right after it.
func fromGo(x any) any {
	switch x := x.(type) {
	case int:
		return big.NewInt(int64(x))
	case int64:
		return big.NewInt(x)
	case uint64:
		return new(big.Int).SetUint64(x)
	case json.Number:
		if i, ok := new(big.Int).SetString(x.String(), 10); ok {
			return i
		}
		f, err := x.Float64()
		if err != nil {
			return x.String()
		}
		return f
	case []byte:
		return string(x)
	case []string:
		items := make([]any, len(x))
		for i, item := range x {
			items[i] = item
		}
		return &list{items}
	case []any:
		items := make([]any, len(x))
		for i, item := range x {
			items[i] = fromGo(item)
		}
		return &list{items}
	case map[string]any:
		d := newDict()
		for _, key := range slices.Sorted(maps.Keys(x)) {
			for _, key := range []string{key, Alias(key)} {
				value, there := x[key]
				if _, done := d.index["s"+key]; there && !done {
					d.index["s"+key] = len(d.keys)
					d.keys, d.values = append(d.keys, key), append(d.values, fromGo(value))
				}
			}
		}
		return d
	}
	return x
}
