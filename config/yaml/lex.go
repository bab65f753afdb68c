package yaml

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The lexer walks over a document before the library does. It knows where quoted
// texts, block texts and comments are, and so it can tell what the library cannot:
// where a tab is structure, which escapes JSON's writers use, and what is likely to be
// wrong with a document that the library refuses. It follows the indentation rules of
// YAML 1.1 as PyYAML's scanner does; it judges nothing by itself.

// spanKind is what a stretch of a document is.
type spanKind int

const (
	spanDouble spanKind = iota // in double quotes
	spanDirective
)

// span is a stretch of a document, with its quotes.
type span struct {
	kind       spanKind
	start, end int
}

// finding is something that PyYAML would refuse, in words for a person. A %d in the
// message is the line of the other place.
type finding struct {
	offset  int
	message string
	other   int
}

// maxFindings is how many are kept: the first is likely the cause of the others.
const maxFindings = 10

// level is a list or map of the block style that is open.
type level struct {
	column int
	list   bool
}

// bracket is a list or map in brackets that is open.
type bracket struct {
	offset int
	char   byte
	colon  bool // since the last comma there was a colon
	value  bool // and something else
}

type lexer struct {
	source       source
	data         []byte
	at           int
	lineStart    int
	spans        []span
	tabs         []int // offsets of tabs that are structure, one per line
	quoteEscapes []int // offsets of \' in double quotes
	tokens       int
	levels       []level
	brackets     []bracket
	wrong        []finding
	script       int // offset of a line "#!…" behind the first, 0 when there is none
	deep         int // offset of where too much is nested, -1 when nothing is

	lineBegun  bool // something stands in this line already
	keyAllowed bool // a key can begin here
	keyAt      int  // offset of what may turn out to be a key, or -1
	keyColumn  int
	keyDue     bool // and if it is none, it is a value that is due
	valueDue   bool // the value of a key or item is still to come
	anchors    map[string]bool
	scalarDone bool // a quoted text or brackets have ended, and nothing came behind
}

func lex(data []byte) *lexer {
	l := &lexer{data: data, keyAllowed: true, keyAt: -1, valueDue: true, deep: -1}
	for l.at < len(data) && l.deep < 0 {
		l.token()
		if len(l.levels)+len(l.brackets) > maxDepth {
			l.deep = l.at
		}
	}
	l.endLine()
	if len(l.brackets) > 0 {
		open := l.brackets[len(l.brackets)-1]
		l.note(open.offset, fmt.Sprintf("the %q that opens here is never closed", open.char))
	}
	return l
}

func (l *lexer) note(offset int, message string) { l.noteWith(offset, message, -1) }

func (l *lexer) noteWith(offset int, message string, other int) {
	if len(l.wrong) < maxFindings {
		l.wrong = append(l.wrong, finding{offset, message, other})
	}
}

// column is the number of characters before an offset of the current line.
func (l *lexer) column(offset int) int {
	return utf8.RuneCount(l.data[min(l.lineStart, offset):offset])
}

func (l *lexer) indent() int {
	if len(l.levels) == 0 {
		return -1
	}
	return l.levels[len(l.levels)-1].column
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.data) {
		return l.data[l.at+n]
	}
	return 0
}

func isBreak(c byte) bool      { return c == '\n' || c == '\r' }
func isSpaceOrEnd(c byte) bool { return c == ' ' || c == '\t' || c == 0 || isBreak(c) }
func isFlow(c byte) bool       { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}' }

// newline steps over the end of a line; of \r\n, over the first byte, as if an empty line followed.
func (l *lexer) newline() {
	l.at++
	l.lineStart, l.lineBegun = l.at, false
}

// token steps over the next piece of the document.
func (l *lexer) token() {
	c := l.peek(0)
	switch {
	case c == ' ':
		l.at++
	case c == '\t':
		l.tab(l.at)
		l.at++
	case isBreak(c):
		l.endLine()
		l.newline()
	case c == '#' && (l.at == l.lineStart || isSpaceOrEnd(l.data[l.at-1])):
		l.comment()
	case l.at == l.lineStart && l.marker():
		l.at += 3
		l.levels, l.brackets, l.keyAllowed, l.keyAt, l.valueDue, l.scalarDone = nil, nil, true, -1, true, false
	case l.at == l.lineStart && c == '%' && len(l.levels) == 0 && len(l.brackets) == 0:
		start := l.at
		l.skipLine()
		l.spans = append(l.spans, span{spanDirective, start, l.at})
	default:
		l.content(c)
	}
}

