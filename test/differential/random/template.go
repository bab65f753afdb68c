package random

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Template makes a template without its first line, over the variables of package
// templatetest. Most can be filled in; the rest have a mistake of type somewhere.
func Template(r *rand.Rand) string {
	g := templates{gen: gen{r}}
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.statement(3))
	}
	text := b.String()
	switch {
	case g.one(30): // a letter less
		letters := []rune(text)
		at := g.IntN(len(letters))
		text = string(letters[:at]) + string(letters[at+1:])
	case g.one(20):
		text = strings.ReplaceAll(text, "\n", pick(g.gen, "\r\n", "\r"))
	}
	return text + pick(g.gen, "", "\n", "\n\n")
}

// templates writes templates. What it writes is of a type, so that most of it has a value.
type templates struct {
	gen
	loops int // around
	names int // given to variables so far
}

func (g *templates) name() string {
	g.names++
	return "w" + strconv.Itoa(g.names)
}

// open and shut are the edges of a tag, some of which take blanks away.
func (g *templates) open() string { return "{%" + pick(g.gen, "", "", "", "", "-", "+") + " " }
func (g *templates) shut() string { return " " + pick(g.gen, "", "", "", "", "-", "+") + "%}" }

func (g *templates) tag(format string, args ...any) string {
	return g.open() + fmt.Sprintf(format, args...) + g.shut()
}

func (g *templates) statements(depth int) string {
	var b strings.Builder
	for range g.IntN(3) {
		b.WriteString(g.statement(depth))
	}
	return b.String()
}

// statement writes a piece of a template; depth is how much may be inside of it.
func (g *templates) statement(depth int) string {
	if depth == 0 {
		return pick(g.gen, g.printed, g.plain)()
	}
	switch g.IntN(16) {
	case 0:
		return g.tag("if %s", g.truth(2)) + g.statements(depth-1) + g.tag("elif %s", g.truth(1)) + g.statements(depth-1) + g.tag("else") + g.statements(depth-1) + g.tag("endif")
	case 1:
		return g.tag("if %s", g.truth(2)) + g.statements(depth-1) + g.tag("endif")
	case 2, 3:
		return g.loop(depth)
	case 4:
		name := g.name()
		return g.tag("set %s = %s", name, g.any(2)) + g.statement(depth-1) + "{{ " + name + " }}"
	case 5:
		name := g.name()
		return g.tag("set %s", name) + g.statements(depth-1) + g.tag("endset") + "[{{ " + name + " }}]"
	case 6:
		name := g.name()
		return g.tag("macro %s(a, b=%s)", name, g.any(1)) + g.statements(depth-1) + "{{ a }}{{ b }}" + g.tag("endmacro") + "{{ " + name + "(" + g.any(1) + pick(g.gen, "", ", "+g.any(1), ", b="+g.any(1)) + ") }}"
	case 7:
		return g.tag("filter %s", pick(g.gen, "upper", "trim", "indent(2)", "replace('a', 'b')", "title | trim")) + g.statements(depth-1) + g.tag("endfilter")
	case 8:
		return g.tag("with a = %s, b = %s", g.any(1), g.any(1)) + "{{ a }}" + g.statements(depth-1) + g.tag("endwith")
	case 9:
		return g.open() + "raw %}" + pick(g.gen, "{{ a }}", " {% b %}\n", "{#", "") + g.tag("endraw")
	case 10:
		return pick(g.gen, "{# a #}", "{#- a\n -#}\n", "{# {{ b #}\n")
	case 11:
		list := g.name()
		return g.tag("set %s = %s | list", list, g.list(1)) + g.tag("do %s.%s", list, pick(g.gen, "append("+g.any(1)+")", "extend("+g.list(1)+")", "insert(1, "+g.any(1)+")", "insert(-1, 0)", "reverse()", "sort()", "clear()")) + "{{ " + list + " }}"
	}
	return pick(g.gen, g.printed, g.plain)()
}

