package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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

func (in *interpreter) splitLines(text string, keepEnds bool) []string {
	var lines []string
	for text != "" {
		in.grow(itemSize)
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