// tab notes a tab outside of quotes and comments; one a line is enough.
func (l *lexer) tab(offset int) {
	if n := len(l.tabs); n == 0 || l.tabs[n-1] < l.lineStart {
		l.tabs = append(l.tabs, offset)
	}
}

// marker tells the lines "---" and "...".
func (l *lexer) marker() bool {
	return (bytes.HasPrefix(l.data[l.at:], []byte("---")) || bytes.HasPrefix(l.data[l.at:], []byte("..."))) && isSpaceOrEnd(l.peek(3))
}

func (l *lexer) comment() {
	if bytes.HasPrefix(l.data[l.at:], []byte("#!")) && l.at == l.lineStart && l.script == 0 {
		l.script = l.at
	}
	l.skipLine()
}

func (l *lexer) skipLine() {
	for l.at < len(l.data) && !isBreak(l.data[l.at]) {
		l.at++
	}
}

// endLine settles what the end of a line settles: a key must have had its colon.
func (l *lexer) endLine() {
	if len(l.brackets) == 0 {
		l.dropKey()
		l.keyAllowed = true
	}
	l.scalarDone = false
}

// dropKey gives up what might have been a key. At the indentation of keys it had to be
// one.
func (l *lexer) dropKey() {
	n := len(l.levels)
	switch {
	case l.keyAt < 0 || n == 0:
	case l.keyColumn > l.indent() && !l.keyDue:
		l.note(l.keyAt, "this line is indented deeper than the one above, which has a value already")
	case !l.levels[n-1].list && l.keyColumn == l.indent():
		if l.script > 0 {
			l.note(l.script, `a script follows the YAML, and its lines are no mapping: put its commands below "runcmd:"`)
		} else {
			l.note(l.keyAt, `this is no key with a value: expected a ": " in this line, or more indentation`)
		}
	}
	l.keyAt = -1
}

// content is a piece that is neither blank nor comment.
func (l *lexer) content(c byte) {
	l.tokens++
	if len(l.brackets) == 0 && !l.lineBegun {
		l.unwind()
	}
	l.lineBegun = true
	next := l.peek(1)
	switch {
	case c == '-' && isSpaceOrEnd(next) && len(l.brackets) == 0:
		l.dash()
	case c == '?' && isSpaceOrEnd(next) && len(l.brackets) == 0:
		l.open(l.column(l.at), false)
		l.keyAllowed, l.keyAt, l.valueDue, l.scalarDone = true, -1, true, false
		l.at++
	case c == '?' && len(l.brackets) > 0: // the mark of a key, whatever follows
		l.startValue(l.at)
		l.scalarDone = false
		l.at++
	case c == ':' && (isSpaceOrEnd(next) || len(l.brackets) > 0):
		l.colon()
	case c == '[' || c == '{':
		l.startValue(l.at)
		l.brackets = append(l.brackets, bracket{offset: l.at, char: c})
		l.scalarDone = false
		l.at++
	case (c == ']' || c == '}') && len(l.brackets) > 0:
		l.close(c)
	case c == ',' && len(l.brackets) > 0:
		l.comma()
	case c == '"' || c == '\'':
		l.quoted(c)
	case (c == '|' || c == '>') && len(l.brackets) == 0:
		l.block()
	case c == '&' || c == '*' || c == '!':
		l.property(c)
	default:
		l.plain()
	}
}

// unwind closes the levels that a piece at the beginning of a line is outside of.
func (l *lexer) unwind() {
	column := l.column(l.at)
	closed := -1
	for len(l.levels) > 0 && l.indent() > column {
		closed = l.indent()
		l.levels = l.levels[:len(l.levels)-1]
	}
	if closed >= 0 && l.indent() < column {
		expected := fmt.Sprint(closed)
		if l.indent() >= 0 {
			expected = fmt.Sprintf("%d or %d", l.indent(), closed)
		}
		l.note(l.at, fmt.Sprintf("this line is indented by %d, and the lines above it by %s: it belongs to none of them", column, expected))
	}
	isItem := l.peek(0) == '-' && isSpaceOrEnd(l.peek(1))
	if n := len(l.levels); n > 0 && l.levels[n-1].list && l.indent() == column && !isItem {
		l.note(l.at, `a list's items stand at this indentation, and this line is none: begin it with "- ", or indent it less`)
	}
}

