package random

import (
	"fmt"
	"strconv"
	"strings"
)

// The keys of a document tell what their values are, so that parts of user data that are
// merged agree in that: what becomes of a text that is to be added to a list is compared
// by inputs of our own.
var keysOf = map[string][]string{
	"text": {"t1", "t2", "text three", "tü"},
	"any":  {"s1", "s2", "s-3", "s.4", "5s"},
	"list": {"l1", "l2"},
	"maps": {"ml1", "ml2"},
	"map":  {"m1", "m2", "m-3"},
}

// scalars are all that PyYAML's rules make something of, or nearly.
var scalars = []string{
	"yes", "No", "on", "OFF", "true", "False", "TRUE", "y", "n", "~", "null", "Null", "NULL", "nil", "",
	"0", "1", "-1", "+1", "-0", "1_000", "0b101", "0o17", "017", "08", "0x1F", "0xfg", "1e3", "1234e5", "1.0e+3", "1.5", "-.5", ".5", "5.", "1_0.5", "+.inf", "-.INF", ".nan", ".NaN",
	"12:30", "12:30:45", "1:60", "190:20:30.15", "-1:30", "2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "2001-12-14 21:59:43.123456789 Z",
	"12345678901234567890123", "1.7976931348623157e+309", "0.1", "1e-7", "123456789.123", "1.2.3", "v1.0", "10.0.0.1", "10.0.0.0/8", "a:b", "http://h/x#y", "a#b", "-x", "?x", ":x", "x-", "=", "<<x", "1,000", "0755", "'", "a b  c",
	"!!str 5", "!!int '5'", "!!float 1", "!!bool yes", "!!null ''", "!!str", "!!binary aGVsbG8=", "! 5",
}

// inFlow are those that mean the same in brackets.
func inFlow(scalar string) bool {
	return scalar != "" && !strings.ContainsAny(scalar, ",?'#") && !strings.HasPrefix(scalar, ":") && scalar != "!!str" && scalar != "a:b" && !strings.HasPrefix(scalar, "http")
}

var texts = []string{
	"", "word", "two words", "a: b", "# no comment", "x # none", "- item", "yes", "5", "12:30", " before", "behind ", "it's", `say "hi"`, "a\tb", "one\ntwo", "one\ntwo\n", "one\n\ntwo\n\n", "\none", "grüße ☃", "😀 smile", `back\slash`, "{x}", "[y]", "*star", "&and", "!bang", "%percent", "@at", "`tick`", "? q", "key: [", "0x1F", "  two\n three\n", "null", "~", "é\u00a0x", "a\u0085b", "line\u2028end", "\x7f", "\x01", "$HOME", "a\\nb", "'", `"`, "#!/bin/sh\necho\n", "end\n\n\n",
}

