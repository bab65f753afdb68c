package yaml

import (
	"bytes"
	"slices"
	"testing"

	library "gopkg.in/yaml.v3"
)

// doubleQuoted is where the library sees texts in double quotes.
func doubleQuoted(n *library.Node, places [][2]int) [][2]int {
	if n.Kind == library.ScalarNode && n.Style&library.DoubleQuotedStyle != 0 && n.Style&library.TaggedStyle == 0 && n.Anchor == "" {
		places = append(places, [2]int{n.Line, n.Column})
	}
	for _, child := range n.Content {
		places = doubleQuoted(child, places)
	}
	return places
}

// What the lexer takes for a text in double quotes decides which escapes are
// rewritten, so it must see them where the library does.
func FuzzLexerSeesQuotesWhereTheLibraryDoes(f *testing.F) {
	for _, seed := range []string{
		"a: \"b\"\nc: |\n  \"d\"\n", "- x \"y\"\n- \"z\"\n", "a: 'b\"c'\nd: \"e\"", "{\"a\": [\"b\", c\"d]}", "a:\n  |\n  \"x\"\n# \"y\"\nb: c\n  \"d\"\n",
		"- - |2\n     \"a\n  \"b\"", "? \"a\"\n: \"b\"", "!!str \"a\"", "&a \"b\"", "a: >-\n\n   \"x\"\n\n  \"", "--- \"a\"", "[\"a\",\"b\"]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// What PyYAML refuses need not be seen alike, nor lines that end otherwise.
		if checkCharacters(source{file: "f"}, data) != nil || bytes.ContainsAny(data, "\t\r\u0085\u2028\u2029\ufeff&!%") {
			return
		}
		var document library.Node
		if err := library.NewDecoder(bytes.NewReader(data)).Decode(&document); err != nil {
			return
		}
		l := lex(data)
		if len(l.wrong) > 0 || l.deep >= 0 {
			return
		}
		var got [][2]int
		for _, s := range l.spans {
			if s.kind == spanDouble {
				line, column := place(data, s.start)
				got = append(got, [2]int{line, column})
			}
		}
		want := doubleQuoted(&document, nil)
		if len(got) > len(want) { // those of a second document
			got = got[:len(want)]
		}
		slices.SortFunc(want, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("in %q the lexer sees quotes at %v, the library at %v", data, got, want)
		}
	})
}
