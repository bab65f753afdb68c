package template

import (
	"math/big"
	"slices"
	"strings"
	"unicode"
)

// listFilterNamed is one of Jinja2's filters for lists.
func listFilterNamed(name string) *operation {
	switch name {
	case "batch":
		return op(filterBatch, "linecount", "fill_with?")
	case "slice":
		return op(filterSlice, "slices", "fill_with?")
	case "dictsort":
		return op(filterDictSort, "case_sensitive?", "by?", "reverse?")
	case "first":
		return op(func(in *interpreter, x any, _ []any) any { return in.endItem(name, in.items(x), 0) })
	case "last":
		return op(func(in *interpreter, x any, _ []any) any {
			items := in.items(x)
			return in.endItem(name, items, len(items)-1)
		})
	case "groupby":
		return op(filterGroupBy, "attribute", "default?", "case_sensitive?")
	case "items":
		return op(func(in *interpreter, x any, _ []any) any {
			switch x := x.(type) {
			case *undefined:
				return &stream{}
			case *dict:
				return &stream{in.pairsOf(x)}
			}
			in.fail(`the filter "items" needs a dictionary, and this is %s`, in.describe(x))
			return nil
		})
	case "join":
		return op(func(in *interpreter, x any, a []any) any {
			items := in.items(x)
			if a[1] != missing && a[1] != nil {
				items = in.each(items, in.getter(a[1], missing))
			}
			return in.joined(in.str(or(a[0], "")), items, false)
		}, "d?", "attribute?")
	case "list":
		return op(func(in *interpreter, x any, _ []any) any { return &list{in.both(in.items(x), nil)} })
	case "max", "min":
		return op(func(in *interpreter, x any, a []any) any { return in.extreme(name, x, a) }, "case_sensitive?", "attribute?")
	case "reverse":
		return op(filterReverse)
	case "sort":
		return op(filterSort, "reverse?", "case_sensitive?", "attribute?")
	case "sum":
		return op(filterSum, "attribute?", "start?")
	case "unique":
		return op(filterUnique, "case_sensitive?", "attribute?")
	}
	return nil
}

func (in *interpreter) endItem(name string, items []any, at int) any {
	if at < 0 || at >= len(items) {
		return &undefined{name: "None", path: "the " + name + " item of an empty list"}
	}
	return items[at]
}

// each is what comes of every item.
func (in *interpreter) each(items []any, f func(any) any) []any {
	in.grow(len(items) * itemSize)
	all := make([]any, len(items))
	for i, item := range items {
		all[i] = f(item)
	}
	return all
}

// getter gets an attribute by its path: "a.b.0". A default takes the place of what is
// not there.
func (in *interpreter) getter(attribute, otherwise any) func(any) any {
	if attribute == nil || attribute == missing {
		return func(x any) any { return x }
	}
	parts := []any{attribute}
	if text, ok := aText(attribute); ok {
		parts = nil
		for part := range strings.SplitSeq(text, ".") {
			in.grow(itemSize)
			if i, ok := new(big.Int).SetString(part, 10); ok && unicode.IsDigit(first(part)) {
				parts = append(parts, i)
			} else {
				parts = append(parts, part)
			}
		}
	}
	return func(x any) any {
		for _, part := range parts {
			x = in.lookUp(x, part, "(…)."+in.str(part))
			if _, ok := x.(*undefined); ok && otherwise != missing && otherwise != nil {
				x = otherwise
			}
		}
		return x
	}
}

// folding makes a getter's texts lower case, unless case counts.
func (in *interpreter) folding(get func(any) any, caseSensitive any) func(any) any {
	if in.truth(or(caseSensitive, false)) {
		return get
	}
	return func(x any) any {
		x = get(x)
		if text, ok := aText(x); ok {
			return in.text(strings.ToLower(text))
		}
		return x
	}
}

func filterSort(in *interpreter, x any, a []any) any {
	items := in.both(in.items(x), nil)
	paths := []any{a[2]}
	if text, ok := aText(a[2]); ok && strings.Contains(text, ",") {
		paths = nil
		for path := range strings.SplitSeq(text, ",") {
			paths = append(paths, path)
		}
	}
	keys := in.each(items, func(item any) any {
		key := make(tuple, len(paths))
		for i, path := range paths {
			key[i] = in.folding(in.getter(path, missing), a[1])(item)
		}
		return key
	})
	in.sort(items, keys, in.reverse(a[0]))
	return &list{items}
}

func filterDictSort(in *interpreter, x any, a []any) any {
	d, ok := x.(*dict)
	if !ok {
		in.fail(`the filter "dictsort" needs a dictionary, and this is %s`, in.describe(x))
	}
	by := d.keys
	switch in.str(or(a[1], "key")) {
	case "key":
	case "value":
		by = d.values
	default:
		in.fail(`a dictionary is sorted by "key" or "value"`)
	}
	items := in.pairsOf(d)
	in.sort(items, in.each(by, in.folding(func(x any) any { return x }, a[0])), in.reverse(a[2]))
	return &list{items}
}

func filterUnique(in *interpreter, x any, a []any) any {
	get := in.folding(in.getter(a[1], missing), a[0])
	seen := newDict()
	var items []any
	for _, item := range in.items(x) {
		key := get(item)
		if _, ok := in.get(seen, key); !ok {
			in.put(seen, key, nil)
			items = append(items, item)
		}
	}
	return &stream{items}
}

