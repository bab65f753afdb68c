package template

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textOp is a method of texts that takes nothing and gives a text.
func textOp(f func(string) string) *operation {
	return op(func(in *interpreter, x any, _ []any) any { return like(x, in.text(f(in.str(x)))) })
}

// textTest is a method of texts that tells something of its characters.
func textTest(f func(string) bool) *operation {
	return op(func(in *interpreter, x any, _ []any) any {
		text := in.str(x)
		in.scan(8 * len(text))
		return f(text)
	})
}

// textMethod is a method of Python's texts.
func textMethod(name string) *operation {
	switch name {
	case "upper":
		return textOp(upper)
	case "lower":
		return textOp(strings.ToLower)
	case "casefold":
		return textOp(func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "ß", "ss") })
	case "capitalize":
		return textOp(capitalize)
	case "title":
		return textOp(title)
	case "swapcase":
		return textOp(swapCase)
	case "strip", "lstrip", "rstrip":
		return op(func(in *interpreter, x any, a []any) any { return in.strip(name, x, a[0]) }, "chars?")
	case "split":
		return op(textSplit, "sep?", "maxsplit?")
	case "rsplit":
		return op(textSplitFromRight, "sep?", "maxsplit?")
	case "splitlines":
		return op(func(in *interpreter, x any, a []any) any {
			return in.texts(splitLines(in.str(x), in.truth(or(a[0], false))))
		}, "keepends?")
	case "partition":
		return op(func(in *interpreter, x any, a []any) any { return in.partition(x, a[0], strings.Index) }, "sep")
	case "rpartition":
		return op(func(in *interpreter, x any, a []any) any { return in.partition(x, a[0], strings.LastIndex) }, "sep")
	case "join":
		return op(func(in *interpreter, x any, a []any) any { return in.joined(in.str(x), in.items(a[0]), true) }, "iterable")
	case "replace":
		return op(func(in *interpreter, x any, a []any) any {
			return in.replace(in.str(x), in.want(a[0], "what is replaced"), in.want(a[1], "what replaces it"), a[2])
		}, "old", "new", "count?")
	case "startswith", "endswith":
		return op(func(in *interpreter, x any, a []any) any { return in.affix(name, x, a[0]) }, "affix")
	case "removeprefix":
		return op(func(in *interpreter, x any, a []any) any {
			return strings.TrimPrefix(in.str(x), in.want(a[0], "the prefix"))
		}, "prefix")
	case "removesuffix":
		return op(func(in *interpreter, x any, a []any) any {
			return strings.TrimSuffix(in.str(x), in.want(a[0], "the suffix"))
		}, "suffix")
	case "find", "rfind", "index", "rindex":
		return op(func(in *interpreter, x any, a []any) any { return in.position(name, x, a[0]) }, "sub")
	case "count":
		return op(func(in *interpreter, x any, a []any) any {
			in.scan(len(in.str(x)))
			return big.NewInt(int64(strings.Count(in.str(x), in.want(a[0], "what is counted"))))
		}, "sub")
	case "center", "ljust", "rjust":
		return op(func(in *interpreter, x any, a []any) any {
			return in.justify(name, in.str(x), in.integer(a[0], "the width"), in.str(or(a[1], " ")))
		}, "width", "fillchar?")
	case "zfill":
		return op(textZeroFill, "width")
	case "expandtabs":
		return op(textExpandTabs, "tabsize?")
	}
	return textTestMethod(name)
}

func textTestMethod(name string) *operation {
	every := func(f func(rune) bool) *operation {
		return textTest(func(s string) bool {
			return s != "" && strings.IndexFunc(s, func(c rune) bool { return !f(c) }) < 0
		})
	}
	switch name {
	case "isdigit", "isdecimal", "isnumeric":
		return every(unicode.IsDigit)
	case "isalpha":
		return every(unicode.IsLetter)
	case "isalnum":
		return every(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
	case "isspace":
		return every(unicode.IsSpace)
	case "isascii":
		return textTest(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return c > 0x7f }) < 0 })
	case "isprintable":
		return textTest(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 })
	case "isupper":
		return textTest(func(s string) bool { return isCased(s, unicode.IsUpper) })
	case "islower":
		return textTest(func(s string) bool { return isCased(s, unicode.IsLower) })
	case "istitle":
		return textTest(func(s string) bool { return isCased(s, hasCase) && title(s) == s })
	case "isidentifier":
		return textTest(func(s string) bool {
			return s != "" && !unicode.IsDigit(first(s)) && strings.IndexFunc(s, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }) < 0
		})
	}
	return nil
}

func first(s string) rune {
	c, _ := utf8.DecodeRuneInString(s)
	return c
}

func hasCase(c rune) bool { return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) }

// isCased tells whether there are letters that have a case, and all of them have that.
func isCased(s string, is func(rune) bool) bool {
	some := false
	for _, c := range s {
		if hasCase(c) && !is(c) {
			return false
		}
		some = some || hasCase(c)
	}
	return some
}

