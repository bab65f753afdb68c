package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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

// upperLetter is a letter's capital. A few become two letters, which Go's own does not do.
func upperLetter(c rune) string {
	switch c {
	case 'ß':
		return "SS"
	case 'ﬀ':
		return "FF"
	case 'ﬁ':
		return "FI"
	case 'ﬂ':
		return "FL"
	case 'ﬃ':
		return "FFI"
	case 'ﬄ':
		return "FFL"
	case 'ﬅ', 'ﬆ':
		return "ST"
	}
	return string(unicode.ToUpper(c))
}

func upper(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(upperLetter(c))
	}
	return b.String()
}

// titleCase is a letter at the beginning of a word; a few become two.
func titleCase(c rune) string {
	if two := []rune(upperLetter(c)); len(two) > 1 {
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
			b.WriteString(upperLetter(c))
		}
	}
	return b.String()
}
