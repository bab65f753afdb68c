package template

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is. An operator's is the operator itself.
type kind string

const (
	kData          kind = "text"
	kVariableBegin kind = "{{"
	kVariableEnd   kind = "}}"
	kBlockBegin    kind = "{%"
	kBlockEnd      kind = "%}"
	kName          kind = "a name"
	kString        kind = "a string"
	kInteger       kind = "a number"
	kFloat         kind = "a number with a point"
	kEnd           kind = "the end of the template"
)

type token struct {
	kind  kind
	text  string // a name, an operator, or the text between tags
	value any    // of a literal
	at    pos
}

func (t token) String() string {
	switch t.kind {
	case kName:
		return fmt.Sprintf("%q", t.text)
	case kString, kData:
		return string(t.kind)
	case kInteger, kFloat:
		return t.text
	case kEnd:
		return string(t.kind)
	}
	return fmt.Sprintf("%q", string(t.kind))
}

// lexer cuts a template into tokens by the rules of Jinja2 with trim_blocks, which is
// what cloud-init sets: a newline right after a block's end is dropped, and "-" inside
// of a tag's edge drops the white space outside.
type lexer struct {
	*budget
	source string
	at     int
	seen   pos // the place of the byte at seenAt
	seenAt int
	tokens []token
	open   []byte // brackets to be closed in this tag
}

func lex(b *budget, source string) []token {
	l := &lexer{budget: b, source: source, seen: pos{1, 1}}
	for l.at < len(source) {
		l.outside()
	}
	l.budget.at = l.position(len(source))
	l.add(token{kind: kEnd}, len(source))
	return l.tokens
}

// position counts on from the place that was asked for last, so that all of them
// together cost one pass.
func (l *lexer) position(at int) pos {
	if at < l.seenAt {
		l.seen, l.seenAt = pos{1, 1}, 0
	}
	between := l.source[l.seenAt:at]
	if newline := strings.LastIndexByte(between, '\n'); newline >= 0 {
		l.seen.line += strings.Count(between, "\n")
		l.seen.column, between = 1, between[newline+1:]
	}
	l.seen.column += utf8.RuneCountInString(between)
	l.seenAt = at
	return l.seen
}

func (l *lexer) failAt(at int, format string, args ...any) {
	l.budget.at = l.position(at)
	l.fail(format, args...)
}

func (l *lexer) add(t token, at int) {
	if len(l.tokens) >= maxTokens {
		l.failAt(at, "the template has more than %d names, operators and the like", maxTokens)
	}
	t.at = l.position(at)
	l.tokens = append(l.tokens, t)
}

// outside reads the text before the next tag, and that tag.
func (l *lexer) outside() {
	start := l.at
	tag := -1
	for i := start; i+1 < len(l.source); i++ {
		if l.source[i] == '{' && strings.IndexByte("{%#", l.source[i+1]) >= 0 {
			tag = i
			break
		}
	}
	if tag < 0 {
		l.data(start, len(l.source))
		l.at = len(l.source)
		return
	}
	l.at = tag + 2
	text := tag
	if sign := l.sign(); sign == '-' {
		text = start + len(strings.TrimRightFunc(l.source[start:tag], unicode.IsSpace))
	}
	l.data(start, text)
	switch l.source[tag+1] {
	case '#':
		l.comment(tag)
	case '{':
		l.add(token{kind: kVariableBegin}, tag)
		l.inside(tag, kVariableEnd)
	default:
		if after, ok := l.raw(l.at, "raw"); ok {
			l.at = after
			l.verbatim(tag)
			return
		}
		l.add(token{kind: kBlockBegin}, tag)
		l.inside(tag, kBlockEnd)
	}
}

func (l *lexer) data(from, to int) {
	if from < to {
		l.add(token{kind: kData, text: l.source[from:to]}, from)
	}
}

// sign reads the "-" or "+" at the inside of a tag's edge.
func (l *lexer) sign() byte {
	if l.at < len(l.source) && (l.source[l.at] == '-' || l.source[l.at] == '+') {
		l.at++
		return l.source[l.at-1]
	}
	return 0
}

// blanks is where the white space from a place on ends.
func (l *lexer) blanks(at int) int {
	return len(l.source) - len(strings.TrimLeftFunc(l.source[at:], unicode.IsSpace))
}

// edge matches a tag's end with what goes with it, as in "-%}" and the white space after.
func (l *lexer) edge(at int, mark string, trims bool) (after int, ok bool) {
	rest := l.source[at:]
	switch {
	case strings.HasPrefix(rest, "-"+mark):
		return l.blanks(at + 1 + len(mark)), true
	case trims && strings.HasPrefix(rest, "+"+mark):
		return at + 1 + len(mark), true
	case strings.HasPrefix(rest, mark):
		after = at + len(mark)
		if trims && strings.HasPrefix(l.source[after:], "\n") {
			after++
		}
		return after, true
	}
	return at, false
}

func (l *lexer) comment(tag int) {
	length := strings.Index(l.source[l.at:], "#}")
	if length < 0 {
		l.failAt(tag, `the comment that begins here with "{#" has no end "#}"; in a shell script write "{{ '{#' }}" for that`)
	}
	end := l.at + length
	if length > 0 && strings.IndexByte("-+", l.source[end-1]) >= 0 {
		end--
	}
	l.at, _ = l.edge(end, "#}", true)
}

// raw matches the rest of "{% raw %}" or "{% endraw %}" after the percent and sign.
func (l *lexer) raw(at int, word string) (after int, ok bool) {
	at = l.blanks(at)
	if !strings.HasPrefix(l.source[at:], word) {
		return at, false
	}
	at = l.blanks(at + len(word))
	return l.edge(at, "%}", word == "endraw")
}