func (l *lexer) open(column int, list bool) {
	if l.indent() < column {
		l.levels = append(l.levels, level{column, list})
	}
}

func (l *lexer) dash() {
	column := l.column(l.at)
	switch n := len(l.levels); {
	case !l.keyAllowed:
		l.note(l.at, `a list cannot begin in the line of its key: put "- " on the next line`)
	case n > 0 && l.indent() == column && !l.levels[n-1].list && !l.valueDue && !l.inIndentless():
		l.note(l.at, `a list item where a key is expected: check the indentation`)
	}
	l.open(column, true)
	l.keyAllowed, l.keyAt, l.valueDue, l.scalarDone = true, -1, true, false
	l.at++
}

// inIndentless tells whether a list at the indentation of its key is open: then the
// line that came before at this indentation began with "- ", or its key had no value.
func (l *lexer) inIndentless() bool {
	column := l.indent()
	for end := l.lineStart; end > 0; {
		line, start := lineBefore(l.data, end)
		end = start
		text := bytes.TrimLeft(line, " ")
		indent := len(line) - len(text)
		if len(bytes.TrimSpace(text)) == 0 || text[0] == '#' || indent > column {
			continue
		}
		text = bytes.TrimRight(text, " \r\n")
		return indent == column && (bytes.HasPrefix(text, []byte("- ")) || string(text) == "-")
	}
	return false
}

func lineBefore(data []byte, end int) (line []byte, start int) {
	start = bytes.LastIndexByte(data[:end-1], '\n') + 1
	return data[start:end], start
}

// property steps over an anchor, an alias or a tag.
func (l *lexer) property(c byte) {
	start, due := l.at, l.valueDue
	l.startValue(l.at)
	for l.at < len(l.data) && !isSpaceOrEnd(l.data[l.at]) && (len(l.brackets) == 0 || !isFlow(l.data[l.at])) {
		l.at++
	}
	name := string(l.data[start+1 : l.at])
	switch c {
	case '&':
		if l.anchors == nil {
			l.anchors = map[string]bool{}
		}
		l.anchors[name] = true
	case '*':
		l.scalarDone = true
		if name = strings.TrimSuffix(name, ":"); !l.anchors[name] {
			l.note(start, `"*" at the start of a value means what "&" with the same name marks, and there is none: put the value in quotes if it is a string`)
		}
		return
	}
	l.valueDue = due // what an anchor or tag belongs to is still to come
}

func (l *lexer) comma() {
	open := &l.brackets[len(l.brackets)-1]
	if !open.value {
		l.note(l.at, "nothing stands before this comma")
	}
	open.value, open.colon, l.scalarDone = false, false, false
	l.at++
}

func (l *lexer) colon() {
	if n := len(l.brackets); n > 0 {
		if l.brackets[n-1].colon {
			l.note(l.at, `": " stands inside of a value: put the whole value in quotes`)
		}
		l.brackets[n-1].colon, l.brackets[n-1].value, l.scalarDone = true, true, false
		l.at++
		return
	}
	switch {
	case l.keyAt >= 0:
		l.open(l.keyColumn, false)
	case !l.keyAllowed:
		l.note(l.at, `": " stands inside of a value: put the whole value in quotes`)
	}
	l.keyAt, l.keyAllowed, l.valueDue, l.scalarDone = -1, false, true, false
	l.at++
}

// startValue notes that a scalar, an alias or a bracket begins.
func (l *lexer) startValue(offset int) {
	if l.scalarDone && len(l.wrong) == 0 {
		if l.data[offset] == ':' {
			l.note(offset, `after a key's ":" there must be a space`)
		} else {
			l.note(offset, "text follows a closing quote or bracket: put the whole value in quotes")
		}
	}
	if l.keyAllowed && len(l.brackets) == 0 && l.keyAt < 0 {
		l.keyAt, l.keyColumn, l.keyDue = offset, l.column(offset), l.valueDue
	}
	if n := len(l.brackets); n > 0 {
		l.brackets[n-1].value = true
	} else {
		l.keyAllowed = false
	}
	l.valueDue = false
}

func (l *lexer) close(c byte) {
	open := l.brackets[len(l.brackets)-1]
	if (open.char == '[') != (c == ']') {
		l.noteWith(l.at, fmt.Sprintf("here is %q, and the %q of line %%d is still open", c, open.char), open.offset)
	}
	l.brackets = l.brackets[:len(l.brackets)-1]
	l.scalarDone = true
	l.at++
}