func (g *templates) loop(depth int) string {
	item := g.name()
	g.loops++
	body := "{{ " + pick(g.gen, item, item, "loop.index", "loop.first", "loop.last", "loop.revindex0", "loop.cycle('x', 'y')", "loop.changed("+item+")", "loop.nextitem", "loop.length") + " }}" + g.statements(depth-1)
	g.loops--
	if g.one(3) {
		return g.tag("for k, %s in %s.items()", item, g.dict(1)) + "{{ k }}=" + body + g.tag("endfor")
	}
	otherwise := ""
	if g.one(3) {
		otherwise = g.tag("else") + g.statements(depth-1)
	}
	condition := pick(g.gen, "", "", "", " if "+item, " if "+item+" is string")
	return g.tag("for %s in %s%s", item, g.list(2), condition) + body + otherwise + g.tag("endfor")
}

func (g *templates) printed() string {
	return pick(g.gen, "{{ ", "{{ ", "{{", "{{- ", "{{+ ") + g.any(3) + pick(g.gen, " }}", " }}", "}}", " -}}", " }}\n")
}

func (g *templates) plain() string {
	return pick(g.gen, "\n", "hostname: ", " - ", "a\n", "\n\n", "  ", "#!/bin/sh\n", "{ ", "}", "% ", "ä", "<&>")
}

// any is an expression of any type.
func (g *templates) any(depth int) string {
	switch g.IntN(12) {
	case 0:
		return g.truth(depth)
	case 1, 2:
		return g.list(depth)
	case 3:
		return g.dict(depth)
	case 4, 5, 6:
		return g.number(depth)
	case 7:
		if g.one(20) {
			return pick(g.gen, "v1.local-hostname", "nope.deeper")
		}
		return pick(g.gen, "none", "region", "nope", "ds.nope", "ds.meta_data.no", "ds['local-hostname']")
	}
	return g.text(depth)
}

func (g *templates) quoted() string {
	text := pick(g.gen, "", "a", "Web", "x,y,z", "a b  c", "Grüße ß", `it\'s`, `l1\nl2\n`, "%s-%s", "{} {}", "<b>&", "12", "0x1f", "3.5", " pad ", "a.b.c", "ÀÉ", "/etc/x-y", "tab\\tbed", `\x00\u200b`, "ABC def")
	if g.one(2) {
		return "'" + text + "'"
	}
	return `"` + text + `"`
}

func (g *templates) text(depth int) string {
	if depth <= 0 {
		return pick(g.gen, g.quoted, g.quoted, g.textVariable)()
	}
	switch g.IntN(9) {
	case 0:
		return g.any(depth-1) + " ~ " + g.any(depth-1)
	case 1:
		return "(" + g.text(depth-1) + " + " + g.text(depth-1) + ")"
	case 2, 3:
		return g.text(depth-1) + " | " + g.textFilter(depth)
	case 4:
		return g.any(depth-1) + pick(g.gen, " | string", " | tojson", " | default('d')", " | default("+g.text(depth-1)+", true)", " | e")
	case 5:
		return g.quoted() + g.textMethod(depth)
	case 6:
		return "(" + g.text(depth-1) + ")[" + g.slice() + "]"
	case 7:
		return "(" + g.text(depth-1) + " if " + g.truth(depth-1) + pick(g.gen, "", " else "+g.text(depth-1)) + ")"
	}
	return g.formatted(depth)
}

func (g *templates) textVariable() string {
	return pick(g.gen, "distro", "v1.local_hostname", "ds.meta_data.uni", "ds.meta_data.quote", "ds.meta_data.multi", "ds.meta_data['instance-id']", "instance_id", "ds.meta_data.html", "ds.meta_data.empty", "distro_version")
}

func (g *templates) formatted(depth int) string {
	switch g.IntN(6) {
	case 0:
		return "'%s|%s' % (" + g.any(depth-1) + ", " + g.any(depth-1) + ")"
	case 1:
		return "'%" + pick(g.gen, "", "-", "0", "+", " ") + pick(g.gen, "", "8", "3") + pick(g.gen, "d", "x", "o", ".2f", "e", "g", "s", "i", "X") + "' % (" + g.number(depth-1) + ",)"
	case 2:
		return "'{:" + pick(g.gen, "", "<", ">", "^", "*^", "=") + pick(g.gen, "", "+") + pick(g.gen, "", "0") + pick(g.gen, "", "7", "2") + pick(g.gen, "", ",") + pick(g.gen, "", "d", "x", "b", ".3f", ".1e", "g", "%") + "}'.format(" + g.number(depth-1) + ")"
	case 3:
		return "'{:" + pick(g.gen, "", "<", ">", "^", "*^") + pick(g.gen, "", "7", "2") + pick(g.gen, "", ".2", "s") + "}'.format(" + g.text(depth-1) + ")"
	case 4:
		return "'{} {x} {!r}'.format(" + g.any(depth-1) + ", " + g.any(depth-1) + ", x=" + g.any(depth-1) + ")"
	}
	return "'%s and %r' | format(" + g.any(depth-1) + ", " + g.any(depth-1) + ")"
}

