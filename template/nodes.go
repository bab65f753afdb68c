package template

// expr is something that has a value.
type expr interface{ where() pos }

func (p pos) where() pos { return p }

type (
	constant struct {
		pos
		value any
	}
	name struct {
		pos
		name string
	}
	sequence struct { // a list or a tuple
		pos
		items   []expr
		isTuple bool
	}
	pairs struct {
		pos
		keys, values []expr
	}
	unary struct {
		pos
		op string // "not", "-", "+"
		x  expr
	}
	binary struct {
		pos
		op   string // "and", "or", "+", "**" …
		x, y expr
	}
	comparison struct { // a < b <= c
		pos
		first expr
		ops   []string
		rest  []expr
	}
	concat struct { // a ~ b ~ c
		pos
		items []expr
	}
	choice struct { // a if b else c
		pos
		test, yes, no expr // no may be nil
	}
	attribute struct {
		pos
		x    expr
		name string
	}
	item struct {
		pos
		x, key expr
	}
	slicing struct { // each may be nil
		pos
		start, stop, step expr
	}
	call struct {
		pos
		f    expr
		args arguments
	}
	filtering struct { // x is nil in a filter block
		pos
		x    expr
		name string
		args arguments
	}
	tested struct {
		pos
		x    expr
		name string
		args arguments
	}
)

// arguments are those of a call: plain ones, named ones, *list and **dict.
type arguments struct {
	plain  []expr
	names  []string
	named  []expr
	list   expr
	byName expr
}

// stmt is something that is done.
type stmt interface{ where() pos }

type (
	text struct {
		pos
		text string
	}
	printing struct {
		pos
		x expr
	}
	forLoop struct {
		pos
		target    expr
		over      expr
		test      expr // may be nil
		recursive bool
		body      []stmt
		otherwise []stmt
	}
	condition struct {
		pos
		tests     []expr
		bodies    [][]stmt
		otherwise []stmt
	}
	assignment struct {
		pos
		target expr
		value  expr
	}
	blockAssignment struct {
		pos
		target expr
		filter expr // may be nil
		body   []stmt
	}
	scoped struct { // with
		pos
		targets, values []expr
		body            []stmt
	}
	macroDef struct {
		pos
		name     string
		params   []string
		defaults []expr // of the last parameters
		body     []stmt
		uses     map[string]bool // which of caller, varargs and kwargs its body speaks of
	}
	callBlock struct {
		pos
		call   *call
		caller *macroDef
	}
	filterBlock struct {
		pos
		filter expr
		body   []stmt
	}
	block struct {
		pos
		name   string
		scoped bool
		body   []stmt
	}
	escaping struct { // autoescape
		pos
		on   expr
		body []stmt
	}
	evaluation struct { // do
		pos
		x expr
	}
	foreign struct { // include, import, from, extends: what needs other templates
		pos
		tag string
	}
)

// namespaced is a target like ns.x.
type namespaced struct {
	pos
	name, attribute string
}
