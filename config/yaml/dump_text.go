package yaml

import (
	"fmt"
	"strings"

	"cloudseed/config"
)

// manner is which ways of writing a text read back as the text.
type manner struct {
	plain, single bool
	lines         bool // it has several lines
}

// analyze looks at a text as PyYAML's emitter does (its rules are stricter than
// YAML's, and what they choose is what cloud-init's files look like).
func analyze(runes []rune) manner {
	m := manner{plain: true, single: true}
	text := string(runes[:min(len(runes), 3)])
	if text == "---" || text == "..." {
		m.plain = false
	}
	afterBlank := true
	for i, r := range runes {
		beforeBlank := i+1 == len(runes) || isBlankRune(runes[i+1])
		last := i+1 == len(runes)
		switch {
		case i == 0 && strings.ContainsRune("#,[]{}&*!|>'\"%@`", r),
			i == 0 && strings.ContainsRune("?:-", r) && beforeBlank,
			r == ':' && beforeBlank, r == '#' && afterBlank,
			r == ' ' && (i == 0 || last):
			m.plain = false
		}
		switch {
		case isLineRune(r):
			m.lines, m.plain = true, false
			if i > 0 && runes[i-1] == ' ' {
				m.single = false // a blank before a line's end would be lost
			}
		case r == ' ' && i > 0 && isLineRune(runes[i-1]):
			m.single = false // and one at a line's beginning
		}
		if r != '\n' && (r < ' ' || r > '~') {
			m.plain, m.single = false, false
		}
		afterBlank = isBlankRune(r)
	}
	return m
}

func isLineRune(r rune) bool {
	return r == '\n' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

func isBlankRune(r rune) bool {
	return r == 0 || r == ' ' || r == '\t' || r == '\r' || isLineRune(r)
}

// text writes a string in the first manner that reads back as it.
func (e *emitter) text(text string, isKey bool) {
	runes := []rune(text)
	m := analyze(runes)
	kind, _, err := resolve(text)
	switch {
	case m.plain && text != "" && text != "=" && text != "<<" && kind == config.String && err == nil:
		e.plain(text, !isKey)
	case m.single && !(isKey && m.lines):
		e.single(text, !isKey)
	default:
		e.double(runes, !isKey)
	}
}

// plain writes a text without quotes; fold allows line breaks where single blanks are.
func (e *emitter) plain(text string, fold bool) {
	if !e.whitespace {
		e.write(" ")
	}
	e.whitespace, e.indention = false, false
	e.words(text, fold)
}

// words writes words and the blanks between them. A single blank beyond the width
// becomes a line's end.
func (e *emitter) words(text string, fold bool) {
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && text[end] == ' ' {
			end++
		}
		if end > i {
			if end-i == 1 && e.column > dumpWidth && fold && i != 0 && end != len(text) {
				e.newLine()
				e.whitespace, e.indention = false, false
			} else {
				e.write(text[i:end])
			}
			i = end
			continue
		}
		for end < len(text) && text[end] != ' ' {
			end++
		}
		e.write(text[i:end])
		i = end
	}
}

// single writes a text in single quotes. A line's end is written as two.
func (e *emitter) single(text string, fold bool) {
	e.mark("'", true, false)
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); {
		line := strings.TrimSuffix(lines[i], "\n")
		e.words(strings.ReplaceAll(line, "'", "''"), fold && line == lines[i] && i == 0 || fold)
		if line == lines[i] {
			break
		}
		e.lineBreak()
		e.lineBreak()
		for i++; i < len(lines)-1 && lines[i] == "\n"; i++ {
			e.lineBreak()
		}
		e.newLine()
		e.whitespace, e.indention = false, false
	}
	e.mark("'", false, false)
}

// double writes a text in double quotes, with escapes.
func (e *emitter) double(text []rune, fold bool) {
	e.mark(`"`, true, false)
	start := 0
	for end := 0; end <= len(text); end++ {
		escaped := end < len(text) && (text[end] < ' ' || text[end] > '~' || text[end] == '"' || text[end] == '\\')
		if end == len(text) || escaped {
			e.write(string(text[start:end]))
			start = end
		}
		if escaped {
			e.write(escape(text[end]))
			start = end + 1
		}
		if fold && 0 < end && end < len(text)-1 && (text[end] == ' ' || start >= end) && e.column+end-start > dumpWidth {
			if start < end {
				e.write(string(text[start:end]))
				start = end
			}
			e.write(`\`)
			e.newLine()
			e.whitespace, e.indention = false, false
			if text[start] == ' ' {
				e.write(`\`)
			}
		}
	}
	e.mark(`"`, false, false)
}

func escape(r rune) string {
	switch short := shortEscape(r); {
	case short != "":
		return short
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}

// shortEscape is a character's escape of one letter, "" when it has none.
func shortEscape(r rune) string {
	const characters, letters = "\x00\a\b\t\n\v\f\r\x1b\"\\\u0085\u00a0\u2028\u2029", "0abtnvfre\"\\N_LP"
	position := 0
	for _, c := range characters {
		if c == r {
			return `\` + letters[position:position+1]
		}
		position++
	}
	return ""
}
