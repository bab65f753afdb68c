package template

import (
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

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
