package template

import (
	"slices"
	"strings"
)

// postfix reads dots, brackets and calls.
func (p *parser) postfix(x expr) expr {
	for {
		switch t := p.current(); t.kind {
		case ".":
			p.next()
			x = p.dot(x, t.at)
		case "[":
			p.next()
			x = &item{t.at, x, p.subscript()}
		case "(":
			x = &call{t.at, x, p.arguments()}
		default:
			return x
		}
	}
}

func (p *parser) dot(x expr, at pos) expr {
	t := p.next()
	switch t.kind {
	case kName:
		return &attribute{at, x, t.text}
	case kInteger:
		return &item{at, x, &constant{t.at, t.value}}
	}
	p.failAt(t.at, "expected a name or a number after the dot, found %s", t)
	return nil
}

func (p *parser) subscript() expr {
	at := p.current().at
	var keys []expr
	for p.current().kind != "]" {
		if len(keys) > 0 {
			p.expect(",")
		}
		keys = append(keys, p.sliceOrKey())
	}
	p.next()
	if len(keys) == 1 {
		return keys[0]
	}
	return &sequence{at, keys, true}
}

func (p *parser) sliceOrKey() expr {
	s := &slicing{pos: p.current().at}
	if p.current().kind != ":" {
		s.start = p.expression()
		if p.current().kind != ":" {
			return s.start
		}
	}
	p.next()
	ends := func() bool { return slices.Contains([]kind{":", "]", ","}, p.current().kind) }
	if !ends() {
		s.stop = p.expression()
	}
	if p.skip(":") && !ends() {
		s.step = p.expression()
	}
	return s
}

func (p *parser) arguments() (a arguments) {
	open := p.expect("(")
	for first := true; p.current().kind != ")"; first = false {
		if !first {
			p.expect(",")
			if p.current().kind == ")" {
				break
			}
		}
		ok := a.byName == nil
		switch t := p.current(); {
		case t.kind == "*":
			p.next()
			ok = ok && a.list == nil
			a.list = p.expression()
		case t.kind == "**":
			p.next()
			a.byName = p.expression()
		case t.kind == kName && p.look().kind == "=":
			p.next()
			p.next()
			a.names = append(a.names, t.text)
			a.named = append(a.named, p.expression())
		default:
			ok = ok && a.list == nil && len(a.names) == 0
			a.plain = append(a.plain, p.expression())
		}
		if !ok {
			p.failAt(open.at, "the arguments are in no order: first values, then name=value, then *list, then **dict")
		}
	}
	p.next()
	return a
}

// filterOrTest reads what comes after a value: "| filter" and "is test".
func (p *parser) filterOrTest(x expr) expr {
	for {
		switch t := p.current(); {
		case t.kind == "|":
			x = p.filters(x, false)
		case p.isName("is"):
			x = p.test(x)
		case t.kind == "(":
			x = &call{t.at, x, p.arguments()}
		default:
			return x
		}
	}
}

// filters reads filters for x; the first of them without its bar if it stands inline.
func (p *parser) filters(x expr, inline bool) expr {
	for inline || p.skip("|") {
		inline = false
		f := &filtering{pos: p.current().at, x: x, name: p.dotted()}
		if !isFilter(f.name) {
			p.unknown = append(p.unknown, unknown{failed(f.pos, "%s", noFilter(f.name)), p.scopes})
		}
		if p.current().kind == "(" {
			f.args = p.arguments()
		}
		x = f
	}
	return x
}

func (p *parser) dotted() string {
	names := []string{p.expect(kName).text}
	for p.skip(".") {
		names = append(names, p.expect(kName).text)
	}
	return strings.Join(names, ".")
}

func (p *parser) test(x expr) expr {
	at := p.next().at
	negated := p.skipName("not")
	t := &tested{pos: at, x: x, name: p.dotted()}
	if !isTest(t.name) {
		p.unknown = append(p.unknown, unknown{failed(at, "%s", noTest(t.name)), p.scopes})
	}
	switch k := p.current().kind; {
	case k == "(":
		t.args = p.arguments()
	case slices.Contains([]kind{kName, kString, kInteger, kFloat, "[", "{"}, k) && !p.isName("else", "or", "and"):
		if p.isName("is") {
			p.failAt(p.current().at, `a second "is" cannot follow the first`)
		}
		t.args.plain = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &unary{at, "not", t}
	}
	return t
}
