package yaml

import (
	"bytes"
	"fmt"
	"strings"
)

// quoted steps over a text in quotes.
func (l *lexer) quoted(quote byte) {
	l.startValue(l.at)
	start, line := l.at, l.lineStart
	l.at++
	defer func() { l.lineBegun = true }()
	for {
		if l.at >= len(l.data) {
			l.note(start, "the quote that opens here is never closed")
			l.at = len(l.data)
			return
		}
		c := l.data[l.at]
		switch {
		case isBreak(c):
			l.newline()
			continue
		case c == '\\' && quote == '"' && !isBreak(l.peek(1)):
			l.escape()
			l.at++
		case c == quote && quote == '\'' && l.peek(1) == quote:
			l.at++
		case c == quote:
			l.at++
			if quote == '"' {
				l.spans = append(l.spans, span{spanDouble, start, min(l.at, len(l.data))})
			}
			l.afterQuoted(start, line)
			return
		}
		l.at++
	}
}

// escape looks at what follows a backslash in double quotes.
func (l *lexer) escape() {
	switch c := l.peek(1); {
	case c == '\'':
		l.quoteEscapes = append(l.quoteEscapes, l.at)
	case bytes.IndexByte([]byte("0abt\tnvfre \"\\/N_LPxuU"), c) < 0:
		l.note(l.at, `there is no such escape: in double quotes a backslash is written "\\", or use single quotes`)
	case c == 'x' && !l.hexadecimal(2), c == 'u' && !l.hexadecimal(4), c == 'U' && !l.hexadecimal(8):
		l.note(l.at, `a backslash with x, u or U needs 2, 4 or 8 hexadecimal digits: write "\\" for a backslash`)
	case c == 'u' && bytes.IndexByte([]byte("dD"), l.peek(2)) >= 0 && l.peek(3) >= '8' && surrogatePair(l.data[l.at:]) == nil && !l.secondHalf():
		l.note(l.at, "this escape is one half of a character only")
	}
}

// secondHalf tells that the escape here ends a pair.
func (l *lexer) secondHalf() bool { return l.at >= 6 && surrogatePair(l.data[l.at-6:]) != nil }

func (l *lexer) hexadecimal(n int) bool {
	for i := range n {
		if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), l.peek(2+i)) < 0 {
			return false
		}
	}
	return true
}

// afterQuoted finds what is wrong when a text of several lines ends and more text
// follows: likely its quote should have been closed lines before.
func (l *lexer) afterQuoted(start, line int) {
	l.scalarDone = true
	if line == l.lineStart {
		return
	}
	if len(l.brackets) == 0 {
		l.dropKey() // a key does not go over lines
	}
	rest := bytes.TrimLeft(l.data[l.at:], " \t")
	if len(rest) > 0 && !isBreak(rest[0]) && rest[0] != '#' && !(len(l.brackets) > 0 && (isFlow(rest[0]) || rest[0] == ':')) {
		l.noteWith(start, "the quote that opens here is closed in line %d, where more text follows: is a closing quote missing?", l.at)
	}
}

// block steps over a text of the block style, | or >.
func (l *lexer) block() {
	l.startValue(l.at)
	explicit := 0
	for l.at++; l.at < len(l.data) && !isSpaceOrEnd(l.data[l.at]); l.at++ {
		if c := l.data[l.at]; c >= '1' && c <= '9' {
			explicit = int(c - '0')
		}
	}
	header := l.at
	l.skipLine()
	if i := bytes.IndexByte(l.data[header:l.at], '\t'); i >= 0 && !bytes.Contains(l.data[header:header+i], []byte("#")) {
		l.tab(header + i)
	}
	l.keyAt, l.keyAllowed = -1, true
	if l.at >= len(l.data) {
		return
	}
	l.newline()
	least := max(l.indent()+1, 1)
	if explicit > 0 {
		l.blockLines(least + explicit - 1)
		return
	}
	l.blockLines(l.detectIndent(least))
}

// detectIndent is the indentation of a block text by its first line that is not blank.
func (l *lexer) detectIndent(least int) int {
	deepest := least
	for at := l.at; at < len(l.data); {
		end := at
		for end < len(l.data) && l.data[end] == ' ' {
			end++
		}
		deepest = max(deepest, end-at)
		if end >= len(l.data) || !isBreak(l.data[end]) {
			return deepest
		}
		if l.data[end] == '\r' && end+1 < len(l.data) && l.data[end+1] == '\n' {
			end++
		}
		at = end + 1
	}
	return deepest
}

