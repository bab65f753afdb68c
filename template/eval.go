package template

import (
	"math/big"
	"strings"
)

// eval works out a value.
func (in *interpreter) eval(x expr) any {
	defer in.deeper()()
	in.at = x.where()
	in.spend(1)
	switch x := x.(type) {
	case *constant:
		return x.value
	case *name:
		return in.name(x)
	case *sequence:
		return in.sequence(x)
	case *pairs:
		return in.pairs(x)
	case *unary:
		return in.unary(x)
	case *binary:
		return in.binary(x)
	case *comparison:
		return in.comparison(x)
	case *concat:
		return in.concat(x)
	case *choice:
		return in.choice(x)
	case *attribute:
		of := in.eval(x.x)
		in.at = x.pos
		return in.attribute(of, x.name, path(x))
	case *item:
		return in.item(x)
	case *call:
		return in.call(x, nil)
	case *filtering:
		return in.filterAll(x, nil)
	case *tested:
		return in.test(x)
	case *slicing:
		in.fail("a slice cannot stand among other keys")
	}
	return nil
}

func (in *interpreter) name(x *name) any {
	if value, ok := in.scope.get(x.name); ok {
		return value
	}
	return &undefined{name: x.name, path: path(x)}
}

// path is what messages call a value: "ds.meta_data.name".
func path(x expr) string {
	switch x := x.(type) {
	case *name:
		return brief(x.name)
	case *attribute:
		return path(x.x) + "." + brief(x.name)
	case *item:
		if key, ok := x.key.(*constant); ok {
			switch key := key.value.(type) {
			case string:
				return path(x.x) + "." + brief(key)
			case *big.Int:
				return path(x.x) + "." + key.String()
			}
		}
		return path(x.x) + "[…]"
	case *call:
		return path(x.f) + "()"
	}
	return nameless
}

// nameless is what messages call a value that was worked out.
const nameless = "(…)"

// called is path for the beginning of a sentence.
func called(x expr) string {
	if p := path(x); p != nameless {
		return p
	}
	return "this"
}

func (in *interpreter) sequence(x *sequence) any {
	in.grow(len(x.items) * itemSize)
	items := make([]any, len(x.items))
	for i, item := range x.items {
		items[i] = in.eval(item)
	}
	if x.isTuple {
		return tuple(items)
	}
	return &list{items}
}

func (in *interpreter) pairs(x *pairs) any {
	d := newDict()
	for i, key := range x.keys {
		in.put(d, in.eval(key), in.eval(x.values[i]))
	}
	return d
}

func (in *interpreter) unary(x *unary) any {
	value := in.eval(x.x)
	in.at = x.pos
	if x.op == "not" {
		return !in.truth(value)
	}
	n, ok := number(value)
	if !ok {
		in.fail("%q needs a number, and this is %s", x.op, in.describe(value))
	}
	if x.op == "+" {
		return n
	}
	if i, ok := n.(*big.Int); ok {
		return new(big.Int).Neg(i)
	}
	return -float(n)
}

func (in *interpreter) binary(x *binary) any {
	left := in.eval(x.x)
	switch x.op {
	case "and":
		if !in.truth(left) {
			return left
		}
		return in.eval(x.y)
	case "or":
		if in.truth(left) {
			return left
		}
		return in.eval(x.y)
	}
	right := in.eval(x.y)
	in.at = x.pos
	return in.arithmetic(x.op, left, right)
}

