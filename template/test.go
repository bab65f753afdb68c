package template

import (
	"fmt"
	"math/big"
	"unicode"
)

func (in *interpreter) test(x *tested) any {
	value := in.eval(x.x)
	g := in.arguments(fmt.Sprintf("the test %q", x.name), x.args)
	in.at = x.pos
	return in.is(x.name, value, g)
}

// is applies a test by its name.
func (in *interpreter) is(name string, x any, g *given) bool {
	in.spend(1)
	if op := comparing(name); op != "" {
		return in.compare(op, x, in.bind(g, "other")[0])
	}
	switch name {
	case "divisibleby":
		return !in.truth(in.arithmetic("%", x, in.bind(g, "num")[0]))
	case "sameas":
		return same(x, in.bind(g, "other")[0])
	}
	t := testNamed(name)
	if t == nil {
		in.fail("%s", noTest(name))
	}
	in.bind(g)
	return t(in, x)
}

// key is what may be the name of something: whatever can be a key, as in Python.
func (in *interpreter) key(x any) string {
	in.hash(x)
	return in.str(x)
}

// isTest tells whether there is a test of that name.
func isTest(name string) bool {
	return comparing(name) != "" || name == "divisibleby" || name == "sameas" || testNamed(name) != nil
}

func noTest(name string) string { return fmt.Sprintf("there is no test %q", name) }

// comparing is the operator that a test stands for.
func comparing(name string) string {
	switch name {
	case "==", "eq", "equalto":
		return "=="
	case "!=", "ne":
		return "!="
	case ">", "gt", "greaterthan":
		return ">"
	case ">=", "ge":
		return ">="
	case "<", "lt", "lessthan":
		return "<"
	case "<=", "le":
		return "<="
	case "in":
		return "in"
	}
	return ""
}

// same is Python's "is": the same thing, and not only an equal one. Small numbers and
// texts of a program are, there.
func same(x, y any) bool {
	if a, ok := x.(*big.Int); ok {
		b, ok := y.(*big.Int)
		return ok && a.Cmp(b) == 0 && a.IsInt64() && a.Int64() >= -5 && a.Int64() <= 256
	}
	switch x.(type) {
	case tuple, *undefined:
		return false
	}
	if typeName(x) != typeName(y) {
		return false
	}
	return x == y
}

// testNamed is one of Jinja2's tests that take nothing more.
func testNamed(name string) func(in *interpreter, x any) bool {
	switch name {
	case "defined":
		return func(_ *interpreter, x any) bool { return typeName(x) != "undefined variable" }
	case "undefined":
		return func(_ *interpreter, x any) bool { return typeName(x) == "undefined variable" }
	case "none":
		return func(_ *interpreter, x any) bool { return x == nil }
	case "boolean":
		return func(_ *interpreter, x any) bool { return typeName(x) == "bool" }
	case "true":
		return func(_ *interpreter, x any) bool { return x == true }
	case "false":
		return func(_ *interpreter, x any) bool { return x == false }
	case "integer":
		return func(_ *interpreter, x any) bool { return typeName(x) == "int" }
	case "float":
		return func(_ *interpreter, x any) bool { return typeName(x) == "float" }
	case "number":
		return func(_ *interpreter, x any) bool { _, ok := number(x); return ok }
	case "odd", "even":
		return func(in *interpreter, x any) bool {
			rest := in.arithmetic("%", x, big.NewInt(2))
			return in.equal(rest, big.NewInt(int64(map[string]int{"odd": 1}[name])))
		}
	case "string":
		return func(_ *interpreter, x any) bool { _, ok := aText(x); return ok }
	case "lower":
		return func(in *interpreter, x any) bool { return isCased(in.str(x), unicode.IsLower) }
	case "upper":
		return func(in *interpreter, x any) bool { return isCased(in.str(x), unicode.IsUpper) }
	case "mapping":
		return func(_ *interpreter, x any) bool { return typeName(x) == "dict" }
	case "sequence":
		return isSequence
	case "iterable":
		return isIterable
	case "callable":
		return func(_ *interpreter, x any) bool { return isCallable(x) }
	case "escaped":
		return func(_ *interpreter, x any) bool { return typeName(x) == "Markup" }
	case "filter":
		return func(in *interpreter, x any) bool { return isFilter(in.key(x)) }
	case "test":
		return func(in *interpreter, x any) bool { return isTest(in.key(x)) }
	}
	return nil
}

// isSequence tells what has a length and items by index or key.
func isSequence(_ *interpreter, x any) bool {
	switch x.(type) {
	case string, markup, *list, tuple, *dict, *span, *group, *undefined:
		return true
	}
	return false
}

func isIterable(in *interpreter, x any) bool {
	switch x.(type) {
	case *stream, *view:
		return true
	}
	return isSequence(in, x)
}

func isCallable(x any) bool {
	switch x.(type) {
	case *builtin, *macro, *loop, *joiner, *undefined:
		return true
	}
	return false
}