func (g *templates) textFilter(depth int) string {
	return pick(g.gen, "upper", "lower", "title", "capitalize", "trim", "trim('a')", "reverse", "first", "last", "length", "wordcount",
		"striptags", "urlencode", "escape", "indent", "indent(2, true)", "indent(width='> ', blank=true)", "center(11)", "truncate(5)", "truncate(5, true, '', 0)", "int", "float",
		"list", "unique | join", "sort | join", "safe", "string", "e | upper", "forceescape", "replace('a', "+g.text(depth-2)+")", "replace("+g.quoted()+", 'x', 1)", "join('-')", "batch(2) | list", "slice(2) | list", "select | list", "map('upper') | list")
}

func (g *templates) textMethod(depth int) string {
	return pick(g.gen, ".upper()", ".lower()", ".title()", ".capitalize()", ".swapcase()", ".casefold()", ".strip()", ".strip('a ')", ".lstrip()", ".rstrip('c')",
		".split()", ".split(',')", ".split(None, 1)", ".split(',', 1)", ".rsplit()", ".rsplit(None, 1)", ".rsplit('.', 1)", ".splitlines()", ".splitlines(true)", ".partition(',')", ".rpartition('.')",
		".join(["+g.text(depth-2)+", "+g.text(depth-2)+"])", ".replace('a', 'b')", ".startswith('a')", ".endswith(('a', 'b'))", ".find('b')", ".rfind('b')", ".count('a')", ".count('')", ".index('b')",
		".center(9)", ".center(8, '*')", ".ljust(5)", ".rjust(5, 'x')", ".zfill(6)", ".expandtabs()", ".expandtabs(4)", ".isdigit()", ".isalpha()", ".isalnum()", ".isupper()", ".islower()", ".istitle()", ".isspace()",
		".isidentifier()", ".isprintable()", ".isascii()", ".isnumeric()", ".isdecimal()", ".removeprefix('a')", ".removesuffix('c')", ".nosuch")
}

func (g *templates) slice() string {
	part := func() string { return pick(g.gen, "", "", "0", "1", "-1", "2", "-3", "9") }
	return pick(g.gen, part()+":"+part(), part()+":"+part()+":"+pick(g.gen, "", "1", "2", "-1"), pick(g.gen, "0", "-1", "1", "7"))
}

func (g *templates) number(depth int) string {
	if depth <= 0 {
		return pick(g.gen, "0", "1", "2", "7", "-3", "10", "1.5", "2.0", "-0.25", "1e3", "ds.meta_data.n", "ds.meta_data.f", "ds.meta_data.neg", "ds.meta_data.big", "true", "0x1f", "1_000")
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		return "(" + g.number(depth-1) + pick(g.gen, " + ", " - ", " * ", " / ", " // ", " % ", "-") + g.number(depth-1) + pick(g.gen, "", "", "", "**2", " ** -1") + ")"
	case 3:
		return g.number(depth-1) + " | " + pick(g.gen, "abs", "int", "float", "round", "round(1)", "round(1, 'floor')", "round(method='ceil')", "round(-1)", "filesizeformat", "filesizeformat(true)", "string | int", "default(1)")
	case 4:
		return g.list(depth-1) + " | " + pick(g.gen, "length", "sum", "max", "min", "first", "last", "count")
	case 5:
		return g.text(depth-1) + " | " + pick(g.gen, "int", "int(5)", "int(base=16)", "int(7, 0)", "float", "float(2.5)", "length")
	case 6:
		return pick(g.gen, "-", "+", "- -") + g.number(depth-1)
	}
	return g.number(depth-1) + pick(g.gen, " + ", " * ") + g.number(depth-1)
}

