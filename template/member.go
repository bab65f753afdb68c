package template

// operation is a filter, or a method: what it is done to comes first, and the parameters
// say what else it takes, by Python's and Jinja2's names.
type operation struct {
	f      func(in *interpreter, x any, a []any) any
	params []string
}

func op(f func(in *interpreter, x any, a []any) any, params ...string) *operation {
	return &operation{f, params}
}

// member is what Python's objects have of that name: methods, mostly.
func (in *interpreter) member(x any, name string) (any, bool) {
	var o *operation
	switch x := x.(type) {
	case string, markup:
		if name == "format" {
			return in.formatMethod(in.str(x)), true
		}
		if o = textMethod(name); o == nil && unsupported(name) {
			in.fail("a string's %s() is not there in cloudseed's templates", name)
		}
	case *list:
		o = listMethod(name)
	case tuple, *span:
		o = tupleMethod(name)
	case *dict:
		o = dictMethod(name)
	case *group:
		switch name {
		case "grouper":
			return x.key, true
		case "list":
			return x.list, true
		}
		o = tupleMethod(name)
	case *namespace:
		return in.get(x.vars, name)
	case interface{ attribute(name string) (any, bool) }: // macro, loop, cycler, blocks
		return x.attribute(name)
	}
	if o == nil {
		return nil, false
	}
	return &builtin{func(in *interpreter, g *given) any { return o.f(in, x, in.bind(g, o.params...)) }}, true
}

// unsupported are methods of Python's texts that we do not have: bytes and tables of
// characters are of no use in a template's text.
func unsupported(name string) bool {
	return name == "encode" || name == "translate" || name == "maketrans"
}

func (c *cycler) attribute(name string) (any, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "next":
		return &builtin{func(in *interpreter, g *given) any {
			in.bind(g)
			item := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return item
		}}, true
	case "reset":
		return &builtin{func(in *interpreter, g *given) any {
			in.bind(g)
			c.at = 0
			return nil
		}}, true
	}
	return nil, false
}

func (j *joiner) next() any {
	if j.used {
		return j.separator
	}
	j.used = true
	return ""
}

// globals are the functions that every template has.
func globals() map[string]any {
	all := map[string]any{}
	for name, f := range map[string]func(*interpreter, *given) any{
		"range": rangeOf, "dict": dictOf, "namespace": namespaceOf, "cycler": cyclerOf, "joiner": joinerOf,
		"lipsum": func(in *interpreter, _ *given) any {
			in.fail("lipsum() is not there in cloudseed's templates")
			return nil
		},
	} {
		all[name] = &builtin{f}
	}
	return all
}

func rangeOf(in *interpreter, g *given) any {
	a := in.bind(g, "start", "stop?", "step?")
	start, stop, step := 0, in.integer(a[0], "range()'s end"), 1
	if a[1] != missing {
		start, stop = stop, in.integer(a[1], "range()'s end")
	}
	if a[2] != missing {
		step = in.integer(a[2], "range()'s step")
	}
	if step == 0 {
		in.fail("range()'s step cannot be zero")
	}
	s := newSpan(start, stop, step)
	if s.count > maxRange {
		in.fail("a range of %d numbers is too long: %d are the most", s.count, maxRange)
	}
	return s
}

// dictOf is Python's dict(): from a dict, pairs, and names.
func dictOf(in *interpreter, g *given) any {
	d := newDict()
	if len(g.plain) > 1 {
		in.fail("dict() takes one value at most, and names")
	}
	for _, x := range g.plain {
		in.update(d, x)
	}
	in.update(d, g.named)
	return d
}

func namespaceOf(in *interpreter, g *given) any {
	return &namespace{dictOf(in, g).(*dict)}
}

func cyclerOf(in *interpreter, g *given) any {
	if len(g.plain) == 0 {
		in.fail("cycler() needs values")
	}
	return &cycler{items: g.plain}
}

func joinerOf(in *interpreter, g *given) any {
	separator := or(in.bind(g, "sep?")[0], ", ")
	return &joiner{separator: in.str(separator)}
}
