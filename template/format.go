package template

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"cloudseed/python"
)

// spec is how a value is to be printed, in either of Python's two languages for that.
type spec struct {
	fill      string
	align     byte // '<', '>', '^', '=', or 0
	sign      byte // '+', ' ', or 0
	alternate bool // "#"
	width     int
	group     string // "," or "_" between groups of digits
	precision int    // -1: none
	kind      byte   // 'd', 's', 'x', 'f' …; 0: as str()
}

// maxWidth is of what a format makes of one value.
const maxWidth = 1 << 20

// pad fills a text up to the width. A number's sign stays in front with the alignment '='.
func (in *interpreter) pad(s spec, text string) string {
	if s.align == '=' {
		signs := len(text) - len(strings.TrimLeft(text, "+- "))
		if strings.HasPrefix(text[signs:], "0x") || strings.HasPrefix(text[signs:], "0o") || strings.HasPrefix(text[signs:], "0b") {
			signs += 2
		}
		return text[:signs] + in.justify("rjust", text[signs:], s.width-signs, s.fill)
	}
	name := map[byte]string{'<': "ljust", '>': "rjust"}[s.align]
	if s.align == '^' { // here the odd one goes right
		left := max(s.width-len([]rune(text)), 0) / 2
		in.grow(left)
		text, name = strings.Repeat(s.fill, left)+text, "ljust"
	}
	return in.justify(name, text, s.width, s.fill)
}

// formatWhole prints a whole number.
func (in *interpreter) formatWhole(s spec, i *big.Int) string {
	base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'b': 2}[s.kind]
	if base == 0 {
		base = 10
	}
	in.spend(1 + i.BitLen()/8)
	text := new(big.Int).Abs(i).Text(base)
	if base == 10 {
		text = in.decimal(new(big.Int).Abs(i))
	}
	if s.precision > len(text) {
		in.grow(s.precision)
		text = strings.Repeat("0", s.precision-len(text)) + text
	}
	size := 3
	if base != 10 {
		size = 4
	}
	text = grouped(text, s.group, size)
	if s.alternate && base != 10 {
		text = "0" + string(s.kind|0x20) + text
	}
	if s.kind == 'X' {
		text = strings.ToUpper(text)
	}
	return in.pad(s, signed(i.Sign() < 0, s)+text)
}

func signed(negative bool, s spec) string {
	switch {
	case negative:
		return "-"
	case s.sign != 0:
		return string(s.sign)
	}
	return ""
}

// grouped puts separators between groups of digits of the whole part.
func grouped(text, separator string, size int) string {
	if separator == "" {
		return text
	}
	whole, fraction, point := strings.Cut(text, ".")
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%size == 0 {
			b.WriteString(separator)
		}
		b.WriteRune(c)
	}
	if point {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// formatFloat prints a number with a point.
func (in *interpreter) formatFloat(s spec, f float64) string {
	precision := s.precision
	if precision < 0 {
		precision = 6
	}
	if s.alternate {
		in.fail(`"#" in a format is for whole numbers`)
	}
	in.grow(precision)
	kind, percent := s.kind|0x20, ""
	if s.kind == '%' {
		kind, percent, f = 'f', "%", f*100
	}
	var text string
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		text = strings.TrimLeft(python.Float(f), "-")
	case kind == 'g':
		text = generalFloat(math.Abs(f), max(precision, 1))
	case s.kind == 0 && s.precision < 0:
		text = python.Float(math.Abs(f))
	case s.kind == 0:
		text = generalFloat(math.Abs(f), max(precision, 1))
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
	default:
		text = strconv.FormatFloat(math.Abs(f), kind, precision, 64)
	}
	if s.kind >= 'A' && s.kind <= 'Z' {
		text = strings.ToUpper(text)
	}
	return in.pad(s, signed(math.Signbit(f) && !math.IsNaN(f), s)+grouped(text, s.group, 3)+percent)
}