func (in *interpreter) comparison(x *comparison) any {
	left := in.eval(x.first)
	for i, op := range x.ops {
		right := in.eval(x.rest[i])
		in.at = x.pos
		if !in.compare(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (in *interpreter) concat(x *concat) any {
	var b strings.Builder
	marked := false
	for _, item := range x.items {
		value := in.eval(item)
		in.at = item.where()
		text := in.str(value)
		if _, ok := value.(markup); ok {
			marked = true
		} else if in.escapes {
			text = in.escape(text)
		}
		in.write(&b, text)
	}
	if marked && in.escapes {
		return markup(b.String())
	}
	return b.String()
}

func (in *interpreter) choice(x *choice) any {
	switch {
	case in.truth(in.eval(x.test)):
		return in.eval(x.yes)
	case x.no != nil:
		return in.eval(x.no)
	}
	return &undefined{name: "None", path: "the value", silent: true, hint: `the condition does not hold, and there is no "else" with a value`}
}

// attribute is x.name: what Python's object has, or else the dict's key.
func (in *interpreter) attribute(x any, name, path string) any {
	if u, ok := x.(*undefined); ok {
		in.fail("%s; it has no %q", u.problem(), name)
	}
	if value, ok := in.member(x, name); ok {
		return value
	}
	if d, ok := x.(*dict); ok {
		if value, ok := in.get(d, name); ok {
			return value
		}
	}
	return &undefined{name: name, path: path}
}

// item is x[key].
func (in *interpreter) item(x *item) any {
	of := in.eval(x.x)
	if s, ok := x.key.(*slicing); ok {
		return in.slice(of, s)
	}
	key := in.eval(x.key)
	in.at = x.pos
	return in.lookUp(of, key, path(x))
}

// lookUp is the value at a key or index, or else the attribute of that name.
func (in *interpreter) lookUp(of, key any, path string) any {
	if u, ok := of.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if d, ok := of.(*dict); ok && !isContainer(key) {
		if value, ok := in.get(d, key); ok {
			return value
		}
	}
	if n, ok := number(key); ok {
		if value, ok := in.itemAt(of, n); ok {
			return value
		}
	}
	if name, ok := aText(key); ok {
		if value, ok := in.member(of, name); ok {
			return value
		}
	}
	return &undefined{name: in.str(key), path: path}
}

// itemAt is the item at an index, which counts from the end if it is negative.
func (in *interpreter) itemAt(of, key any) (any, bool) {
	i, ok := key.(*big.Int)
	if !ok || !i.IsInt64() {
		return nil, false
	}
	at := i.Int64()
	if text, ok := aText(of); ok {
		characters := in.runes(text)
		if at < 0 {
			at += int64(len(characters))
		}
		if at < 0 || at >= int64(len(characters)) {
			return nil, false
		}
		return like(of, string(characters[at])), true
	}
	items, ok := in.indexed(of)
	if at < 0 {
		at += int64(len(items))
	}
	if !ok || at < 0 || at >= int64(len(items)) {
		return nil, false
	}
	return items[at], true
}

func (in *interpreter) runes(text string) []rune {
	in.grow(4 * len(text))
	return []rune(text)
}

// indexed are the items of what can be asked for the item at an index.
func (in *interpreter) indexed(of any) ([]any, bool) {
	switch of.(type) {
	case *list, tuple, *span, *group:
		return in.iterate(of)
	}
	return nil, false
}

// slice is x[start:stop:step].
func (in *interpreter) slice(of any, s *slicing) any {
	bound := func(x expr) *int {
		if x == nil {
			return nil
		}
		value := in.eval(x)
		in.at = s.pos
		if value == nil {
			return nil
		}
		i := in.integer(value, "a slice's bound")
		return &i
	}
	start, stop, step := bound(s.start), bound(s.stop), bound(s.step)
	in.at = s.pos
	if u, ok := of.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if text, ok := aText(of); ok {
		characters := in.runes(text)
		var b strings.Builder
		for _, i := range in.cut(len(characters), start, stop, step).indexes(in) {
			b.WriteRune(characters[i])
		}
		return like(of, b.String())
	}
	if r, ok := of.(*span); ok {
		c := in.cut(r.count, start, stop, step)
		return newSpan(r.start+c.start*r.step, r.start+c.stop*r.step, r.step*c.step)
	}
	items, ok := in.indexed(of)
	if !ok {
		in.fail("no part can be taken of %s by [from:to]: expected a list or a string", in.describe(of))
	}
	var sliced []any
	for _, i := range in.cut(len(items), start, stop, step).indexes(in) {
		sliced = append(sliced, items[i])
	}
	if _, ok := of.(*list); ok {
		return &list{sliced}
	}
	return tuple(sliced)
}

// cut is the range of indexes that a slice takes, by Python's rules.
func (in *interpreter) cut(length int, start, stop, step *int) *span {
	by := 1
	if step != nil {
		by = *step
	}
	if by == 0 {
		in.fail("a slice's step cannot be zero")
	}
	lowest, highest := 0, length
	first, last := 0, length
	if by < 0 {
		lowest, highest = -1, length-1
		first, last = length-1, -1
	}
	clamp := func(bound *int, otherwise int) int {
		if bound == nil {
			return otherwise
		}
		at := *bound
		if at < 0 {
			at += length
		}
		return min(max(at, lowest), highest)
	}
	return newSpan(clamp(start, first), clamp(stop, last), by)
}

// integer is a whole number for us to count by. Larger ones than any count are as good
// as the largest.
func (in *interpreter) integer(x any, what string) int {
	const most = 1 << 40
	n, _ := number(x)
	i, ok := n.(*big.Int)
	switch {
	case !ok:
		in.fail("%s must be a whole number, and this is %s", what, in.describe(x))
	case !i.IsInt64():
		return most * i.Sign()
	}
	return int(min(max(i.Int64(), -most), most))
}
