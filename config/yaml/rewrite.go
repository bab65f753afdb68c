package yaml

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// move says that from a column of a line on, the library's columns are too small by a
// number of characters.
type move struct{ line, column, by int }

type moves []move

// at is by how much the library's column is too small.
func (m moves) at(line, column int) int {
	i, exact := slices.BinarySearchFunc(m, move{line: line, column: column}, func(a, b move) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.column - b.column
	})
	if !exact {
		i--
	}
	if i < 0 || m[i].line != line {
		return 0
	}
	return m[i].by
}

// rewrite turns what PyYAML reads and the library refuses into what both read, without
// moving a line: directives of other versions, and the escapes of JSON's writers,
// "\/" and surrogate pairs.
func (l *lexer) rewrite() ([]byte, moves) {
	var out []byte
	var moved moves
	done, counted := 0, 0
	line, column, by := 1, 1, 0 // in the text that is written
	replace := func(from, to int, with []byte) {
		out = append(append(out, l.data[done:from]...), with...)
		for _, part := range [][]byte{l.data[counted:from], with} {
			if n := bytes.Count(part, []byte("\n")); n > 0 {
				line, column, by = line+n, 1, 0
				part = part[bytes.LastIndexByte(part, '\n')+1:]
			}
			column += utf8.RuneCount(part)
		}
		by += utf8.RuneCount(l.data[from:to]) - utf8.RuneCount(with)
		done, counted = to, to
		moved = append(moved, move{line, column, by})
	}
	for _, s := range l.spans {
		if s.kind == spanDirective {
			replace(s.start, s.end, directive(l.data[s.start:s.end]))
			continue
		}
		for at := s.start; at+1 < s.end; at++ {
			if l.data[at] != '\\' {
				continue
			}
			if l.data[at+1] == '/' {
				replace(at, at+2, []byte("/"))
			} else if char := surrogatePair(l.data[at:s.end]); char != nil {
				replace(at, at+12, char)
				at += 10
			}
			at++
		}
	}
	if done == 0 {
		return l.data, nil
	}
	return append(out, l.data[done:]...), moved
}

// directive is a directive as the library takes it: PyYAML reads every version 1 as
// 1.1, and passes over directives that it does not know.
func directive(line []byte) []byte {
	switch {
	case bytes.HasPrefix(line, []byte("%YAML 1.")):
		return []byte("%YAML 1.1")
	case bytes.HasPrefix(line, []byte("%YAML")), bytes.HasPrefix(line, []byte("%TAG")):
		return line
	}
	name, _, _ := bytes.Cut(line[1:], []byte(" "))
	for _, c := range name {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_') {
			return line // no directive, but a text that begins with %
		}
	}
	return []byte("#")
}

// surrogatePair is the character of an escape like \ud83d\ude00, nil when there is none.
func surrogatePair(text []byte) []byte {
	if len(text) < 12 || text[1] != 'u' || text[6] != '\\' || text[7] != 'u' {
		return nil
	}
	high, err := strconv.ParseUint(string(text[2:6]), 16, 32)
	if err != nil || high < 0xd800 || high > 0xdbff {
		return nil
	}
	low, err := strconv.ParseUint(string(text[8:12]), 16, 32)
	if err != nil || low < 0xdc00 || low > 0xdfff {
		return nil
	}
	return utf8.AppendRune(nil, rune(0x10000+(high-0xd800)<<10+(low-0xdc00)))
}
