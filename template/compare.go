package template

import (
	"cmp"
	"math/big"
	"strings"
	"unicode/utf8"
)

// truth is Python's bool().
func (in *interpreter) truth(x any) bool {
	switch x := x.(type) {
	case nil:
		return false
	case bool:
		return x
	case *big.Int:
		return x.Sign() != 0
	case float64:
		return x != 0
	case *undefined:
		return false
	case *stream, *macro, *builtin, *namespace, *cycler, *joiner, *loop:
		return true
	}
	n, _ := in.size(x)
	return n > 0
}

// size is Python's len().
func (in *interpreter) size(x any) (int, bool) {
	switch x := x.(type) {
	case string:
		in.scan(len(x))
		return utf8.RuneCountInString(x), true
	case markup:
		in.scan(len(x))
		return utf8.RuneCountInString(string(x)), true
	case *list:
		return len(x.items), true
	case tuple:
		return len(x), true
	case *dict:
		return len(x.keys), true
	case *view:
		return len(x.items), true
	case *span:
		return x.count, true
	case *group:
		return 2, true
	case *loop:
		return x.length, true
	case *undefined:
		return 0, true
	}
	return 0, false
}

// items are what a value gives when it is gone through. They must not be changed.
func (in *interpreter) items(x any) []any {
	items, ok := in.iterate(x)
	if !ok {
		in.fail("%s cannot be gone through item by item: expected a list", in.describe(x))
	}
	in.spend(len(items))
	return items
}

func (in *interpreter) iterate(x any) ([]any, bool) {
	switch x := x.(type) {
	case string:
		return in.characters(x), true
	case markup:
		return in.characters(string(x)), true
	case *list:
		return x.items, true
	case tuple:
		return x, true
	case *group:
		return []any{x.key, x.list}, true
	case *dict:
		return x.keys, true
	case *view:
		return x.items, true
	case *stream:
		items := x.items
		x.items = nil
		return items, true
	case *span:
		in.grow(x.count * itemSize)
		items := make([]any, x.count)
		for i := range items {
			items[i] = big.NewInt(int64(x.start + i*x.step))
		}
		return items, true
	case *undefined:
		return nil, true
	}
	return nil, false
}

func (in *interpreter) characters(text string) []any {
	in.grow(len(text) * itemSize)
	var items []any
	for _, c := range text {
		items = append(items, string(c))
	}
	return items
}

// equal is Python's ==.
func (in *interpreter) equal(x, y any) bool {
	defer in.deeper()()
	in.spend(1)
	if a, ok := number(x); ok {
		b, ok := number(y)
		return ok && compareNumbers(a, b) == 0
	}
	if a, ok := aText(x); ok {
		b, ok := aText(y)
		in.scan(min(len(a), len(b)))
		return ok && a == b
	}
	switch a := x.(type) {
	case nil:
		return y == nil
	case *undefined:
		b, ok := y.(*undefined)
		return ok && a.silent == b.silent
	case *list:
		b, ok := y.(*list)
		return ok && (a == b || in.equalAll(a.items, b.items))
	case tuple, *group:
		if typeName(y) != "tuple" {
			return false
		}
		first, _ := in.iterate(x)
		second, _ := in.iterate(y)
		return in.equalAll(first, second)
	case *dict:
		b, ok := y.(*dict)
		if a == b {
			return true
		}
		if !ok || len(a.keys) != len(b.keys) {
			return false
		}
		for i, key := range a.keys {
			other, ok := in.get(b, key)
			if !ok || !in.equal(a.values[i], other) {
				return false
			}
		}
		return true
	case *span:
		b, ok := y.(*span)
		return ok && a.count == b.count && (a.count == 0 || a.start == b.start && (a.count == 1 || a.step == b.step))
	}
	return x == y
}

func (in *interpreter) equalAll(x, y []any) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !in.equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

// compareNumbers is less, equal or more than zero; with NaN it is 2, which is neither.
func compareNumbers(x, y any) int {
	a, aWhole := x.(*big.Int)
	b, bWhole := y.(*big.Int)
	if aWhole && bWhole {
		return a.Cmp(b)
	}
	f, g := float(x), float(y)
	if f != f || g != g {
		return 2
	}
	if aWhole || bWhole { // a float may not hold the whole number
		return exact(x).Cmp(exact(y))
	}
	return cmp.Compare(f, g)
}

// exact is a number that is one.
func exact(n any) *big.Float {
	if f, ok := n.(float64); ok {
		return big.NewFloat(f) // also if it is infinite
	}
	return new(big.Float).SetInt(whole(n))
}

// order compares two values that have an order.
func (in *interpreter) order(op string, x, y any) int {
	defer in.deeper()()
	in.spend(1)
	if a, ok := number(x); ok {
		if b, ok := number(y); ok {
			return compareNumbers(a, b)
		}
	}
	if a, ok := aText(x); ok {
		if b, ok := aText(y); ok {
			in.scan(min(len(a), len(b)))
			return strings.Compare(a, b) // UTF-8 sorts as code points do
		}
	}
	_, aList := x.(*list)
	_, bList := y.(*list)
	if aList && bList || typeName(x) == "tuple" && typeName(y) == "tuple" {
		first, _ := in.iterate(x)
		second, _ := in.iterate(y)
		for i := range min(len(first), len(second)) {
			if !in.equal(first[i], second[i]) {
				return in.order(op, first[i], second[i])
			}
		}
		return cmp.Compare(len(first), len(second))
	}
	in.fail("%s and %s have no order, so that %q cannot compare them", in.describe(x), in.describe(y), op)
	return 0
}

// compare is an operator between two values.
func (in *interpreter) compare(op string, x, y any) bool {
	switch op {
	case "==":
		return in.equal(x, y)
	case "!=":
		return !in.equal(x, y)
	case "in":
		return in.contains(y, x)
	case "not in":
		return !in.contains(y, x)
	}
	switch c := in.order(op, x, y); op {
	case "<":
		return c == -1
	case "<=":
		return c == -1 || c == 0
	case ">":
		return c == 1
	default:
		return c == 1 || c == 0
	}
}

// contains is Python's "x in all".
func (in *interpreter) contains(all, x any) bool {
	if text, ok := aText(all); ok {
		part, ok := aText(x)
		if !ok {
			in.fail(`"in" looks for a string in a string, not for %s`, in.describe(x))
		}
		in.scan(len(text))
		return strings.Contains(text, part)
	}
	if d, ok := all.(*dict); ok {
		_, ok := in.get(d, x)
		return ok
	}
	for _, item := range in.items(all) {
		if in.equal(item, x) {
			return true
		}
	}
	return false
}

// describe names a value in messages, in a few words and without what it holds: it may be
// a secret.
func (in *interpreter) describe(x any) string {
	switch x := x.(type) {
	case *undefined:
		in.fail("%s", x.problem())
	case nil:
		return "None"
	case bool:
		return "a boolean"
	case *big.Int:
		return "a number"
	case float64:
		return "a number with a point"
	case string, markup:
		return "a string"
	case *list:
		return "a list"
	case tuple, *group:
		return "a tuple"
	case *dict:
		return "a dictionary"
	case *stream:
		return "the items that a filter gives"
	}
	return "a " + typeName(x)
}

// problem says what is wrong when more is done with it than printing and testing.
func (u *undefined) problem() string {
	if u.hint != "" {
		return u.hint
	}
	return u.path + " has no value, so that it can only be printed and tested"
}