// verbatim reads what is between raw and endraw.
func (l *lexer) verbatim(tag int) {
	start := l.at
	for i := start; i+1 < len(l.source); i++ {
		if l.source[i] != '{' || l.source[i+1] != '%' {
			continue
		}
		l.at = i + 2
		text := i
		if l.sign() == '-' {
			text = start + len(strings.TrimRightFunc(l.source[start:i], unicode.IsSpace))
		}
		if after, ok := l.raw(l.at, "endraw"); ok {
			l.data(start, text)
			l.at = after
			return
		}
	}
	l.failAt(tag, `"raw" begins here and has no end "endraw"`)
}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(tag int, end kind) {
	l.open = l.open[:0]
	for {
		l.at = l.blanks(l.at)
		if l.at >= len(l.source) {
			l.failAt(tag, "%q begins here and has no end %q", l.source[tag:tag+2], string(end))
		}
		if len(l.open) == 0 {
			if after, ok := l.edge(l.at, string(end), end == kBlockEnd); ok {
				l.add(token{kind: end}, l.at)
				l.at = after
				return
			}
		}
		l.literal()
	}
}

// literal reads one token of a tag.
func (l *lexer) literal() {
	start := l.at
	switch c, size := utf8.DecodeRuneInString(l.source[start:]); {
	case c >= '0' && c <= '9':
		l.number()
	case c == '_' || unicode.IsLetter(c):
		for size > 0 && (c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.Is(unicode.Mn, c)) {
			l.at += size
			c, size = utf8.DecodeRuneInString(l.source[l.at:])
		}
		l.add(token{kind: kName, text: l.source[start:l.at]}, start)
	case c == '\'' || c == '"':
		l.quoted(byte(c))
	default:
		l.operator()
	}
}

// operators, those of two characters first.
var operators = []string{"**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

func (l *lexer) operator() {
	for _, o := range operators {
		if strings.HasPrefix(l.source[l.at:], o) {
			l.balance(o)
			l.add(token{kind: kind(o), text: o}, l.at)
			l.at += len(o)
			return
		}
	}
	c, _ := utf8.DecodeRuneInString(l.source[l.at:])
	l.failAt(l.at, "%q means nothing here", c)
}

// balance keeps count of brackets: while one is open, "}}" are two of them.
func (l *lexer) balance(o string) {
	switch o {
	case "(", "[", "{":
		l.open = append(l.open, map[string]byte{"(": ')', "[": ']', "{": '}'}[o])
	case ")", "]", "}":
		if len(l.open) == 0 {
			l.failAt(l.at, "%q closes nothing", o)
		}
		if expected := l.open[len(l.open)-1]; expected != o[0] {
			l.failAt(l.at, "expected %q here, found %q", string(expected), o)
		}
		l.open = l.open[:len(l.open)-1]
	}
}

// digits is where a run of digits with single underscores between them ends; at itself
// when there is none.
func (l *lexer) digits(at int, set string) int {
	end := at
	for i := at; i < len(l.source); i++ {
		switch c := l.source[i]; {
		case strings.IndexByte(set, c) >= 0:
			end = i + 1
		case c != '_' || i != end || end == at:
			return end
		}
	}
	return end
}

const decimal = "0123456789"

func (l *lexer) number() {
	start := l.at
	if start == 0 || l.source[start-1] != '.' {
		if end, ok := l.float(start); ok {
			text := strings.ReplaceAll(l.source[start:end], "_", "")
			value, err := strconv.ParseFloat(text, 64)
			if err != nil && value == 0 {
				l.failAt(start, "%s is no number", text)
			}
			l.add(token{kind: kFloat, text: text, value: value}, start)
			l.at = end
			return
		}
	}
	end := l.digits(start, decimal)
	if l.source[start] == '0' {
		end = l.digits(start, "0")
		for prefix, set := range map[string]string{"0b": "01", "0o": "01234567", "0x": decimal + "abcdefABCDEF"} {
			if len(l.source) > start+2 && strings.EqualFold(l.source[start:start+2], prefix) {
				if after := l.digits(start+2, set); after > start+2 {
					end = after
				}
			}
		}
	}
	text := strings.ReplaceAll(l.source[start:end], "_", "")
	if len(text) > maxBits/4 {
		l.failAt(start, "the number is too large")
	}
	base := 0
	if strings.Trim(text, "0") == "" {
		base = 10
	}
	value, ok := new(big.Int).SetString(text, base)
	if !ok {
		l.failAt(start, "%s is no number", text)
	}
	l.add(token{kind: kInteger, text: text, value: value}, start)
	l.at = end
}

// float matches digits with a fraction, an exponent or both.
func (l *lexer) float(at int) (end int, ok bool) {
	end = l.digits(at, decimal)
	if strings.HasPrefix(l.source[end:], ".") {
		if after := l.digits(end+1, decimal); after > end+1 {
			end, ok = after, true
		}
	}
	if end < len(l.source) && (l.source[end] == 'e' || l.source[end] == 'E') {
		from := end + 1
		if from < len(l.source) && (l.source[from] == '+' || l.source[from] == '-') {
			from++
		}
		if after := l.digits(from, decimal); after > from {
			return after, true
		}
	}
	return end, ok
}

func (l *lexer) quoted(quote byte) {
	start := l.at
	for i := start + 1; i < len(l.source); i++ {
		switch l.source[i] {
		case '\\':
			i++
		case quote:
			text, err := unescape(l.source[start+1 : i])
			if err != "" {
				l.failAt(start, "%s", err)
			}
			l.add(token{kind: kString, value: text}, start)
			l.at = i + 1
			return
		}
	}
	l.failAt(start, "the string that begins here has no end")
}