// upper knows the letters that become two; Go's own maps each to one.
func upper(s string) string {
	return strings.NewReplacer("ß", "SS", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST").Replace(strings.ToUpper(s))
}

// titleCase is a letter at the beginning of a word; a few become two.
func titleCase(c rune) string {
	if two := []rune(upper(string(c))); len(two) > 1 {
		return string(two[:1]) + strings.ToLower(string(two[1:]))
	}
	return string(unicode.ToTitle(c))
}

func capitalize(s string) string {
	if s == "" {
		return ""
	}
	c, size := utf8.DecodeRuneInString(s)
	return titleCase(c) + strings.ToLower(s[size:])
}

func title(s string) string {
	var b strings.Builder
	inWord := false
	for _, c := range s {
		if inWord {
			b.WriteRune(unicode.ToLower(c))
		} else {
			b.WriteString(titleCase(c))
		}
		inWord = hasCase(c)
	}
	return b.String()
}

func swapCase(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			b.WriteRune(unicode.ToLower(c))
		} else {
			b.WriteString(upper(string(c)))
		}
	}
	return b.String()
}

// want is an argument that must be a text.
func (in *interpreter) want(x any, what string) string {
	text, ok := aText(x)
	if !ok {
		in.fail("%s must be a text, and this is %s", what, in.describe(x))
	}
	in.scan(len(text))
	return text
}

func (in *interpreter) strip(side string, x, chars any) any {
	text := in.str(x)
	in.scan(len(text))
	drop := unicode.IsSpace
	if chars != missing && chars != nil {
		set := map[rune]bool{}
		for _, c := range in.want(chars, "what is stripped") {
			in.spend(1)
			set[c] = true
		}
		drop = func(c rune) bool { return set[c] }
	}
	if side != "rstrip" {
		text = strings.TrimLeftFunc(text, drop)
	}
	if side != "lstrip" {
		text = strings.TrimRightFunc(text, drop)
	}
	return like(x, text)
}

// texts makes a list of texts.
func (in *interpreter) texts(parts []string) *list {
	in.grow(len(parts) * itemSize)
	items := make([]any, len(parts))
	for i, part := range parts {
		items[i] = part
	}
	return &list{items}
}

// limit is the argument maxsplit: less than zero is no limit.
func (in *interpreter) limit(x any) int {
	if x == missing {
		return -1
	}
	return in.integer(x, "the number of splits")
}

func textSplit(in *interpreter, x any, a []any) any {
	text, limit := in.str(x), in.limit(a[1])
	in.grow(len(text))
	if a[0] == missing || a[0] == nil {
		var parts []string
		rest := strings.TrimLeftFunc(text, unicode.IsSpace)
		for rest != "" {
			in.grow(itemSize)
			end := strings.IndexFunc(rest, unicode.IsSpace)
			if end < 0 || limit == 0 {
				parts = append(parts, rest)
				break
			}
			parts = append(parts, rest[:end])
			rest = strings.TrimLeftFunc(rest[end:], unicode.IsSpace)
			limit--
		}
		return in.texts(parts)
	}
	separator := in.separator(a[0])
	in.grow(strings.Count(text, separator) * itemSize)
	if limit >= 0 {
		limit++ // Go counts the pieces
	}
	return in.texts(strings.SplitN(text, separator, limit))
}

func (in *interpreter) separator(x any) string {
	separator := in.want(x, "the separator")
	if separator == "" {
		in.fail("the separator cannot be empty")
	}
	return separator
}

func textSplitFromRight(in *interpreter, x any, a []any) any {
	limit := in.limit(a[1])
	if limit < 0 {
		return textSplit(in, x, a)
	}
	rest := in.str(x)
	in.grow(len(rest))
	cut := func(s string) (int, int) {
		at := strings.LastIndexFunc(s, unicode.IsSpace)
		_, size := utf8.DecodeRuneInString(s[max(at, 0):])
		return at, size
	}
	bySpace := a[0] == missing || a[0] == nil
	if !bySpace {
		separator := in.separator(a[0])
		cut = func(s string) (int, int) { return strings.LastIndex(s, separator), len(separator) }
	}
	var parts []string
	for ; ; limit-- {
		if bySpace {
			rest = strings.TrimRightFunc(rest, unicode.IsSpace)
		}
		at, size := cut(rest)
		if at < 0 || limit <= 0 {
			break
		}
		in.grow(itemSize)
		parts = append([]string{rest[at+size:]}, parts...)
		in.spend(len(parts))
		rest = rest[:at]
	}
	if rest != "" || !bySpace {
		parts = append([]string{rest}, parts...)
	}
	return in.texts(parts)
}

// isLineEnd is where Python's splitlines() splits.
func isLineEnd(c rune) bool {
	return c == '\n' || c == '\r' || c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029
}

func splitLines(text string, keepEnds bool) []string {
	var lines []string
	for text != "" {
		end := strings.IndexFunc(text, isLineEnd)
		if end < 0 {
			return append(lines, text)
		}
		_, size := utf8.DecodeRuneInString(text[end:])
		if strings.HasPrefix(text[end:], "\r\n") {
			size = 2
		}
		if keepEnds {
			lines = append(lines, text[:end+size])
		} else {
			lines = append(lines, text[:end])
		}
		text = text[end+size:]
	}
	return lines
}