// generalFloat is Python's kind "g": with an exponent if it is very small or large, and
// without zeros at the end.
func generalFloat(f float64, precision int) string {
	text := strconv.FormatFloat(f, 'e', precision-1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	e, err := strconv.Atoi(exponent)
	if err != nil || e < -4 || e >= precision {
		if strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + "e" + exponent
	}
	text = strconv.FormatFloat(f, 'f', precision-1-e, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// percent is Python's text % values.
func (in *interpreter) percent(format string, values any) any {
	f := &percentFormat{interpreter: in, values: values, one: true}
	if all, ok := values.(tuple); ok {
		f.rest, f.one = all, false
	}
	var b strings.Builder
	in.scan(len(format))
	for format != "" {
		before, after, found := strings.Cut(format, "%")
		in.write(&b, before)
		if !found {
			break
		}
		var text string
		text, format = f.conversion(after)
		in.write(&b, text)
	}
	_, isDict := values.(*dict)
	if len(f.rest) > 0 || f.one && !f.used && !isDict {
		if _, isList := values.(*list); !isList {
			in.fail(`not all values after "%%" have a place in the text before it`)
		}
	}
	return b.String()
}

type percentFormat struct {
	*interpreter
	values any
	rest   []any // of several values
	one    bool  // there is a single value
	used   bool  // and it was used
}

func (f *percentFormat) next() any {
	switch {
	case f.one && !f.used:
		f.used = true
		return f.values
	case len(f.rest) > 0:
		value := f.rest[0]
		f.rest = f.rest[1:]
		return value
	}
	f.fail(`there are fewer values after "%%" than places in the text before it`)
	return nil
}

// conversion prints one value, and gives what comes after its place, which is
// (name)flags width.precision letter.
func (f *percentFormat) conversion(text string) (printed, rest string) {
	if rest, ok := strings.CutPrefix(text, "%"); ok {
		return "%", rest
	}
	var named any
	isNamed := strings.HasPrefix(text, "(")
	if isNamed {
		named, text = f.named(text)
	}
	s, left, text := percentFlags(text)
	s.width, text = f.count(text)
	if s.width < 0 {
		left, s.width = true, -s.width
	}
	if after, ok := strings.CutPrefix(text, "."); ok {
		s.precision, text = f.count(after)
	}
	text = strings.TrimLeft(text, "hlL")
	if text == "" {
		f.fail(`after "%%" in the text before it there must be a letter such as s or d`)
	}
	s.kind, rest = text[0], text[1:]
	if left || s.align == '=' && (s.kind == 's' || s.kind == 'r') {
		s.fill, s.align = " ", map[bool]byte{true: '<', false: '>'}[left]
	}
	if isNamed {
		return f.convert(s, named), rest
	}
	return f.convert(s, f.next()), rest
}

// named is the value for a name in brackets, and what comes after them.
func (f *percentFormat) named(text string) (value any, rest string) {
	key, rest, ok := strings.Cut(text[1:], ")")
	d, isDict := f.values.(*dict)
	if !ok || !isDict {
		f.fail(`a name in brackets after "%%" needs a dictionary of values`)
	}
	value, ok = f.get(d, key)
	if !ok {
		f.fail("the dictionary does not have a name that the text asks for") // which may be part of a secret
	}
	return value, rest
}

func percentFlags(text string) (s spec, left bool, rest string) {
	s = spec{fill: " ", align: '>', precision: -1}
	for ; text != "" && strings.IndexByte("-+ #0", text[0]) >= 0; text = text[1:] {
		switch text[0] {
		case '-':
			left = true
		case '+':
			s.sign = '+'
		case ' ':
			s.sign = max(s.sign, ' ')
		case '#':
			s.alternate = true
		case '0':
			s.fill, s.align = "0", '='
		}
	}
	return s, left, text
}

// count reads a number, or takes it from the values for a star.
func (f *percentFormat) count(text string) (int, string) {
	if strings.HasPrefix(text, "*") {
		n := f.integer(f.next(), "the width")
		if n > maxWidth || n < -maxWidth {
			f.fail("a width of more than %d is too large", maxWidth)
		}
		return n, text[1:]
	}
	digits := len(text) - len(strings.TrimLeft(text, decimal))
	n, err := strconv.Atoi("0" + text[:min(digits, 9)])
	if err != nil || digits > 9 || n > maxWidth {
		f.fail("a width of more than %d is too large", maxWidth)
	}
	return n, text[digits:]
}

func (f *percentFormat) convert(s spec, x any) string {
	switch s.kind {
	case 's', 'r':
		text := ""
		if s.kind == 's' {
			text = f.str(x)
		} else {
			var b strings.Builder
			f.repr(&b, x, nil)
			text = b.String()
		}
		return f.pad(s, f.shortened(text, s.precision))
	case 'c':
		if text, ok := aText(x); ok {
			return f.pad(s, text)
		}
		return f.pad(s, string(rune(f.integer(x, "a character"))))
	}
	n, ok := number(x)
	if !ok && strings.IndexByte("diuxXoeEfFgG", s.kind) >= 0 {
		f.fail(`"%%%s" needs a number, and this is %s`, string(s.kind), f.describe(x))
	}
	switch s.kind {
	case 'd', 'i', 'u':
		s.kind = 'd'
		return f.formatWhole(s, f.finite(n))
	case 'x', 'X', 'o':
		i, ok := n.(*big.Int)
		if !ok {
			f.fail(`"%%%s" needs a whole number`, string(s.kind))
		}
		return f.formatWhole(s, i)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return f.formatFloat(s, f.asFloat(n))
	}
	f.fail(`"%%%s" is no way to print a value`, string(s.kind))
	return ""
}

// shortened is a text of that many characters at most; a negative number is no bound.
func (in *interpreter) shortened(text string, length int) string {
	if characters := in.runes(text); length >= 0 && length < len(characters) {
		return string(characters[:length])
	}
	return text
}

// finite is a number's whole part, if it has one.
func (in *interpreter) finite(n any) *big.Int {
	if f, ok := n.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
		in.fail("a number that is not finite has no whole part")
	}
	return whole(n)
}
