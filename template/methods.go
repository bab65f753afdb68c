package template

import (
	"math/big"
	"slices"
	"sort"
)

// listMethod is a method of Python's lists.
func listMethod(name string) *operation {
	switch name {
	case "append":
		return op(func(in *interpreter, x any, a []any) any { return in.extend(x, []any{a[0]}) }, "object")
	case "extend":
		return op(func(in *interpreter, x any, a []any) any { return in.extend(x, in.items(a[0])) }, "iterable")
	case "insert":
		return op(listInsert, "index", "object")
	case "pop":
		return op(listPop, "index?")
	case "remove":
		return op(func(in *interpreter, x any, a []any) any {
			l := x.(*list)
			at := in.find(l.items, a[0])
			l.items = slices.Delete(l.items, at, at+1)
			return nil
		}, "value")
	case "clear":
		return op(func(_ *interpreter, x any, _ []any) any {
			x.(*list).items = nil
			return nil
		})
	case "copy":
		return op(func(in *interpreter, x any, _ []any) any { return &list{in.both(x.(*list).items, nil)} })
	case "reverse":
		return op(func(in *interpreter, x any, _ []any) any {
			in.spend(len(x.(*list).items))
			slices.Reverse(x.(*list).items)
			return nil
		})
	case "sort":
		return op(func(in *interpreter, x any, a []any) any {
			in.sort(x.(*list).items, x.(*list).items, in.reverse(a[0]))
			return nil
		}, "reverse?")
	}
	return tupleMethod(name)
}

func tupleMethod(name string) *operation {
	switch name {
	case "index":
		return op(func(in *interpreter, x any, a []any) any {
			return big.NewInt(int64(in.find(in.items(x), a[0])))
		}, "value")
	case "count":
		return op(func(in *interpreter, x any, a []any) any {
			n := 0
			for _, item := range in.items(x) {
				if in.equal(item, a[0]) {
					n++
				}
			}
			return big.NewInt(int64(n))
		}, "value")
	}
	return nil
}

func (in *interpreter) extend(x any, items []any) any {
	l := x.(*list)
	in.grow(len(items) * itemSize)
	l.items = append(l.items, slices.Clone(items)...)
	return nil
}

func (in *interpreter) find(items []any, x any) int {
	for i, item := range items {
		if in.equal(item, x) {
			return i
		}
	}
	in.fail("the list does not have that item")
	return 0
}

func listInsert(in *interpreter, x any, a []any) any {
	l := x.(*list)
	at := in.integer(a[0], "the index")
	if at < 0 {
		at += len(l.items)
	}
	at = min(max(at, 0), len(l.items))
	in.grow(itemSize)
	in.spend(len(l.items))
	l.items = slices.Insert(l.items, at, a[1])
	return nil
}

func listPop(in *interpreter, x any, a []any) any {
	l := x.(*list)
	at := len(l.items) - 1
	if a[0] != missing {
		if at = in.integer(a[0], "the index"); at < 0 {
			at += len(l.items)
		}
	}
	if at < 0 || at >= len(l.items) {
		in.fail("the list has no item there to be taken from it")
	}
	item := l.items[at]
	in.spend(len(l.items) - at)
	l.items = slices.Delete(l.items, at, at+1)
	return item
}

// reverse tells whether a list is to be sorted backwards, for which Python wants a number.
func (in *interpreter) reverse(x any) bool {
	x = or(x, false)
	if _, ok := number(x); !ok {
		in.fail("whether to sort in reverse must be true or false, and this is %s", in.describe(x))
	}
	return in.truth(x)
}

// sort puts items in the order of their keys, which are as many; equal ones stay as they
// are, in reverse too.
func (in *interpreter) sort(items, keys []any, reverse bool) {
	in.grow(2 * len(items) * itemSize)
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		if reverse {
			return in.compare(">", keys[order[i]], keys[order[j]])
		}
		return in.compare("<", keys[order[i]], keys[order[j]])
	})
	old := slices.Clone(items)
	for i, at := range order {
		items[i] = old[at]
	}
}

// dictMethod is a method of Python's dicts.
func dictMethod(name string) *operation {
	switch name {
	case "get":
		return op(func(in *interpreter, x any, a []any) any {
			if value, ok := in.get(x.(*dict), a[0]); ok {
				return value
			}
			return or(a[1], nil)
		}, "key", "default?")
	case "keys", "values", "items":
		return op(func(in *interpreter, x any, _ []any) any { return in.view(name, x.(*dict)) })
	case "update":
		return op(func(in *interpreter, x any, a []any) any {
			if a[0] != missing {
				in.update(x.(*dict), a[0])
			}
			return nil
		}, "other?")
	case "pop":
		return op(dictPop, "key", "default?")
	case "popitem":
		return op(func(in *interpreter, x any, _ []any) any {
			d := x.(*dict)
			if len(d.keys) == 0 {
				in.fail("the dictionary is empty")
			}
			last := len(d.keys) - 1
			pair := tuple{d.keys[last], d.values[last]}
			in.remove(d, d.keys[last])
			return pair
		})
	case "setdefault":
		return op(func(in *interpreter, x any, a []any) any {
			if value, ok := in.get(x.(*dict), a[0]); ok {
				return value
			}
			in.put(x.(*dict), a[0], or(a[1], nil))
			return or(a[1], nil)
		}, "key", "default?")
	case "copy":
		return op(func(in *interpreter, x any, _ []any) any {
			d := newDict()
			in.update(d, x)
			return d
		})
	case "clear":
		return op(func(_ *interpreter, x any, _ []any) any {
			*x.(*dict) = *newDict()
			return nil
		})
	}
	return nil
}

func dictPop(in *interpreter, x any, a []any) any {
	d := x.(*dict)
	value, ok := in.get(d, a[0])
	if ok {
		in.remove(d, a[0])
		return value
	}
	if a[1] == missing {
		in.fail("the dictionary does not have that key")
	}
	return a[1]
}

func (in *interpreter) view(kind string, d *dict) *view {
	in.grow(len(d.keys) * itemSize)
	switch kind {
	case "keys":
		return &view{kind, slices.Clone(d.keys)}
	case "values":
		return &view{kind, slices.Clone(d.values)}
	}
	return &view{kind, in.pairsOf(d)}
}

func (in *interpreter) pairsOf(d *dict) []any {
	in.grow(len(d.keys) * 3 * itemSize)
	items := make([]any, len(d.keys))
	for i, key := range d.keys {
		items[i] = tuple{key, d.values[i]}
	}
	return items
}

// update puts the keys of a dict, or pairs, into another.
func (in *interpreter) update(d *dict, x any) {
	if other, ok := x.(*dict); ok {
		for i, key := range other.keys {
			in.put(d, key, other.values[i])
		}
		return
	}
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	for _, item := range in.items(x) {
		pair := in.items(item)
		if len(pair) != 2 {
			in.fail("a dictionary is made of pairs, and here are %d values", len(pair))
		}
		in.put(d, pair[0], pair[1])
	}
}
