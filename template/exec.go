package template

import (
	"math/big"
	"slices"
	"strings"
)

// interpreter does what a template says.
type interpreter struct {
	budget
	out     *strings.Builder
	main    *strings.Builder // what out is when nothing is captured
	lines   []int            // of the template, from which each line of main came
	scope   *scope
	root    *scope // of the template itself, which its blocks see
	escapes bool   // autoescape is on
	missing []miss
}

// miss is a variable without a value that was printed.
type miss struct {
	name, path string
	at         pos
}

// scope is the variables of a piece of a template; what it does not have is looked for
// in the one around it.
type scope struct {
	around *scope
	vars   map[string]any
}

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.around {
		if value, ok := s.vars[name]; ok {
			return value, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, value any) {
	if s.vars == nil {
		s.vars = map[string]any{}
	}
	s.vars[name] = value
}

// run does all of a template.
func (in *interpreter) run(t tree, variables map[string]any) {
	given := &scope{vars: globals()}
	given.set("self", &blocks{t.blocks})
	for name, value := range variables {
		given.set(name, fromGo(value))
	}
	in.root = &scope{around: given}
	in.main = &strings.Builder{}
	in.scope, in.out = in.root, in.main
	in.all(t.body)
}

// emit prints a text, the first line of which comes from a line of the template, and the
// others from as many lines on.
func (in *interpreter) emit(text string, line, step int) {
	begins := in.out.Len() == 0 || strings.HasSuffix(in.out.String(), "\n")
	in.write(in.out, text)
	if in.out != in.main || text == "" {
		return
	}
	if begins {
		in.lines = append(in.lines, line)
	}
	more := strings.Count(text[:len(text)-1], "\n")
	in.grow(lineSize * more)
	in.lines = slices.Grow(in.lines, more)
	for range more {
		line += step
		in.lines = append(in.lines, line)
	}
}

// lineSize is what the number of a line takes.
const lineSize = 8

// inside does something in a scope of its own within another.
func (in *interpreter) inside(around *scope, do func()) {
	outer := in.scope
	in.grow(itemSize)
	in.scope = &scope{around: around}
	do()
	in.scope = outer
}

// capture is what something prints.
func (in *interpreter) capture(do func()) string {
	outer := in.out
	in.out = &strings.Builder{}
	do()
	text := in.out.String()
	in.out = outer
	return text
}

// captured is a text that was printed, which is not escaped again.
func (in *interpreter) captured(do func()) any {
	text := in.capture(do)
	if in.escapes {
		return markup(text)
	}
	return text
}

func (in *interpreter) all(body []stmt) {
	defer in.deeper()()
	for _, s := range body {
		in.at = s.where()
		in.spend(1)
		in.do(s)
	}
}

func (in *interpreter) do(s stmt) {
	switch s := s.(type) {
	case *text:
		in.emit(s.text, s.where().line, 1)
	case *printing:
		in.print(s)
	case *printings:
		for _, p := range s.items {
			in.print(p)
		}
	case *forLoop:
		in.loop(s, in.eval(s.over), 0)
	case *condition:
		in.condition(s)
	case *assignment:
		in.assign(s.target, in.eval(s.value))
	case *blockAssignment:
		in.blockAssignment(s)
	case *scoped:
		in.with(s)
	case *macroDef:
		in.scope.set(s.name, &macro{macroDef: s, scope: in.scope, name: s.name})
	case *callBlock:
		caller := &macro{macroDef: s.caller, scope: in.scope, name: "caller"}
		in.emit(in.str(in.call(s.call, caller)), s.where().line, 0)
	case *filterBlock:
		var content any
		in.inside(in.scope, func() { content = in.captured(func() { in.all(s.body) }) })
		in.emit(in.want(in.filterAll(s.filter, content), "what a filter block gives"), s.where().line, 0)
	case *block:
		in.block(s)
	case *escaping:
		in.escaping(s)
	case *evaluation:
		in.eval(s.x)
	case *foreign:
		in.fail("%q needs another template, and there is none that this one could use", s.tag)
	}
}

func (in *interpreter) print(p *printing) {
	x := in.eval(p.x)
	in.at = p.x.where()
	text := in.str(x)
	if _, marked := x.(markup); in.escapes && !marked {
		text = in.escape(text)
	}
	in.emit(text, in.at.line, 0)
}

func (in *interpreter) condition(c *condition) {
	for i, test := range c.tests {
		if in.truth(in.eval(test)) {
			in.all(c.bodies[i])
			return
		}
	}
	in.all(c.otherwise)
}

// Difference from cloud-init: what the block reads by the name that it sets is the value
// of before; there it is missing, if it is one of the instance data.
func (in *interpreter) blockAssignment(s *blockAssignment) {
	var value any
	in.inside(in.scope, func() { value = in.captured(func() { in.all(s.body) }) })
	if s.filter != nil {
		value = in.filterAll(s.filter, value)
	}
	in.assign(s.target, value)
}

func (in *interpreter) with(s *scoped) {
	values := make([]any, len(s.values))
	for i, value := range s.values { // all of them outside, as Jinja2 does since 2.9
		values[i] = in.eval(value)
	}
	in.inside(in.scope, func() {
		for i, target := range s.targets {
			in.assign(target, values[i])
		}
		in.all(s.body)
	})
}

// block is in a template without parents just its body, which sees the variables of the
// template itself, and those around it only if it says so.
func (in *interpreter) block(s *block) {
	around := in.root
	if s.scoped {
		around = in.scope
	}
	in.inside(around, func() { in.all(s.body) })
}

// blocks is the variable self, by which a block can be printed again.
type blocks struct{ named map[string]*block }

func (b *blocks) attribute(name string) (any, bool) {
	s, ok := b.named[name]
	if !ok {
		return nil, false
	}
	return &builtin{func(in *interpreter, g *given) any {
		in.bind(g)
		return in.captured(func() { in.inside(in.root, func() { in.all(s.body) }) })
	}}, true
}

func (in *interpreter) escaping(s *escaping) {
	outer := in.escapes
	in.escapes = in.truth(in.eval(s.on))
	in.inside(in.scope, func() { in.all(s.body) })
	in.escapes = outer
}

// assign gives a value to a name, to the names in a tuple, or to a namespace's variable.
func (in *interpreter) assign(target expr, value any) {
	in.at = target.where()
	switch target := target.(type) {
	case *name:
		in.scope.set(target.name, value)
	case *namespaced:
		ns, _ := in.scope.get(target.name)
		space, ok := ns.(*namespace)
		if !ok {
			in.fail("%s.%s cannot be set: only variables made by namespace() have parts that can", target.name, target.attribute)
		}
		in.put(space.vars, target.attribute, value)
	case *sequence:
		items := in.items(value)
		if len(items) != len(target.items) {
			in.fail("%d values are here for %d names", len(items), len(target.items))
		}
		for i, one := range target.items {
			in.assign(one, items[i])
		}
	}
}

// loop is the variable of that name within a loop.
type loop struct {
	items   []any
	index   int // from 0 on
	length  int
	depth   int
	of      *forLoop
	changed []any // what changed() was last called with
	asked   bool  // whether it was
	scope   *scope
}

func (in *interpreter) loop(s *forLoop, over any, depth int) {
	around := in.scope
	in.at = s.over.where()
	// Difference from cloud-init: the items are those that there are at the beginning,
	// even if the loop's body changes the list or dictionary.
	if _, ok := in.iterate(over); !ok {
		in.fail("a loop goes through a list, and %s is %s", called(s.over), in.describe(over))
	}
	items := in.both(in.items(over), nil)
	if s.test != nil {
		items = in.chosen(s, items)
	}
	if len(items) == 0 {
		in.inside(around, func() { in.all(s.otherwise) })
		return
	}
	l := &loop{items: items, length: len(items), depth: depth, of: s, scope: around}
	for i, item := range items {
		l.index = i
		in.inside(around, func() {
			in.scope.set("loop", l)
			in.assign(s.target, item)
			in.all(s.body)
		})
	}
}

// chosen are the items that the loop's own "if" lets through.
func (in *interpreter) chosen(s *forLoop, items []any) []any {
	var chosen []any
	for _, item := range items {
		in.inside(in.scope, func() {
			in.assign(s.target, item)
			if in.truth(in.eval(s.test)) {
				in.grow(itemSize)
				chosen = append(chosen, item)
			}
		})
	}
	return chosen
}

func (l *loop) attribute(name string) (any, bool) {
	beside := func(at int, hint string) any {
		if at < 0 || at >= l.length {
			return &undefined{name: "None", path: "loop." + name, hint: hint}
		}
		return l.items[at]
	}
	number := func(i int) (any, bool) { return big.NewInt(int64(i)), true }
	switch name {
	case "index":
		return number(l.index + 1)
	case "index0":
		return number(l.index)
	case "revindex":
		return number(l.length - l.index)
	case "revindex0":
		return number(l.length - l.index - 1)
	case "length":
		return number(l.length)
	case "depth":
		return number(l.depth + 1)
	case "depth0":
		return number(l.depth)
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == l.length-1, true
	case "previtem":
		return beside(l.index-1, "there is no previous item"), true
	case "nextitem":
		return beside(l.index+1, "there is no next item"), true
	case "cycle":
		return &builtin{func(in *interpreter, a *given) any {
			if len(a.plain) == 0 {
				in.fail("loop.cycle() needs values")
			}
			return a.plain[l.index%len(a.plain)]
		}}, true
	case "changed":
		return &builtin{func(in *interpreter, a *given) any {
			changed := !l.asked || !in.equalAll(l.changed, a.plain)
			l.changed, l.asked = a.plain, true
			return changed
		}}, true
	}
	return nil, false
}

// again goes through the loop's body for other items, as loop(items) asks for.
func (l *loop) again(in *interpreter, items any) any {
	if !l.of.recursive {
		in.fail(`a loop can only be called if it is marked "recursive"`)
	}
	outer := in.scope
	in.scope = l.scope
	result := in.captured(func() { in.loop(l.of, items, l.depth+1) })
	in.scope = outer
	return result
}