// blockLines steps over the lines that are indented so, and blank ones.
func (l *lexer) blockLines(indent int) {
	for l.at < len(l.data) {
		spaces := 0
		for spaces < indent && l.peek(spaces) == ' ' {
			spaces++
		}
		if spaces < indent && l.at+spaces < len(l.data) && !isBreak(l.peek(spaces)) {
			return
		}
		l.at += spaces
		l.skipLine()
		if l.at < len(l.data) {
			l.newline()
		}
	}
}

// plain steps over a text without quotes, which may go over lines.
func (l *lexer) plain() {
	l.startValue(l.at)
	start, first := l.at, l.lineStart
	if c := l.peek(0); c == '@' || c == '`' || c == '%' {
		l.note(l.at, fmt.Sprintf("a string cannot begin with %q: put it in quotes", c))
	}
	least := l.indent() + 1
	l.at++ // whatever it is, it begins this text
	for {
		l.plainLine()
		if l.at >= len(l.data) || !isBreak(l.data[l.at]) {
			break
		}
		next, line := l.afterBlankLines(l.at)
		if next >= len(l.data) || l.data[next] == '#' || len(l.brackets) == 0 && next-line < least {
			break
		}
		if save := l.at; next == line {
			l.at = next
			isMarker := l.marker()
			if l.at = save; isMarker {
				break
			}
		}
		l.indentTabs(line, next)
		l.at, l.lineStart = next, line
	}
	l.scalarDone = false
	if l.lineStart == first || len(l.brackets) > 0 {
		return
	}
	l.dropKey() // a key does not go over lines
	if l.peek(0) == ':' {
		if key, ok := KeyWithoutBlank(string(l.data[start:])); ok {
			l.note(start, fmt.Sprintf("a space is missing behind %q", key))
			return
		}
		l.noteWith(l.firstOfLine(), "this key is indented as if it belonged to the value in line %d: indent it as its neighbours are", first)
	}
}

// KeyWithoutBlank is the key at the beginning of a line such as "hostname:web1", which
// YAML has for a text. Addresses, times and the like are no keys.
func KeyWithoutBlank(text string) (key string, ok bool) {
	line, _, _ := strings.Cut(text, "\n")
	name, value, found := strings.Cut(line, ":")
	isKey := found && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_-") == "" && name != "" && !strings.HasPrefix(value, "//")
	return name + ":", isKey && value != "" && value[0] != ' '
}

// indentTabs notes a tab in the indentation of a line that continues a text.
func (l *lexer) indentTabs(line, end int) {
	if i := bytes.IndexByte(l.data[line:end], '\t'); i >= 0 {
		l.lineStart = line
		l.tab(line + i)
	}
}

func (l *lexer) firstOfLine() int {
	at := l.lineStart
	for at < len(l.data) && (l.data[at] == ' ' || l.data[at] == '\t') {
		at++
	}
	return at
}

// plainLine steps to the end of the text in this line.
func (l *lexer) plainLine() {
	for ; l.at < len(l.data); l.at++ {
		c := l.data[l.at]
		switch {
		case isBreak(c):
			return
		case c == '\t':
			l.tab(l.at)
		case c == ':' && (isSpaceOrEnd(l.peek(1)) || len(l.brackets) > 0 && isFlow(l.peek(1))):
			return
		case c == '#' && isSpaceOrEnd(l.data[l.at-1]):
			return
		case len(l.brackets) > 0 && isFlow(c):
			return
		case len(l.brackets) > 0 && c == '?':
			l.note(l.at, `"?" in a string in brackets: put the string in quotes`)
		}
	}
}

// afterBlankLines is the first character after a line's end that is no blank, and the
// start of its line.
func (l *lexer) afterBlankLines(at int) (next, line int) {
	line = at
	for at < len(l.data) && isSpaceOrEnd(l.data[at]) && l.data[at] != 0 {
		if isBreak(l.data[at]) {
			line = at + 1
		}
		at++
	}
	return at, line
}
