package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloudseed/config"
)

// tooMuch refuses a document before the library spends memory on it.
func (l *lexer) tooMuch() error {
	switch {
	case l.deep >= 0:
		return l.pos(l.deep).Errorf("lists and maps are nested more than %d deep", maxDepth)
	case l.tokens > 4*maxNodes: // "key : value ," are four for two values
		return config.Pos{File: l.source.file}.Errorf("there are more than %d values", maxNodes)
	}
	return nil
}

func (l *lexer) pos(offset int) config.Pos {
	line, column := place(l.data, offset)
	return l.source.pos(line, column)
}

// place is the line and column of an offset, from 1.
func place(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	line = bytes.Count(before, []byte("\n")) + 1
	return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// maxWarnings is how many places of one kind are named.
const maxWarnings = 5

// warnings tell what cloud-init's YAML reader refuses and this one understands.
func (l *lexer) warnings() []config.Problem {
	var found config.Findings
	warn := func(offsets []int, what string) {
		for i, offset := range offsets[:min(len(offsets), maxWarnings)] {
			if i == maxWarnings-1 && len(offsets) > maxWarnings {
				what = fmt.Sprintf("%s (here, and in %d more places)", what, len(offsets)-maxWarnings)
			}
			found.At(l.pos(offset), "").Warnf("%s", what)
		}
	}
	warn(l.tabs, "a tab; cloud-init does not read a file with tabs outside of quotes: write spaces")
	warn(l.quoteEscapes, `cloud-init does not read a file with \' in double quotes: write the ' without a backslash`)
	return found.List()
}

// explain turns the library's error into a sentence for a person. The library knows
// the line where it gave up; what the lexer has found wrong up to there is more likely
// what a person has to change.
func (l *lexer) explain(err error) error {
	var problem config.Problem
	if errors.As(err, &problem) {
		return problem
	}
	if found := l.cause(); found != nil {
		message := found.message
		if found.other >= 0 {
			message = strings.Replace(message, "%d", strconv.Itoa(l.pos(found.other).Line), 1)
		}
		return l.pos(found.offset).Errorf("%s", message)
	}
	line, message := libraryWords(err)
	lines := strings.Split(string(l.data), "\n")
	line = min(line, len(lines))
	text := lines[line-1]
	indent := len([]rune(text)) - len([]rune(strings.TrimLeft(text, " \t")))
	return l.source.pos(line, indent+1).Errorf("%s", inWords(message))
}

// libraryWords takes "yaml: line 3: did not find expected key" apart. The library
// names no line for the first one.
func libraryWords(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, words, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil && n > 0 {
			return n, words
		}
	}
	return 1, message
}

// cause is the first thing that is wrong. The lexer finds what PyYAML would stop at;
// the line that the library names does not help, it may be the beginning of the list
// or map in which it gave up.
func (l *lexer) cause() *finding {
	var first *finding
	if len(l.wrong) > 0 {
		first = &l.wrong[0]
	}
	for _, offset := range l.tabs {
		if first != nil && first.offset < offset {
			break
		}
		start := bytes.LastIndexByte(l.data[:offset], '\n') + 1
		if len(bytes.Trim(l.data[start:offset], " \t")) == 0 {
			return &finding{offset, "this line is indented with a tab: use spaces", -1}
		}
	}
	if first == nil && len(l.tabs) > 0 {
		return &finding{l.tabs[0], "a tab where YAML has spaces: write spaces", -1}
	}
	return first
}

// inWords says what the library means and what is likely to be wrong.
func inWords(message string) string {
	for _, known := range []struct{ has, words string }{
		{"mapping values are not allowed", `this line has a ": " where no key can stand: put the value in quotes, or check the indentation`},
		{"did not find expected key", `this is no "key: value" at this indentation: check the indentation of this line and the one above`},
		{"did not find expected '-' indicator", `a list's item must begin with "- " at the same indentation as the others`},
		{"found character that cannot start any token", `this line has a character where it has a meaning of its own (a tab, @, %, or a backquote): use spaces to indent, and quotes for text`},
		{"found a tab character", "this line is indented with a tab: use spaces"},
		{"found unexpected end of stream", "the text ends in the middle: a quote or bracket was opened and never closed"},
		{"did not find expected ',' or ']'", `a list in [ ] is not closed: it needs "," between items and "]" at its end`},
		{"did not find expected ',' or '}'", `a { } is not closed: it needs "," between keys and "}" at its end`},
		{"could not find expected ':'", `a key without a value: expected ":" after it`},
		{"found unknown escape character", `a backslash in double quotes begins an escape, and this one does not exist: write "\\" or use single quotes`},
		{"invalid Unicode character escape code", `an escape in double quotes stands for no character`},
		{"did not find expected hexdecimal number", `a backslash with x, u or U in double quotes needs 2, 4 or 8 hexadecimal digits: write "\\" for a backslash`},
		{"block sequence entries are not allowed", `a list cannot begin on the same line as its key: put "- " on the next line`},
		{"did not find expected node content", "here a value was expected: a bracket was opened and not closed, or a value is missing"},
		{"did not find expected comment or line break", `after "|" or ">" the line must end: put the text on the next line, indented`},
		{"did not find expected alphabetic or numeric character", `"*" and "&" at the start of a value have a meaning of their own: put the value in quotes`},
		{"did not find expected whitespace", `"*", "&" or "!" at the start of a value have a meaning of their own: put the value in quotes`},
		{"unknown anchor", "nothing before this has the name that follows the \"*\": put the value in quotes if it is a string"},
		{"found incompatible YAML document", "a %YAML line names a version other than 1: remove it"},
		{"did not find expected <document start>", `the document begins after other text: expected a mapping, or "---"`},
	} {
		if strings.Contains(message, known.has) {
			return known.words
		}
	}
	return "it is no YAML: " + message
}
