package python

import (
	"fmt"
	"strings"
	"unicode"
)

// Repr returns a string as Python's repr prints it: in quotes, with escapes.
func Repr(text string) string {
	quote := Quote(text)
	return string(quote) + Escape(text, quote) + string(quote)
}

// Quote returns the quotation mark that Python's repr puts around a string.
func Quote(text string) rune {
	if strings.ContainsRune(text, '\'') && !strings.ContainsRune(text, '"') {
		return '"'
	}
	return '\''
}

// Escape returns a string, or a piece of one, as it is printed between Python's quotes.
func Escape(text string, quote rune) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == quote || c == '\\':
			b.WriteRune('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	return b.String()
}
