package template

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
)

// filterAll applies a filter, or several one after the other. base is what the first is
// applied to when it has nothing before it, as in a filter block.
func (in *interpreter) filterAll(x expr, base any) any {
	f := x.(*filtering)
	defer in.deeper()()
	value := base
	if inner, ok := f.x.(*filtering); ok {
		value = in.filterAll(inner, base)
	} else if f.x != nil {
		value = in.eval(f.x)
	}
	g := in.arguments(fmt.Sprintf("the filter %q", f.name), f.args)
	in.at = f.pos
	return in.filter(f.name, value, g)
}

// filter applies a filter by its name.
func (in *interpreter) filter(name string, x any, g *given) any {
	in.spend(1)
	switch name {
	case "map":
		return in.mapped(x, g)
	case "select", "reject", "selectattr", "rejectattr":
		return in.selected(name, x, g)
	case "format":
		return in.formatted(x, g)
	}
	f := filterNamed(name)
	if f == nil {
		in.fail("%s", noFilter(name))
	}
	return f.f(in, x, in.bind(g, f.params...))
}

// noFilter is what is said of a filter that there is not. A few of Jinja2's are of no use
// for configuration.
func noFilter(name string) string {
	switch name {
	case "urlize", "wordwrap", "pprint":
		return fmt.Sprintf("the filter %q is not there in cloudseed's templates", name)
	}
	return fmt.Sprintf("there is no filter %q", name)
}

// isFilter tells whether there is a filter of that name.
func isFilter(name string) bool {
	switch name {
	case "map", "select", "reject", "selectattr", "rejectattr", "format":
		return true
	}
	return filterNamed(name) != nil
}

// filterNamed is one of Jinja2's filters, with its parameters.
func filterNamed(name string) *operation {
	switch name {
	case "abs":
		return op(filterAbs)
	case "attr":
		return op(filterAttr, "name")
	case "capitalize":
		return textOp(capitalize)
	case "center":
		return op(func(in *interpreter, x any, a []any) any {
			return like(x, in.justify("center", in.str(x), in.integer(or(a[0], big.NewInt(80)), "the width"), " "))
		}, "width?")
	case "d", "default":
		return op(filterDefault, "default_value?", "boolean?")
	case "e", "escape":
		return op(func(in *interpreter, x any, _ []any) any {
			if _, ok := x.(markup); ok {
				return x
			}
			return markup(in.escape(in.str(x)))
		})
	case "forceescape":
		return op(func(in *interpreter, x any, _ []any) any { return markup(in.escape(in.str(x))) })
	case "safe":
		return op(func(in *interpreter, x any, _ []any) any { return markup(in.str(x)) })
	case "filesizeformat":
		return op(filterFileSize, "binary?")
	case "float":
		return op(filterFloat, "default?")
	case "indent":
		return op(filterIndent, "width?", "first?", "blank?")
	case "int":
		return op(filterInt, "default?", "base?")
	case "length", "count":
		return op(filterLength)
	case "lower":
		return textOp(strings.ToLower)
	case "upper":
		return textOp(upper)
	case "random":
		return op(filterRandom)
	case "replace":
		return op(func(in *interpreter, x any, a []any) any {
			return in.replace(in.str(x), in.str(a[0]), in.str(a[1]), a[2])
		}, "old", "new", "count?")
	case "round":
		return op(filterRound, "precision?", "method?")
	case "string":
		return op(func(in *interpreter, x any, _ []any) any {
			if _, ok := x.(markup); ok {
				return x
			}
			return in.str(x)
		})
	case "striptags":
		return op(func(in *interpreter, x any, _ []any) any { return in.text(stripTags(in.str(x))) })
	case "title":
		return textOp(wordTitle)
	case "tojson":
		return op(filterToJSON, "indent?")
	case "trim":
		return op(func(in *interpreter, x any, a []any) any { return in.strip("strip", x, a[0]) }, "chars?")
	case "truncate":
		return op(filterTruncate, "length?", "killwords?", "end?", "leeway?")
	case "urlencode":
		return op(filterURLEncode)
	case "wordcount":
		return op(func(in *interpreter, x any, _ []any) any { return countWords(in.text(in.str(x))) })
	case "xmlattr":
		return op(filterXMLAttributes, "autospace?")
	}
	return listFilterNamed(name)
}

// filterAttr is an attribute, and never a dict's key.
func filterAttr(in *interpreter, x any, a []any) any {
	name := in.want(a[0], "the attribute's name")
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if value, ok := in.member(x, name); ok {
		return value
	}
	return &undefined{name: name, path: "(…)." + name}
}

func filterDefault(in *interpreter, x any, a []any) any {
	if _, ok := x.(*undefined); ok || in.truth(or(a[1], false)) && !in.truth(x) {
		return or(a[0], "")
	}
	return x
}

func filterLength(in *interpreter, x any, _ []any) any {
	n, ok := in.size(x)
	if !ok {
		in.fail("%s has no length", in.describe(x))
	}
	return big.NewInt(int64(n))
}

func filterRandom(in *interpreter, x any, _ []any) any {
	items := in.items(x)
	if len(items) == 0 {
		return &undefined{name: "None", path: "an item of an empty list"}
	}
	return items[rand.IntN(len(items))] //nolint:gosec // Jinja2's is no better, and nobody makes keys by it
}
