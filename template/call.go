package template

import (
	"fmt"
	"slices"
	"strings"
)

// given are a call's arguments.
type given struct {
	what  string // is called, for messages
	plain []any
	named *dict
}

// macro is one that a template has, with the scope that it sees.
type macro struct {
	*macroDef
	scope *scope
	name  string
}

// arguments works out what a call is given.
func (in *interpreter) arguments(what string, a arguments) *given {
	g := &given{what: what, named: newDict()}
	in.grow(len(a.plain) * itemSize)
	for _, x := range a.plain {
		g.plain = append(g.plain, in.eval(x))
	}
	for i, name := range a.names {
		in.put(g.named, name, in.eval(a.named[i]))
	}
	if a.list != nil {
		items := in.items(in.eval(a.list))
		in.grow(len(items) * itemSize)
		g.plain = append(g.plain, items...)
	}
	if a.byName != nil {
		d, ok := in.eval(a.byName).(*dict)
		if !ok {
			in.fail(`after "**" there must be a dictionary`)
		}
		for i, key := range d.keys {
			if _, ok := aText(key); !ok {
				in.fail(`after "**" there must be a dictionary whose keys are strings`)
			}
			in.put(g.named, key, d.values[i])
		}
	}
	return g
}

// bind gives each parameter its argument: by place, then by name. Those with a question
// mark may be absent, which is the value missing.
func (in *interpreter) bind(g *given, params ...string) []any {
	if len(g.plain) > len(params) {
		in.fail("%s takes %s, and is given %d", g.what, count(len(params)), len(g.plain))
	}
	bound := make([]any, len(params))
	used := 0
	for i, param := range params {
		param, optional := strings.CutSuffix(param, "?")
		value, byName := in.get(g.named, param)
		switch {
		case i < len(g.plain) && byName:
			in.fail("%s is given its %q twice", g.what, param)
		case i < len(g.plain):
			bound[i] = g.plain[i]
		case byName:
			bound[i] = value
			used++
		case optional:
			bound[i] = missing
		default:
			in.fail("%s needs its %q", g.what, param)
		}
	}
	if used < len(g.named.keys) {
		for _, key := range g.named.keys {
			if !slices.ContainsFunc(params, func(p string) bool { return strings.TrimSuffix(p, "?") == key }) {
				in.fail("%s knows no %q", g.what, in.str(key))
			}
		}
	}
	return bound
}

func count(n int) string {
	switch n {
	case 0:
		return "no value"
	case 1:
		return "one value"
	}
	return fmt.Sprintf("%d values at most", n)
}

// absent is an argument that was not given.
type absent struct{}

var missing = absent{}

// or is an argument, or a default for one that was not given.
func or(x, otherwise any) any {
	if x == missing {
		return otherwise
	}
	return x
}

// call calls what has a value that can be called. caller is what a call block brings.
func (in *interpreter) call(x *call, caller *macro) any {
	f := in.eval(x.f)
	g := in.arguments(called(x.f), x.args)
	if caller != nil {
		in.put(g.named, "caller", caller)
	}
	in.at = x.pos
	return in.apply(f, g)
}

func (in *interpreter) apply(f any, g *given) any {
	defer in.deeper()()
	switch f := f.(type) {
	case *builtin:
		return f.f(in, g)
	case *macro:
		return in.expand(f, g)
	case *loop:
		return f.again(in, in.bind(g, "items")[0])
	case *joiner:
		return f.next()
	case *undefined:
		in.fail("%s", f.problem())
	}
	in.fail("%s cannot be called: it is %s", g.what, in.describe(f))
	return nil
}

// expand does what a macro says.
func (in *interpreter) expand(m *macro, g *given) any {
	outer := in.scope
	in.scope = &scope{around: m.scope}
	in.parameters(m, g)
	result := in.captured(func() { in.all(m.body) })
	in.scope = outer
	return result
}

// parameters sets a macro's parameters in its scope.
func (in *interpreter) parameters(m *macro, g *given) {
	named := newDict()
	for i, key := range g.named.keys {
		in.put(named, key, g.named.values[i])
	}
	take := func(key string) (any, bool) {
		value, ok := in.get(named, key)
		if ok {
			in.remove(named, key)
		}
		return value, ok
	}
	explicit := slices.Contains(m.params, "caller")
	if m.uses["caller"] && !explicit {
		caller, ok := take("caller")
		if !ok {
			caller = &undefined{name: "caller", path: "caller", hint: "there is no caller: the macro was called without a call block"}
		}
		in.scope.set("caller", caller)
	}
	firstDefault := len(m.params) - len(m.defaults)
	var late []int // defaults come last: they may speak of the other parameters
	for i, param := range m.params {
		value, ok := take(param)
		switch {
		case i < len(g.plain) && ok:
			in.fail("the macro %q is given its %q twice", m.name, param)
		case i < len(g.plain):
			value = g.plain[i]
		case ok:
		case i >= firstDefault:
			late = append(late, i)
			continue
		default:
			value = &undefined{name: param, path: param, hint: "the parameter " + param + " was not given"}
		}
		in.scope.set(param, value)
	}
	for _, i := range late {
		in.scope.set(m.params[i], in.eval(m.defaults[i-firstDefault]))
	}
	in.rest(m, g, named)
}

// rest is what a call gives beside the parameters, for macros that speak of it.
func (in *interpreter) rest(m *macro, g *given, named *dict) {
	switch {
	case m.uses["kwargs"]:
		in.scope.set("kwargs", named)
	case len(named.keys) > 0 && in.equal(named.keys[0], "caller"):
		in.fail("the macro %q is called with a block, and does not use its caller", m.name)
	case len(named.keys) > 0:
		in.fail("the macro %q knows no %q", m.name, in.str(named.keys[0]))
	}
	more := tuple(g.plain[min(len(m.params), len(g.plain)):])
	switch {
	case m.uses["varargs"]:
		in.scope.set("varargs", more)
	case len(more) > 0:
		in.fail("the macro %q takes %s, and is given %d", m.name, count(len(m.params)), len(g.plain))
	}
}

func (m *macro) attribute(name string) (any, bool) {
	switch name {
	case "name":
		return m.name, true
	case "arguments":
		var all tuple
		for _, param := range m.params {
			all = append(all, param)
		}
		return all, true
	case "catch_varargs":
		return m.uses["varargs"], true
	case "catch_kwargs":
		return m.uses["kwargs"], true
	case "caller":
		return m.uses["caller"], true
	}
	return nil, false
}
