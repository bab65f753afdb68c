package template

import (
	"slices"
	"strings"
)

// parser makes statements of tokens, by Jinja2's grammar.
type parser struct {
	*budget
	tokens []token
	at     int
	uses   map[string]bool   // names that the macro at hand speaks of
	open   []string          // the tags that are to be closed, for messages
	blocks map[string]*block // by name
	loops  int               // that are open
	scopes int               // around, of variables

	unknown []unknown
}

// unknown is a filter or test that there is not. It is a mistake even where it is never
// used, but for what an "if" at hand may guard: as with Jinja2, where templates are
// written for several versions that way.
type unknown struct {
	failure
	scopes int
}

func (p *parser) guarded(from int) {
	p.unknown = slices.DeleteFunc(p.unknown, func(u unknown) bool {
		from--
		return from < 0 && u.scopes == p.scopes
	})
}

// tree is a template that was understood.
type tree struct {
	body   []stmt
	blocks map[string]*block
}

func parse(in *interpreter, source string) tree {
	p := &parser{budget: &in.budget, tokens: lex(&in.budget, source), uses: map[string]bool{}, blocks: map[string]*block{}}
	t := tree{p.statements(nil), p.blocks}
	if len(p.unknown) > 0 {
		panic(p.unknown[0].failure)
	}
	return t
}

func (p *parser) current() token { return p.tokens[p.at] }

func (p *parser) look() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != kEnd {
		p.at++
	}
	return t
}

func (p *parser) failAt(at pos, format string, args ...any) {
	p.budget.at = at
	p.fail(format, args...)
}

func (p *parser) isName(words ...string) bool {
	return p.current().kind == kName && slices.Contains(words, p.current().text)
}

// skip goes past an operator if it is there.
func (p *parser) skip(k kind) bool {
	if p.current().kind != k {
		return false
	}
	p.next()
	return true
}

func (p *parser) skipName(word string) bool {
	if !p.isName(word) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(k kind) token {
	if p.current().kind != k {
		what := "%q"
		if len(k) > 2 {
			what = "%s"
		}
		p.failAt(p.current().at, "expected "+what+" here, found %s", k, p.current())
	}
	return p.next()
}

func (p *parser) expectName(word string) token {
	if !p.isName(word) {
		p.failAt(p.current().at, "expected %q here, found %s", word, p.current())
	}
	return p.next()
}

// statements reads up to a tag that begins with one of the words, which it leaves
// there; without words up to the template's end.
func (p *parser) statements(until []string) []stmt {
	defer p.deeper()()
	var body []stmt
	for {
		t := p.next()
		switch t.kind {
		case kData:
			body = append(body, &text{t.at, t.text})
		case kVariableBegin:
			body = append(body, &printing{t.at, p.tuple(tupleRules{})})
			p.expect(kVariableEnd)
		case kBlockBegin:
			if p.isName(until...) {
				return body
			}
			body = append(body, p.statement())
			p.expect(kBlockEnd)
		case kEnd:
			if until != nil {
				p.failAt(t.at, "the template ends before %s of %s", either(until), p.open[len(p.open)-1])
			}
			return body
		}
	}
}

// body reads the body of a tag: the tag's end, and all up to one of the words.
func (p *parser) body(until ...string) []stmt {
	p.skip(":")
	p.expect(kBlockEnd)
	return p.statements(until)
}

// inner is body for a tag whose body has variables of its own.
func (p *parser) inner(until ...string) []stmt {
	p.scopes++
	defer func() { p.scopes-- }()
	return p.body(until...)
}

// whole is inner for a tag with one body, and goes past the word that ends it.
func (p *parser) whole(until string) []stmt {
	body := p.inner(until)
	p.next()
	return body
}

func either(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + w + `"`
	}
	return strings.Join(quoted, " or ")
}

func (p *parser) statement() stmt {
	t := p.expect(kName)
	p.open = append(p.open, `"`+t.text+`"`)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch t.text {
	case "for":
		return p.forLoop(t.at)
	case "if":
		return p.condition(t.at)
	case "set":
		return p.set(t.at)
	case "with":
		return p.with(t.at)
	case "macro":
		return p.macro(t.at)
	case "call":
		return p.callBlock(t.at)
	case "filter":
		return p.filterBlock(t.at)
	case "block":
		return p.block(t.at)
	case "autoescape":
		return &escaping{t.at, p.expression(), p.whole("endautoescape")}
	case "do":
		return &evaluation{t.at, p.tuple(tupleRules{})}
	case "print":
		return p.print(t.at)
	case "include", "import", "from", "extends":
		for p.current().kind != kBlockEnd && p.current().kind != kEnd {
			p.next()
		}
		return &foreign{t.at, t.text}
	}
	p.unknownTag(t)
	return nil
}

