package config

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// The bounds of a document. What is beyond is refused: nobody writes such a
// configuration, and a crafted one must not cost the guest its memory.
const (
	maxSize  = 16 << 20 // bytes of text
	maxDepth = 200      // lists and maps in each other
	maxNodes = 1 << 20  // values, with each alias counted as what it stands for
)

// Parse reads one YAML document, as PyYAML's safe_load does with YAML 1.1. file is the
// name that messages have for it. The problems returned beside a value are warnings.
// The error is a Problem: with it there is no value. An empty document is a null.
func Parse(file string, data []byte) (*Value, []Problem, error) {
	if len(data) > maxSize {
		return nil, nil, Problem{Pos: Pos{File: file}, Message: fmt.Sprintf("it is larger than %d MiB", maxSize>>20)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := scan(file, data); err != nil {
		return nil, nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(rewrite(data)))
	var document yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &Value{pos: Pos{File: file, Line: 1, Column: 1}}, nil, nil
	}
	if err != nil {
		return nil, nil, explain(file, data, err)
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return nil, nil, Problem{
			Pos:     Pos{file, second.Line, second.Column},
			Message: `a second document begins here; there can only be one: remove the line "---"`,
		}
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, explain(file, data, err)
	}
	b := builder{file: file}
	value, err := b.value(&document, 0)
	if err != nil {
		return nil, nil, err
	}
	return value, b.problems, nil
}

// scan refuses text that is no YAML at all, with the place of the first wrong
// character.
func scan(file string, data []byte) error {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := Pos{file, line, column}
		switch {
		case r == utf8.RuneError && size <= 1:
			return Problem{Pos: at, Message: fmt.Sprintf("the byte 0x%02x is no UTF-8 text", data[i])}
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f, r > 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return Problem{Pos: at, Message: fmt.Sprintf("the control character U+%04X may not stand here", r)}
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return nil
}

var surrogates = regexp.MustCompile(`\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

// rewrite turns what PyYAML reads and the library refuses into what both read, without
// moving a line: the %YAML directive of a later version, and inside double quotes the
// escapes of JSON.
func rewrite(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("%YAML 1.")) && len(data) > 8 && data[8] > '1' {
		data = bytes.Clone(data)
		data[8] = '1'
	}
	if !bytes.Contains(data, []byte(`\/`)) && !bytes.Contains(data, []byte(`\u`)) {
		return data
	}
	return inDoubleQuotes(data, func(text []byte) []byte {
		text = unescapeSlashes(text)
		return surrogates.ReplaceAllFunc(text, func(pair []byte) []byte {
			high, _ := strconv.ParseUint(string(pair[2:6]), 16, 32)
			low, _ := strconv.ParseUint(string(pair[8:12]), 16, 32)
			return []byte(string(rune(0x10000 + (high-0xd800)<<10 + (low - 0xdc00))))
		})
	})
}

// unescapeSlashes makes \/ a slash, but not after a backslash that is itself escaped.
func unescapeSlashes(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if text[i+1] != '/' {
				out = append(out, text[i])
			}
			i++
		}
		out = append(out, text[i])
	}
	return out
}

// inDoubleQuotes applies change to every text in double quotes. A quote only opens
// such a text where a value or key can begin; inside a plain or a block scalar it is
// a character like any other, and there the change would be wrong.
func inDoubleQuotes(data []byte, change func([]byte) []byte) []byte {
	var out []byte
	for i := 0; i < len(data); {
		if data[i] != '"' || !startsToken(data[:i]) {
			out = append(out, data[i])
			i++
			continue
		}
		end := i + 1
		for end < len(data) && data[end] != '"' {
			if data[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(data))
		out = append(out, change(data[i:end])...)
		i = end
	}
	return out
}

// startsToken tells whether a scalar can begin after this text.
func startsToken(before []byte) bool {
	trimmed := bytes.TrimRight(before, " \t\r\n")
	if len(trimmed) == 0 {
		return true
	}
	return bytes.IndexByte([]byte("{[,:-?"), trimmed[len(trimmed)-1]) >= 0
}

// builder turns the library's nodes into values.
type builder struct {
	file     string
	nodes    int
	problems []Problem
	within   []*yaml.Node // anchors that are being expanded
}

func (b *builder) at(n *yaml.Node) Pos { return Pos{b.file, n.Line, n.Column} }

func (b *builder) fail(n *yaml.Node, format string, args ...any) error {
	return Problem{Pos: b.at(n), Message: fmt.Sprintf(format, args...)}
}

func (b *builder) value(n *yaml.Node, depth int) (*Value, error) {
	if b.nodes++; b.nodes > maxNodes {
		return nil, b.fail(n, "there are more than %d values, with aliases counted as what they stand for", maxNodes)
	}
	if depth > maxDepth {
		return nil, b.fail(n, "lists and maps are nested more than %d deep", maxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return b.value(n.Content[0], depth)
	case yaml.AliasNode:
		for _, open := range b.within {
			if open == n.Alias {
				return nil, b.fail(n, "the alias *%s stands inside of what it stands for", n.Value)
			}
		}
		b.within = append(b.within, n.Alias)
		v, err := b.value(n.Alias, depth)
		b.within = b.within[:len(b.within)-1]
		return v, err
	case yaml.SequenceNode:
		return b.list(n, depth)
	case yaml.MappingNode:
		return b.mapping(n, depth)
	default:
		return b.scalar(n)
	}
}

func (b *builder) list(n *yaml.Node, depth int) (*Value, error) {
	switch n.ShortTag() {
	case "!!seq", "!!omap", "!!pairs":
	default:
		return nil, b.fail(n, "there is no tag %s for a list", n.Tag)
	}
	v := &Value{kind: List, pos: b.at(n)}
	for _, child := range n.Content {
		item, err := b.value(child, depth+1)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

func (b *builder) mapping(n *yaml.Node, depth int) (*Value, error) {
	switch n.ShortTag() {
	case "!!map", "!!set":
	default:
		return nil, b.fail(n, "there is no tag %s for keys with values", n.Tag)
	}
	var own, merged []pair
	seen := map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		if keyNode.Kind == yaml.ScalarNode && keyNode.Tag == "!!merge" {
			more, err := b.merge(valueNode, depth)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		key, err := b.value(keyNode, depth+1)
		if err != nil {
			return nil, err
		}
		if key.kind == List || key.kind == Map {
			return nil, b.fail(keyNode, "a key must be a single value; if this is text with braces, put it in quotes")
		}
		value, err := b.value(valueNode, depth+1)
		if err != nil {
			return nil, err
		}
		name := key.PyStr()
		if key.kind == Int || key.kind == Float || key.kind == Bool {
			name = key.text // 1 and yes are looked up as they are written
		}
		if first, ok := seen[name]; ok {
			b.problems = append(b.problems, Problem{
				Severity: Warning, Pos: key.pos, Key: name,
				Message: fmt.Sprintf("it stands here for the second time, first in line %d; the last one counts", first.Line),
			})
		}
		seen[name] = key.pos
		own = append(own, pair{name, key.pos, value})
	}
	// Merged keys come first and lose against the map's own.
	return newMap(b.at(n), append(merged, own...)), nil
}

// merge reads the value of a key "<<": a map, or a list of maps of which the first
// wins.
func (b *builder) merge(n *yaml.Node, depth int) ([]pair, error) {
	v, err := b.value(n, depth+1)
	if err != nil {
		return nil, err
	}
	maps := v.items
	if v.kind == Map {
		maps = []*Value{v}
	}
	var pairs []pair
	for i := len(maps) - 1; i >= 0; i-- {
		if maps[i].kind != Map {
			return nil, b.fail(n, `"<<" takes keys with values`)
		}
		pairs = append(pairs, maps[i].pairs...)
	}
	if v.kind != Map && v.kind != List {
		return nil, b.fail(n, `"<<" takes keys with values`)
	}
	return pairs, nil
}

func (b *builder) scalar(n *yaml.Node) (*Value, error) {
	v := &Value{pos: b.at(n), text: n.Value, kind: String, any: n.Value}
	tagged := n.Style&yaml.TaggedStyle != 0
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if !tagged {
		if quoted {
			return v, nil
		}
		if n.Value == "=" {
			return nil, b.fail(n, `a lone "=" has a meaning of its own in YAML; put it in quotes`)
		}
		var err error
		if v.kind, v.any, err = resolve(n.Value); err != nil {
			return nil, b.fail(n, "%v", err)
		}
		return v, nil
	}
	return b.tagged(n, v)
}

// tagged reads a scalar whose type is given.
func (b *builder) tagged(n *yaml.Node, v *Value) (*Value, error) {
	kind, value, err := resolve(n.Value)
	switch tag := n.ShortTag(); tag {
	case "!!str":
		return v, nil
	case "!!null":
		v.kind, v.any = Null, nil
		return v, nil
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, b.fail(n, "what !!binary marks is no base64: %v", err)
		}
		v.kind, v.any, v.text = Binary, data, string(data)
		return v, nil
	case "!!bool", "!!int", "!!float", "!!timestamp":
		want := map[string]Kind{"!!bool": Bool, "!!int": Int, "!!float": Float, "!!timestamp": Timestamp}[tag]
		if whole, ok := value.(int64); ok && want == Float {
			kind, value = Float, float64(whole)
		}
		if err != nil || kind != want {
			return nil, b.fail(n, "%q is no %s", n.Value, strings.TrimPrefix(tag, "!!"))
		}
		v.kind, v.any = kind, value
		return v, nil
	default:
		return nil, b.fail(n, "there is no tag %s", n.Tag)
	}
}

var libraryError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// explain turns the library's words into a sentence for a person, with the best place
// that can be found.
func explain(file string, data []byte, err error) error {
	p := Problem{Pos: Pos{File: file}}
	found := libraryError.FindStringSubmatch(err.Error())
	if found == nil {
		p.Message = err.Error()
		return p
	}
	lines := strings.Split(string(data), "\n")
	p.Pos.Line = 1 // the library names no line for the first one
	if line, err := strconv.Atoi(found[1]); err == nil {
		p.Pos.Line = min(line, len(lines))
	}
	text := lines[p.Pos.Line-1]
	p.Pos.Column = len([]rune(text)) - len([]rune(strings.TrimLeft(text, " \t"))) + 1
	p.Message = inWords(found[2])
	return p
}

// inWords says what the library means and what is likely to be wrong.
func inWords(message string) string {
	for _, known := range []struct{ has, words string }{
		{"mapping values are not allowed", `this line has a ": " where no key can stand: put the value in quotes, or check the indentation`},
		{"did not find expected key", `this is no "key: value" at this indentation: check the indentation of this line and the one above`},
		{"did not find expected '-' indicator", `a list's item must begin with "- " at the same indentation as the others`},
		{"found character that cannot start any token", `this line begins with a character that has a meaning of its own (a tab, @, %, or a backquote): use blanks to indent, and quotes for text`},
		{"found unexpected end of stream", "the text ends in the middle: a quote or bracket was opened and never closed"},
		{"did not find expected ',' or ']'", `a list in [ ] is not closed: it needs "," between items and "]" at its end`},
		{"did not find expected ',' or '}'", `a { } is not closed: it needs "," between keys and "}" at its end`},
		{"could not find expected ':'", `a key without a value: expected ":" after it`},
		{"found unknown escape character", `a backslash in double quotes begins an escape, and this one does not exist: write "\\" or use single quotes`},
		{"block sequence entries are not allowed", `a list cannot begin on the same line as its key: put "- " on the next line`},
		{"did not find expected node content", "here a value was expected: a bracket was opened and not closed, or a value is missing"},
		{"unknown anchor", "the alias stands for nothing: " + message},
	} {
		if strings.Contains(message, known.has) {
			return known.words
		}
	}
	return message
}
