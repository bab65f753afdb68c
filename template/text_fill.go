package template

import (
	"strings"
	"unicode/utf8"
)

// justify fills a text up to a width.
func (in *interpreter) justify(name, text string, width int, fill string) string {
	if utf8.RuneCountInString(fill) != 1 {
		in.fail("what fills the rest must be one character")
	}
	length := utf8.RuneCountInString(text)
	rest := max(width-length, 0)
	in.grow(len(text) + rest*len(fill))
	left := 0
	switch name {
	case "rjust":
		left = rest
	case "center":
		left = rest/2 + rest&width&1 // as Python does: the odd one goes left if the width is odd
	}
	return strings.Repeat(fill, left) + text + strings.Repeat(fill, rest-left)
}

func textZeroFill(in *interpreter, x any, a []any) any {
	text := in.str(x)
	sign := ""
	if text != "" && (text[0] == '-' || text[0] == '+') {
		sign, text = text[:1], text[1:]
	}
	return sign + in.justify("rjust", text, in.integer(a[0], "the width")-len(sign), "0")
}

func textExpandTabs(in *interpreter, x any, a []any) any {
	size := 8
	if a[0] != missing {
		size = in.integer(a[0], "the tabs' size")
	}
	var b strings.Builder
	column := 0
	for _, c := range in.str(x) {
		switch {
		case c == '\t' && size > 0:
			in.grow(size)
			b.WriteString(strings.Repeat(" ", size-column%size))
			column = 0
		case c == '\t':
		case c == '\n' || c == '\r':
			column = 0
			b.WriteRune(c)
		default:
			column++
			b.WriteRune(c)
		}
	}
	return in.text(b.String())
}
