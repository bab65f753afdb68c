package template

import (
	"slices"
	"strings"
)

// tupleRules say where a tuple without brackets ends, and what may be in it.
type tupleRules struct {
	simple   bool   // names and literals only
	noChoice bool   // no "a if b else c": an "if" is somebody else's
	brackets bool   // there are brackets around, so that it may be empty
	until    string // a name that ends it
}

// tuple reads an expression, or several with commas between them.
func (p *parser) tuple(r tupleRules) expr {
	parse := p.expression
	switch {
	case r.simple:
		parse = p.primary
	case r.noChoice:
		parse = p.or
	}
	at := p.current().at
	var items []expr
	isTuple := false
	for {
		if len(items) > 0 {
			p.expect(",")
		}
		if slices.Contains([]kind{kVariableEnd, kBlockEnd, ")"}, p.current().kind) || r.until != "" && p.isName(r.until) {
			break
		}
		items = append(items, parse())
		if p.current().kind != "," {
			break
		}
		isTuple = true
	}
	if !isTuple && len(items) > 0 {
		return items[0]
	}
	if !isTuple && !r.brackets {
		p.failAt(p.current().at, "expected a value here, found %s", p.current())
	}
	return &sequence{at, items, true}
}

type targetRules struct {
	namespace bool
	with      bool // the variable loop may be hidden by one of that name
	until     string
}

// target is what something is assigned to.
func (p *parser) target(r targetRules) expr {
	at := p.current().at
	if r.namespace && p.look().kind == "." {
		name := p.expect(kName).text
		p.next()
		return &namespaced{at, name, p.expect(kName).text}
	}
	target := p.tuple(tupleRules{simple: true, until: r.until})
	p.assignable(target, r.with)
	return target
}

func (p *parser) assignable(target expr, with bool) {
	switch target := target.(type) {
	case *name:
		if target.name == "loop" && p.loops > 0 && !with {
			p.failAt(target.pos, `inside of a loop "loop" is the loop itself, and nothing else can have that name`)
		}
	case *sequence:
		for _, item := range target.items {
			p.assignable(item, with)
		}
	default:
		p.failAt(target.where(), "nothing can be assigned to this: expected a name")
	}
}

func (p *parser) expression() expr {
	defer p.deeper()()
	at, known := p.current().at, len(p.unknown)
	x := p.or()
	for p.skipName("if") {
		defer p.guarded(known)
		c := &choice{pos: at, test: p.or(), yes: x}
		if p.skipName("else") {
			c.no = p.expression()
		}
		x, at = c, p.current().at
	}
	return x
}

// leftwards reads operators of one rank, the leftmost first.
func (p *parser) leftwards(operand func() expr, ops ...string) expr {
	x := operand()
	for t := p.current(); (t.kind == kName || string(t.kind) == t.text) && slices.Contains(ops, t.text); t = p.current() {
		p.next()
		x = &binary{t.at, t.text, x, operand()}
	}
	return x
}

func (p *parser) or() expr { return p.leftwards(p.and, "or") }

func (p *parser) and() expr { return p.leftwards(p.not, "and") }

func (p *parser) not() expr {
	if !p.isName("not") {
		return p.compare()
	}
	defer p.deeper()()
	return &unary{p.next().at, "not", p.not()}
}

func (p *parser) compare() expr {
	c := &comparison{pos: p.current().at, first: p.sum()}
	for {
		t := p.current()
		switch {
		case slices.Contains([]kind{"==", "!=", "<", "<=", ">", ">="}, t.kind), p.isName("in"):
			p.next()
		case p.isName("not") && p.look().kind == kName && p.look().text == "in":
			p.next()
			p.next()
			t.text = "not in"
		case len(c.ops) == 0:
			return c.first
		default:
			return c
		}
		c.ops = append(c.ops, t.text)
		c.rest = append(c.rest, p.sum())
	}
}

func (p *parser) sum() expr { return p.leftwards(p.concat, "+", "-") }

func (p *parser) concat() expr {
	c := &concat{p.current().at, []expr{p.product()}}
	for p.skip("~") {
		c.items = append(c.items, p.product())
	}
	if len(c.items) == 1 {
		return c.items[0]
	}
	return c
}

func (p *parser) product() expr { return p.leftwards(p.power, "*", "/", "//", "%") }

// power is leftwards in Jinja2, not as in Python.
func (p *parser) power() expr {
	return p.leftwards(func() expr { return p.sign(true) }, "**")
}

// sign reads a minus or plus, which bind closer than any operator but call and dot.
func (p *parser) sign(withFilters bool) expr {
	defer p.deeper()()
	var x expr
	if t := p.current(); t.kind == "-" || t.kind == "+" {
		p.next()
		x = &unary{t.at, t.text, p.sign(false)}
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if withFilters {
		x = p.filterOrTest(x)
	}
	return x
}

func (p *parser) primary() expr {
	t := p.next()
	switch t.kind {
	case kName:
		switch t.text {
		case "true", "True":
			return &constant{t.at, true}
		case "false", "False":
			return &constant{t.at, false}
		case "none", "None":
			return &constant{t.at, nil}
		case "caller", "varargs", "kwargs":
			p.uses[t.text] = true
		}
		return &name{t.at, t.text}
	case kString:
		return p.strings(t)
	case kInteger, kFloat:
		return &constant{t.at, t.value}
	case "(":
		x := p.tuple(tupleRules{brackets: true})
		p.expect(")")
		return x
	case "[":
		return p.list(t.at)
	case "{":
		return p.dict(t.at)
	}
	p.failAt(t.at, "expected a value here, found %s", t)
	return nil
}

// strings are one string when they stand beside each other.
func (p *parser) strings(first token) expr {
	parts := []string{first.value.(string)}
	for p.current().kind == kString {
		parts = append(parts, p.next().value.(string))
	}
	return &constant{first.at, strings.Join(parts, "")}
}

func (p *parser) list(at pos) expr {
	list := &sequence{pos: at}
	for p.current().kind != "]" {
		if len(list.items) > 0 {
			p.expect(",")
		}
		if p.current().kind != "]" {
			list.items = append(list.items, p.expression())
		}
	}
	p.next()
	return list
}

func (p *parser) dict(at pos) expr {
	d := &pairs{pos: at}
	for p.current().kind != "}" {
		if len(d.keys) > 0 {
			p.expect(",")
		}
		if p.current().kind == "}" {
			break
		}
		d.keys = append(d.keys, p.expression())
		p.expect(":")
		d.values = append(d.values, p.expression())
	}
	p.next()
	return d
}
