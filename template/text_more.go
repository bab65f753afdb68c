package template

import (
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

// partition cuts a text at the first or last place of a separator.
func (in *interpreter) partition(x, sep any, find func(text, sep string) int) any {
	text, separator := in.str(x), in.separator(sep)
	in.scan(len(text))
	at := find(text, separator)
	switch {
	case at >= 0:
		return tuple{text[:at], separator, text[at+len(separator):]}
	case find("ab", "") == 0: // the first: all of it is before
		return tuple{text, "", ""}
	}
	return tuple{"", "", text}
}

// joined puts texts together. Python's join() takes texts only, Jinja2's filter all.
func (in *interpreter) joined(separator string, items []any, textsOnly bool) string {
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			in.write(&b, separator)
		}
		if textsOnly {
			in.want(item, "what is joined")
		}
		in.write(&b, in.str(item))
	}
	return b.String()
}

func (in *interpreter) replace(text, old, new string, count any) string {
	n := -1
	if count != missing && count != nil {
		n = in.integer(count, "the number of replacements")
	}
	in.scan(len(text))
	times := strings.Count(text, old)
	if n >= 0 {
		times = min(times, n)
	}
	in.grow(len(text) + times*max(len(new)-len(old), 0))
	return strings.Replace(text, old, new, n)
}

// affix tells whether a text begins or ends with another, or with one of several.
func (in *interpreter) affix(name string, x, affixes any) any {
	has := strings.HasPrefix
	if name == "endswith" {
		has = strings.HasSuffix
	}
	text := in.str(x)
	if several, ok := affixes.(tuple); ok {
		return slices.ContainsFunc(several, func(one any) bool { return has(text, in.want(one, "the beginning or end")) })
	}
	return has(text, in.want(affixes, "the beginning or end"))
}

// position is where a text has another, counted in characters.
func (in *interpreter) position(name string, x, part any) any {
	text, sub := in.str(x), in.want(part, "what is looked for")
	in.scan(len(text))
	at := strings.Index(text, sub)
	if strings.HasPrefix(name, "r") {
		at = strings.LastIndex(text, sub)
	}
	if at < 0 {
		if strings.HasSuffix(name, "index") {
			in.fail("the text does not have what is looked for")
		}
		return big.NewInt(-1)
	}
	return big.NewInt(int64(utf8.RuneCountInString(text[:at])))
}

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

// escape makes a text safe for HTML, as MarkupSafe does.
func (in *interpreter) escape(text string) string {
	in.scan(len(text))
	return in.text(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(text))
}