// extreme is the largest or smallest item, the first of several.
func (in *interpreter) extreme(name string, x any, a []any) any {
	items := in.items(x)
	if len(items) == 0 {
		return &undefined{name: "None", path: "the " + name + "imum of an empty list"}
	}
	op := map[string]string{"max": ">", "min": "<"}[name]
	keys := in.each(items, in.folding(in.getter(a[1], missing), a[0]))
	best := 0
	for i := 1; i < len(items); i++ {
		if in.compare(op, keys[i], keys[best]) {
			best = i
		}
	}
	return items[best]
}

func filterSum(in *interpreter, x any, a []any) any {
	get := in.getter(a[0], missing)
	sum := or(a[1], new(big.Int))
	if _, ok := aText(sum); ok {
		in.fail(`the filter "sum" is for numbers and lists; strings are joined by "join"`)
	}
	for _, item := range in.items(x) {
		sum = in.arithmetic("+", sum, get(item))
	}
	return sum
}

func filterReverse(in *interpreter, x any, _ []any) any {
	if text, ok := aText(x); ok {
		characters := in.runes(text)
		slices.Reverse(characters)
		return like(x, string(characters))
	}
	items := in.both(in.items(x), nil)
	slices.Reverse(items)
	return &stream{items}
}

// positive is an argument that must be a number above zero.
func (in *interpreter) positive(x any, what string) int {
	n := in.integer(x, what)
	if n < 1 {
		in.fail("%s must be more than zero", what)
	}
	return n
}

// filterBatch makes lists of that many items each.
//
// Difference from cloud-init: none at all is refused, where Jinja2 gives an empty list and
// one of all items.
func filterBatch(in *interpreter, x any, a []any) any {
	size := in.positive(a[0], "the size of a batch")
	var batches []any
	items := in.items(x)
	for len(items) > 0 {
		n := min(size, len(items))
		batch := in.both(items[:n], nil)
		items = items[n:]
		if a[1] != missing && a[1] != nil {
			in.grow((size - n) * itemSize)
			batch = append(batch, slices.Repeat([]any{a[1]}, size-n)...)
		}
		batches = append(batches, &list{batch})
	}
	return &stream{batches}
}

// filterSlice makes that many lists of the items, as equal as they can be.
func filterSlice(in *interpreter, x any, a []any) any {
	items, count := in.items(x), in.positive(a[0], "the number of slices")
	in.grow(count * 2 * itemSize)
	each, longer := len(items)/count, len(items)%count
	var parts []any
	for i := range count {
		n := each
		if i < longer {
			n++
		}
		part := in.both(items[:n], nil)
		items = items[n:]
		if i >= longer && a[1] != missing && a[1] != nil {
			part = append(part, a[1])
		}
		parts = append(parts, &list{part})
	}
	return &stream{parts}
}

func filterGroupBy(in *interpreter, x any, a []any) any {
	real := in.getter(a[0], a[1])
	get := in.folding(real, a[2])
	items := in.both(in.items(x), nil)
	keys := in.each(items, get)
	in.sort(items, keys, false)
	var groups []any
	for from := 0; from < len(items); {
		key := get(items[from])
		to := from + 1
		for to < len(items) && in.equal(get(items[to]), key) {
			to++
		}
		groups = append(groups, &group{real(items[from]), &list{in.both(items[from:to], nil)}})
		from = to
	}
	return &list{groups}
}

// mapped is the filter "map": an attribute of each item, or a filter for each.
func (in *interpreter) mapped(x any, g *given) any {
	if !in.truth(x) {
		return &stream{}
	}
	if attribute, ok := in.get(g.named, "attribute"); ok && len(g.plain) == 0 {
		bound := in.bind(g, "attribute", "default?")
		return &stream{in.each(in.items(x), in.getter(attribute, bound[1]))}
	}
	if len(g.plain) == 0 {
		in.fail(`the filter "map" needs an attribute or a filter's name`)
	}
	name := in.want(g.plain[0], "the filter's name")
	more := &given{what: `the filter "` + brief(name) + `"`, plain: g.plain[1:], named: g.named}
	return &stream{in.each(in.items(x), func(item any) any { return in.filter(name, item, more) })}
}

// selected are the items, or those with an attribute, that a test is true for.
func (in *interpreter) selected(name string, x any, g *given) any {
	if !in.truth(x) {
		return &stream{}
	}
	args := g.plain
	get := func(x any) any { return x }
	if strings.HasSuffix(name, "attr") {
		if len(args) == 0 {
			in.fail("the filter %q needs an attribute's name", name)
		}
		get, args = in.getter(args[0], missing), args[1:]
	}
	holds := in.truth
	if len(args) > 0 {
		test := in.want(args[0], "the test's name")
		more := &given{what: `the test "` + brief(test) + `"`, plain: args[1:], named: g.named}
		holds = func(x any) bool { return in.is(test, x, more) }
	}
	wanted := strings.HasPrefix(name, "select")
	var items []any
	for _, item := range in.items(x) {
		if holds(get(item)) == wanted {
			in.grow(itemSize)
			items = append(items, item)
		}
	}
	return &stream{items}
}

// formatted is the filter "format", which is "text % values".
func (in *interpreter) formatted(x any, g *given) any {
	text := in.str(x)
	switch {
	case len(g.plain) > 0 && len(g.named.keys) > 0:
		in.fail(`the filter "format" takes values or names, not both`)
	case len(g.named.keys) > 0:
		return in.percent(text, g.named)
	}
	return in.percent(text, tuple(g.plain))
}
