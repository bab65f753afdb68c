package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The escapes of Python's strings that stand for one character, and these characters.
const (
	shortEscapes = `\'"abfnrtv`
	shortStand   = "\\'\"\a\b\f\n\r\t\v"
)

// unescape is a string literal's text, or why it is none. What is no escape stands for
// itself, backslash and all, as in Python.
func unescape(literal string) (text, problem string) {
	if strings.IndexByte(literal, '\\') < 0 {
		return literal, ""
	}
	var b strings.Builder
	for i := 0; i < len(literal); i++ {
		if literal[i] != '\\' || i+1 == len(literal) {
			b.WriteByte(literal[i])
			continue
		}
		i++
		short := strings.IndexByte(shortEscapes, literal[i])
		c, digits, problem := codeEscape(literal[i:])
		switch {
		case problem != "":
			return "", problem
		case short >= 0:
			b.WriteByte(shortStand[short])
		case literal[i] == '\n': // a line that goes on
		case digits > 0:
			b.WriteRune(c)
			i += digits - 1
		default:
			b.WriteString(literal[i-1 : i+1])
		}
	}
	return b.String(), ""
}

// codeEscape reads an escape with a character's number, behind its backslash: \101, \x41,
// \u0041 or \U00000041. length is 0 if it is none.
func codeEscape(s string) (c rune, length int, problem string) {
	length, base := 0, 16
	switch s[0] {
	case 'N':
		return 0, 0, `characters by their names (\N{...}) are not there; write the character itself`
	case 'x':
		length = 3
	case 'u':
		length = 5
	case 'U':
		length = 9
	default:
		for base = 8; length < min(3, len(s)) && s[length] >= '0' && s[length] <= '7'; {
			length++
		}
		if length == 0 {
			return 0, 0, ""
		}
	}
	digits := s[:min(length, len(s))]
	if base == 16 {
		digits = digits[1:]
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil || length > len(s) || !utf8.ValidRune(rune(code)) {
		return 0, 0, `after \` + s[:1] + " there must be " + strconv.Itoa(length-1) + " hexadecimal digits of a character"
	}
	return rune(code), length, ""
}