func (g *templates) truth(depth int) string {
	if depth <= 0 {
		return pick(g.gen, "true", "false", "ds.meta_data.t", "nope is defined", "distro == 'rhel'", "region", "not nope", "1 in [1, 2]")
	}
	switch g.IntN(7) {
	case 0:
		return g.truth(depth-1) + pick(g.gen, " and ", " or ", " == ", " and not ") + g.truth(depth-1)
	case 1:
		return g.number(depth-1) + pick(g.gen, " < ", " <= ", " > ", " >= ", " == ", " != ", " < 5 < ") + g.number(depth-1)
	case 2:
		return g.text(depth-1) + pick(g.gen, " < ", " == ", " != ", " in ", " not in ", " >= ") + g.text(depth-1)
	case 3:
		return g.any(depth-1) + pick(g.gen, " in ", " not in ") + g.list(depth-1)
	case 4:
		return g.any(depth-1) + pick(g.gen, " == ", " != ") + g.any(depth-1)
	case 5:
		return g.any(depth-1) + " is " + pick(g.gen, "", "not ") + pick(g.gen, "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true", "false", "odd", "even", "divisibleby 3", "eq 1", "in [1, 'a']", "lower", "upper", "escaped", "filter", "test", "sameas true")
	}
	return "(not " + g.truth(depth-1) + ")"
}

func (g *templates) list(depth int) string {
	if depth <= 0 {
		return pick(g.gen, "[]", "[1, 2, 3]", "['b', 'A', 'c']", "('x', 1)", "ds.meta_data.tags", "public_ssh_keys", "range(3)", "range(5, 0, -2)", "[3, 1.5, 2, true]", "[[1, 'x'], [2, 'y']]", "()", "[none, nope, '']", "ds.meta_data.nested.list", "sys_info.dist", "'abc'")
	}
	switch g.IntN(10) {
	case 0:
		return "[" + g.any(depth-1) + ", " + g.any(depth-1) + "]"
	case 1:
		return "[" + g.number(depth-1) + ", " + g.number(depth-1) + ", " + g.number(depth-1) + "]"
	case 2:
		return "[" + g.text(depth-1) + ", " + g.text(depth-1) + "]"
	case 3:
		return "(" + g.list(depth-1) + " | list + " + g.list(depth-1) + " | list)"
	case 4:
		return "(" + g.list(depth-1) + ")[" + g.slice() + "]"
	case 5:
		return "ds.meta_data.nested.list | " + pick(g.gen, "map(attribute='name') | list", "selectattr('port', 'gt', 100) | list", "sort(attribute='port', reverse=true)", "rejectattr('name') | list", "groupby('port')", "sum(attribute='port')", "map(attribute='nope', default='d') | list", "max(attribute='port')", "unique(attribute='name') | list", "join(', ', attribute='port')", "sort(attribute='name,port')")
	case 6:
		return g.dict(depth-1) + pick(g.gen, ".keys() | list", ".values() | list", ".items() | list", " | dictsort", " | dictsort(by='value')", " | dictsort(reverse=true)", " | items | list", " | list")
	}
	return g.list(depth-1) + " | " + pick(g.gen, "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "reverse | list", "unique | list", "list", "map('string') | list", "map('upper') | list", "select('string') | list", "reject('number') | list", "select | list", "batch(2) | list", "batch(2, 'x') | list", "slice(2) | list", "slice(2, 0) | list", "join(',')", "join", "first", "last", "map('int') | sum", "tojson", "select('in', [1, 'A']) | list", "map('default', 'z') | list", "reject('odd') | list", "map('replace', 'a', 'x') | list", "sort | join('/')", "groupby(0)", "list | string", "min", "max")
}

func (g *templates) dict(depth int) string {
	if depth <= 0 {
		return pick(g.gen, "{}", "{'a': 1, 'b': 2}", "{'z': 'x', 'a': 'Y'}", "ds.meta_data.nested", "v1", "{1: 'x', 'b': none}", "dict(a=1, b='c')", "{'a': {'b': [1, 2]}}")
	}
	return pick(g.gen, "{"+g.quoted()+": "+g.any(depth-1)+", 'k': "+g.any(depth-1)+"}", "dict("+g.dict(depth-1)+", c="+g.any(depth-1)+")", "dict([[1, 'x'], ('y', "+g.any(depth-1)+")])", g.dict(0), g.dict(0))
}
