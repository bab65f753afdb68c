package template

import (
	"math/big"
	"strconv"
	"strings"
)

// strFormat is Python's text.format(values).
type strFormat struct {
	*interpreter
	given    *given
	auto     int  // the next value for "{}"
	numbered bool // there are places with numbers
}

// formatMethod is the method format of a text.
func (in *interpreter) formatMethod(text string) *builtin {
	return &builtin{func(in *interpreter, g *given) any {
		f := &strFormat{interpreter: in, given: g}
		return f.fill(text)
	}}
}

func (f *strFormat) fill(text string) string {
	defer f.deeper()()
	var b strings.Builder
	f.scan(len(text))
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			f.write(&b, text)
			break
		}
		f.write(&b, text[:at])
		if at+1 < len(text) && text[at+1] == text[at] {
			f.write(&b, text[at:at+1])
			text = text[at+2:]
			continue
		}
		if text[at] == '}' {
			f.fail("the text that is formatted has a single } in it; write }} for that")
		}
		end := closing(text[at:])
		if end < 0 {
			f.fail("the text that is formatted has a { without its }")
		}
		f.write(&b, f.field(text[at+1:at+end]))
		text = text[at+end+1:]
	}
	return b.String()
}

// closing is where the bracket at the beginning is closed.
func closing(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// field prints what stands between brackets: name!conversion:spec.
func (f *strFormat) field(field string) string {
	at := strings.IndexAny(field, "!:")
	name, rest := field, ""
	if at >= 0 {
		name, rest = field[:at], field[at:]
	}
	x := f.value(name)
	if after, ok := strings.CutPrefix(rest, "!"); ok {
		if after == "" || len(after) > 1 && after[1] != ':' {
			f.fail(`after "!" in a format there must be s or r`)
		}
		text := ""
		switch after[0] {
		case 's':
			text = f.str(x)
		case 'r':
			var b strings.Builder
			f.repr(&b, x, nil)
			text = b.String()
		default:
			f.fail(`after "!" in a format there must be s or r`)
		}
		x, rest = text, after[1:]
	}
	format := strings.TrimPrefix(rest, ":")
	if strings.ContainsAny(format, "{}") {
		format = f.fill(format)
	}
	return f.format(x, format)
}

// value is what a field names: a number or name, then dots and brackets.
func (f *strFormat) value(name string) any {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	head, rest := name[:end], name[end:]
	var x any
	switch i, err := strconv.Atoi(head); {
	case head == "":
		f.auto++
		x = f.positional(f.auto - 1)
	case err == nil:
		f.numbered = true
		x = f.positional(i)
	default:
		var ok bool
		if x, ok = f.get(f.given.named, head); !ok {
			f.fail("the format asks for a name that is not given") // which may be part of a secret, as the format may
		}
	}
	for rest != "" {
		x, rest = f.part(x, rest)
	}
	return x
}

func (f *strFormat) positional(i int) any {
	if f.numbered && f.auto > 0 {
		f.fail("some places of the format have numbers and others have none")
	}
	if i < 0 || i >= len(f.given.plain) {
		f.fail("the format asks for value %d, and %d are given", i+1, len(f.given.plain))
	}
	return f.given.plain[i]
}

// part goes one dot or bracket further.
func (f *strFormat) part(x any, rest string) (any, string) {
	if rest[0] == '[' {
		key, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			f.fail("the format's brackets are not closed")
		}
		if i, err := strconv.Atoi(key); err == nil {
			return f.lookUp(x, big.NewInt(int64(i)), key), after
		}
		return f.lookUp(x, key, key), after
	}
	if rest[0] != '.' {
		f.fail("after a bracket of a format there must be a dot or another bracket")
	}
	end := strings.IndexAny(rest[1:], ".[")
	if end < 0 {
		end = len(rest) - 1
	}
	name := rest[1 : 1+end]
	return f.attribute(x, name, name), rest[1+end:]
}

// format prints a value by Python's small language for that.
func (f *strFormat) format(x any, format string) string {
	n, isNumber := number(x)
	if _, isBool := x.(bool); isBool && format == "" {
		isNumber = false
	}
	if format == "" && !isNumber {
		return f.str(x)
	}
	s := f.spec(format, isNumber)
	if !isNumber {
		text, ok := aText(x)
		if !ok || s.kind != 0 && s.kind != 's' || s.sign != 0 || s.group != "" || s.alternate || s.align == '=' {
			f.fail("%s cannot be printed by that format", f.describe(x))
		}
		return f.pad(s, f.shortened(text, s.precision))
	}
	i, ok := n.(*big.Int)
	switch {
	case ok && strings.ContainsRune("\x00d", rune(s.kind)) && s.precision < 0, ok && strings.ContainsRune("xXob", rune(s.kind)) && s.precision < 0 && s.group != ",":
		return f.formatWhole(s, i)
	case strings.ContainsRune("eEfFgG%", rune(s.kind)), s.kind == 0 && !ok:
		return f.formatFloat(s, f.asFloat(n))
	}
	f.fail("a number cannot be printed by that format")
	return ""
}

// spec reads [[fill]align][sign][#][0][width][,][.precision][type].
func (f *strFormat) spec(format string, isNumber bool) spec {
	s := spec{fill: " ", precision: -1}
	rest := []rune(format)
	take := func(set string) byte {
		if len(rest) > 0 && strings.ContainsRune(set, rest[0]) {
			c := byte(rest[0])
			rest = rest[1:]
			return c
		}
		return 0
	}
	filled := len(rest) > 1 && strings.ContainsRune("<>^=", rest[1])
	if filled {
		s.fill, rest = string(rest[0]), rest[1:]
	}
	s.align = take("<>^=")
	if s.sign = take("+- "); s.sign == '-' {
		s.sign = 0
	}
	s.alternate = take("#") != 0
	if zeros := take("0") != 0; zeros && !filled {
		s.fill = "0"
		if s.align == 0 && isNumber {
			s.align = '='
		}
	}
	if s.align == 0 {
		s.align = map[bool]byte{true: '>', false: '<'}[isNumber]
	}
	count := func() int {
		n := 0
		for c := take(decimal); c != 0; c = take(decimal) {
			if n = 10*n + int(c-'0'); n > maxWidth {
				f.fail("a width of more than %d is too large", maxWidth)
			}
		}
		return n
	}
	s.width = count()
	if c := take(",_"); c != 0 {
		s.group = string(c)
	}
	if take(".") != 0 {
		s.precision = count()
	}
	s.kind = take("bdeEfFgGosxX%")
	if s.group != "" && s.align == '=' {
		f.fail("zeros in front of groups of digits are not there in cloudseed's templates")
	}
	if len(rest) > 0 {
		f.fail("after the colon of a format there must be [[fill]align][sign][#][0][width][,][.precision][letter]")
	}
	return s
}
