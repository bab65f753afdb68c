// Package printable writes strings that are not ours so that they cannot do more on a
// terminal, or in a log, than be read: metadata, configuration, paths, what peers say.
//
// In comes any string, out goes one without control characters: what moves the cursor,
// ends a line, rings, changes the direction of writing or is invisible is written as a Go
// string literal would have it (\x1b, \n, \u202e). It never knows where a string is from.
package printable

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String returns a string in one line, with nothing in it that is not to be seen.
func String(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for i, width := 0, 0; i < len(s); i += width {
		r, size := utf8.DecodeRuneInString(s[i:])
		width = size
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !isSeen(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// isSeen reports whether a character takes its place on a line and does nothing else.
func isSeen(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.In(r, unicode.Zl, unicode.Zp) || r == '\u200d' // joins emoji
}

// Lines is String for what may have several lines, and tabs.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		for j := range fields {
			fields[j] = String(fields[j])
		}
		lines[i] = strings.Join(fields, "\t")
	}
	return strings.Join(lines, "\n")
}

// Text is an argument of Sprintf that may have several lines.
type Text string

// Sprintf is fmt.Sprintf with String done to each argument that is a string, an error, a
// fmt.Stringer or a list of strings.
func Sprintf(format string, args ...any) string {
	shown := make([]any, len(args))
	for i, arg := range args {
		switch x := arg.(type) {
		case Text:
			shown[i] = Lines(string(x))
		case string:
			shown[i] = String(x)
		case error:
			shown[i] = String(x.Error())
		case fmt.Stringer:
			shown[i] = String(x.String())
		case []string:
			list := make([]string, len(x))
			for j := range x {
				list[j] = String(x[j])
			}
			shown[i] = list
		default:
			shown[i] = arg
		}
	}
	return fmt.Sprintf(format, shown...)
}

// Fprintf writes what Sprintf gives.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return io.WriteString(w, Sprintf(format, args...))
}
