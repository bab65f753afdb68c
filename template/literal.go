package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// simpleEscapes are those of Python's strings that stand for one character.
var simpleEscapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape is a string literal's text. What is no escape stands for itself, backslash
// and all, as in Python.
func unescape(literal string) (text, err string) {
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
		c := literal[i]
		if plain, ok := simpleEscapes[c]; ok {
			b.WriteString(plain)
			continue
		}
		if c == 'N' {
			return "", `characters by their names (\N{...}) are not there; write the character itself`
		}
		if size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; size > 0 {
			digits := literal[i+1 : min(i+1+size, len(literal))]
			code, e := strconv.ParseUint(digits, 16, 32)
			if e != nil || len(digits) < size || !utf8.ValidRune(rune(code)) {
				return "", `after \` + string(c) + " there must be " + strconv.Itoa(size) + " hexadecimal digits of a character"
			}
			b.WriteRune(rune(code))
			i += size
			continue
		}
		octal := 0
		for octal < 3 && i+octal < len(literal) && literal[i+octal] >= '0' && literal[i+octal] <= '7' {
			octal++
		}
		if octal > 0 {
			code, _ := strconv.ParseUint(literal[i:i+octal], 8, 16) // at most three octal digits
			b.WriteRune(rune(code))
			i += octal - 1
			continue
		}
		b.WriteByte('\\')
		b.WriteByte(c)
	}
	return b.String(), ""
}