func (p *parser) filterBlock(at pos) stmt {
	p.scopes++ // a filter block's filters belong to its body
	filter := p.filters(nil, true)
	p.scopes--
	return &filterBlock{at, filter, p.whole("endfilter")}
}

func (p *parser) unknownTag(t token) {
	inside := ""
	if len(p.open) > 1 {
		inside = "; what is open here is " + p.open[len(p.open)-2]
	}
	switch {
	case strings.HasPrefix(t.text, "end") || t.text == "else" || t.text == "elif":
		p.failAt(t.at, "%q ends nothing here%s", t.text, inside)
	case t.text == "break" || t.text == "continue":
		p.failAt(t.at, "%q is not part of cloud-init's templates; a loop can be narrowed with {%% for x in list if test %%}", t.text)
	}
	p.failAt(t.at, "there is no tag %q%s", t.text, inside)
}

func (p *parser) forLoop(at pos) stmt {
	p.loops++
	defer func() { p.loops-- }()
	f := &forLoop{pos: at, target: p.target(targetRules{until: "in"})}
	p.expectName("in")
	f.over = p.tuple(tupleRules{noChoice: true, until: "recursive"})
	if p.skipName("if") {
		f.test = p.expression()
	}
	f.recursive = p.skipName("recursive")
	f.body = p.inner("endfor", "else")
	if p.next().text == "else" {
		f.otherwise = p.whole("endfor")
	}
	return f
}

func (p *parser) condition(at pos) stmt {
	defer p.guarded(len(p.unknown))
	c := &condition{pos: at}
	for {
		c.tests = append(c.tests, p.tuple(tupleRules{noChoice: true}))
		c.bodies = append(c.bodies, p.body("elif", "else", "endif"))
		switch p.next().text {
		case "elif":
			continue
		case "else":
			c.otherwise = p.body("endif")
			p.next()
		}
		return c
	}
}

func (p *parser) set(at pos) stmt {
	target := p.target(targetRules{namespace: true})
	if p.skip("=") {
		return &assignment{at, target, p.tuple(tupleRules{})}
	}
	filter := p.filters(nil, false)
	return &blockAssignment{at, target, filter, p.whole("endset")}
}

func (p *parser) with(at pos) stmt {
	w := &scoped{pos: at}
	for p.current().kind != kBlockEnd && p.current().kind != kEnd {
		if len(w.targets) > 0 {
			p.expect(",")
		}
		w.targets = append(w.targets, p.target(targetRules{with: true}))
		p.expect("=")
		w.values = append(w.values, p.expression())
	}
	w.body = p.whole("endwith")
	return w
}

// macroBody reads what a macro does, and notes which special names it speaks of.
func (p *parser) macroBody(m *macroDef, end string) {
	outer := p.uses
	p.uses = map[string]bool{}
	m.body = p.whole(end)
	m.uses, p.uses = p.uses, outer
	for used := range m.uses {
		outer[used] = true // as Jinja2 does: the macro outside speaks of it too
	}
}

func (p *parser) macro(at pos) stmt {
	m := &macroDef{pos: at, name: p.expect(kName).text}
	p.signature(m)
	p.macroBody(m, "endmacro")
	return m
}

func (p *parser) signature(m *macroDef) {
	p.scopes++ // its defaults belong to its body
	defer func() { p.scopes-- }()
	p.expect("(")
	for p.current().kind != ")" {
		if len(m.params) > 0 {
			p.expect(",")
		}
		t := p.expect(kName)
		m.params = append(m.params, t.text)
		if p.skip("=") {
			m.defaults = append(m.defaults, p.expression())
		} else if len(m.defaults) > 0 {
			p.failAt(t.at, "the parameter %q has no default, and comes after one that has", t.text)
		}
	}
	p.next()
}

func (p *parser) callBlock(at pos) stmt {
	c := &callBlock{pos: at, caller: &macroDef{pos: at}}
	if p.current().kind == "(" {
		p.signature(c.caller)
	}
	called, ok := p.expression().(*call)
	if !ok {
		p.failAt(at, `expected the call of a macro after "call"`)
	}
	c.call = called
	p.macroBody(c.caller, "endcall")
	return c
}

func (p *parser) block(at pos) stmt {
	b := &block{pos: at, name: p.expect(kName).text}
	b.scoped = p.skipName("scoped")
	p.skipName("required")
	if p.blocks[b.name] != nil {
		p.failAt(at, "there are two blocks %q", b.name)
	}
	p.blocks[b.name] = b
	b.body = p.whole("endblock")
	p.skipName(b.name)
	return b
}

// printings are several values that are printed one after the other.
type printings struct {
	pos
	items []*printing
}

func (p *parser) print(at pos) stmt {
	all := &printings{pos: at}
	for p.current().kind != kBlockEnd && p.current().kind != kEnd {
		if len(all.items) > 0 {
			p.expect(",")
		}
		all.items = append(all.items, &printing{p.current().at, p.expression()})
	}
	return all
}