// document is a cloud-config without its header.
func (m maker) document() string {
	var b strings.Builder
	if m.one(8) {
		b.WriteString("# a comment\n")
	}
	if d := m.apart(); d.one(30) {
		b.WriteString(pick(d.gen, "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG !e! tag:example.org,2000:\n---\n"))
	}
	if a := m.apart(); a.one(10) {
		b.WriteString(a.anchors())
	}
	b.WriteString(m.fields(m.apart(), 0, 0))
	text := b.String()
	if m.one(12) {
		text += pick(m.gen, "...\n", "# the end", "\n\n", "...\n# behind\n")
	}
	if m.one(30) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// anchors are keys whose values are used again.
func (m maker) anchors() string {
	if m.meant(4, "what has an anchor is written with it into `cloud-config.txt`") {
		return "al1: &l [1, {a: b}]\nal2: *l\nam1: {a: *l}\n"
	}
	scalar := func() string {
		for {
			if s := m.flowScalar(); !strings.HasPrefix(s, "2001-") { // dates are written with their anchors too
				return s
			}
		}
	}
	text := "at1: &text " + scalar() + "\nat2: *text\n"
	first := "am1: &map {s1: " + scalar() + ", t1: *text}\n"
	second := "am2: &more\n  s1: " + scalar() + "\n  s2: &two " + m.quoted(pick(m.gen, texts...)) + "\n  s3: *two\n"
	third := pick(m.gen,
		"am3: {<<: *map, s2: 5}\n", "am3:\n  s1: own\n  <<: *map\n", "am3:\n  <<: *map\n  <<: *more\n  t1: own\n", "am3:\n  <<: [*map, *more]\n", "am3: {<<: {t1: own}, s1: *two}\n")
	return text + first + second + third
}

// faults make a document that nothing can read.
var faults = []string{
	"z: [1, 2\n", "z: {a: 1\n", "z: \"x\n", "z: 'x\n", "z: [1}\n", "z: *none\n", "z: !none x\n", "z: @x\n", "z: `x`\n", "z: %x\n", "z: x: y\n", "\tz: 1\n", "z\n", "z: 1\n  y: 2\n", "- z\n", "z: &\n", "z: |x\n  a\n", "z: [a, b]c\n", "z: \"a\" b\n", "z: 1\n---\ny: 2\n", "z: ,\n", "z: ]\n", "? [a]\n: 1\n", "z: !!int x\n", "z: !!python/object:os.system {}\n", "z: \"\\q\"\n", "z: - 1\n",
}

// fields are keys with values, at an indentation.
func (m maker) fields(g maker, indent, depth int) string {
	var b strings.Builder
	seen := map[string]bool{}
	for range 1 + g.IntN(4) {
		f := g.apart()
		kind := pick(f.gen, "text", "any", "any", "list", "maps", "map")
		key := pick(f.gen, keysOf[kind]...)
		if seen[key] {
			continue
		}
		seen[key] = !f.one(20) // else it may stand there twice
		written := key
		switch {
		case f.one(8):
			written = `"` + key + `"`
		case f.one(8):
			written = "'" + key + "'"
		case f.one(30):
			written = "? " + key + "\n" + strings.Repeat(" ", indent)
		}
		if f.one(10) {
			b.WriteString(strings.Repeat(" ", f.IntN(6)) + "# of " + key + "\n")
		}
		b.WriteString(strings.Repeat(" ", indent) + written + ":" + f.value(kind, indent, depth))
		if f.one(12) {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// value is what stands behind a key's colon, with its line's end.
func (m maker) value(kind string, indent, depth int) string {
	switch {
	case kind == "text":
		return m.blockText(indent)
	case kind == "any" && m.one(3):
		return m.blockText(indent)
	case kind == "any":
		return " " + pick(m.gen, scalars...) + pick(m.gen, "", "", "", " # said so", "  ") + "\n"
	case depth > 2 || m.one(4):
		return " " + m.flow(kind, depth) + pick(m.gen, "", "", " # in brackets") + "\n"
	case kind == "map":
		inner := indent + pick(m.gen, 1, 2, 2, 4)
		return "\n" + m.fields(m.apart(), inner, depth+1)
	}
	return m.list(kind, indent, depth)
}

// list is one of the block style: of scalars, or of maps.
func (m maker) list(kind string, indent, depth int) string {
	var b strings.Builder
	b.WriteString("\n")
	at := indent + pick(m.gen, 0, 0, 2, 3)
	for range 1 + m.IntN(3) {
		item := m.apart()
		dash := strings.Repeat(" ", at) + "-"
		switch {
		case kind == "maps" && item.one(3):
			b.WriteString(dash + "\n" + item.fields(item.apart(), at+2, depth+1))
		case kind == "maps":
			gap := pick(item.gen, 1, 1, 3)
			fields := item.fields(item.apart(), at+1+gap, depth+1)
			if strings.HasPrefix(strings.TrimLeft(fields, " "), "#") {
				b.WriteString(dash + "\n" + fields)
			} else {
				b.WriteString(dash + strings.Repeat(" ", gap) + strings.TrimLeft(fields, " "))
			}
		case item.one(3):
			b.WriteString(dash + item.blockText(at))
		default:
			b.WriteString(dash + " " + pick(item.gen, scalars...) + "\n")
		}
	}
	return b.String()
}

// flow is a list or map in brackets.
func (m maker) flow(kind string, depth int) string {
	var items []string
	for i := range m.IntN(4) {
		item := m.apart()
		switch {
		case kind == "map":
			kind := pick(item.gen, "text", "any")
			items = append(items, fmt.Sprintf("%s: %s", keysOf[kind][i], item.flowScalar()))
		case kind == "maps":
			items = append(items, item.flow("map", depth+1))
		default:
			items = append(items, item.flowScalar())
		}
	}
	open, end := "[", "]"
	if kind == "map" {
		open, end = "{", "}"
	}
	return open + strings.Join(items, pick(m.gen, ", ", ",  ", " , ")) + pick(m.gen, "", " ") + end
}

func (m maker) flowScalar() string {
	if scalar := pick(m.gen, scalars...); inFlow(scalar) && m.one(2) {
		return scalar
	}
	return m.quoted(pick(m.gen, texts...))
}

// quoted is a text in quotes, in one line.
func (m maker) quoted(text string) string {
	if m.one(2) && !strings.ContainsAny(text, "\n\t\x01\x7f\u0085\u2028") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		short := map[rune]string{'\n': `\n`, '\t': `\t`, '"': `\"`, '\\': `\\`, 0x85: `\N`, 0xa0: `\_`, 0x2028: `\L`}
		switch {
		case short[c] != "":
			b.WriteString(short[c])
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c > 0xffff && m.one(2):
			fmt.Fprintf(&b, `\U%08x`, c)
		case c > 0x7e && c <= 0xffff && m.one(2):
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// blockText is a text in any of the ways to write it in block style, with what stands
// before it and the line's end.
func (m maker) blockText(indent int) string {
	text := pick(m.gen, texts...)
	inner := strings.Repeat(" ", indent+pick(m.gen, 1, 2, 4))
	switch {
	case m.one(6): // folded, of words
		return " " + pick(m.gen, ">", ">-", ">+") + "\n" + inner + "some words\n" + inner + "and more\n" + pick(m.gen, "", "\n"+inner+"a paragraph\n", inner+"  deeper\n")
	case m.one(8): // quotes over lines
		return " " + pick(m.gen, `"some words`+"\n"+inner+`and \`+"\n"+inner+"  more\n\n"+inner+`a paragraph"`, "'some words\n"+inner+"and more\n\n"+inner+"it''s one'", "plain words\n"+inner+"and more\n\n"+inner+"of them") + "\n"
	case !m.one(2) || strings.ContainsAny(text, "\t\x01\x7f\u0085\u2028") || strings.Trim(text, "\n") == "":
		return " " + m.quoted(text) + "\n"
	}
	indicator, extra := "", len(inner)-indent
	if text[0] == ' ' || text[0] == '\n' {
		indicator = strconv.Itoa(extra)
	}
	body := strings.TrimRight(text, "\n")
	chomp := map[int]string{0: "-", 1: ""}
	ends := len(text) - len(body)
	keep, known := chomp[ends]
	if !known {
		keep = "+"
	}
	var b strings.Builder
	b.WriteString(" |" + pick(m.gen, indicator+keep, keep+indicator) + "\n")
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			line = inner + line
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(strings.Repeat("\n", max(ends-1, 0)))
	return b.String()
}
