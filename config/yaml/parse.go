// Package yaml reads and writes YAML as PyYAML does, by which cloud-init reads and
// writes it.
//
// It takes text (JSON is YAML) and returns values that know their file, line and
// column, and problems that a person can find; and the reverse. It is the only package
// that imports a YAML library, and never knows the machine, nor what values mean.
package yaml

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloudseed/config"

	library "gopkg.in/yaml.v3"
)

// The bounds of a document. What is beyond is refused: nobody writes such a
// configuration, and a crafted one must not cost the guest its memory.
const (
	maxSize  = 16 << 20 // bytes of text
	maxDepth = 200      // lists and maps in each other
	maxNodes = 1 << 18  // values, with each alias counted as what it stands for
)

// Parse reads one YAML document, as PyYAML's safe_load does with YAML 1.1. file is the
// name that messages have for it. The problems returned beside a value are warnings.
// The error is a Problem: with it there is no value. An empty document is a null.
func Parse(file string, data []byte) (*config.Value, []config.Problem, error) {
	return ParseFilled(file, data, nil)
}

// ParseFilled is Parse for a text that a template became: lines[0] is the line of the
// template that its first line came from. Places are the template's; the columns are as
// good as those of what it became.
func ParseFilled(file string, data []byte, lines []int) (*config.Value, []config.Problem, error) {
	if observed := observer.Load(); observed != nil {
		(*observed)(file, data)
	}
	from := source{file, lines}
	if len(data) > maxSize {
		return nil, nil, config.Pos{File: file}.Errorf("it is larger than %d MiB", maxSize>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := checkCharacters(from, data); err != nil {
		return nil, nil, err
	}
	l := lex(data)
	l.source = from
	if err := l.tooMuch(); err != nil {
		return nil, nil, err
	}
	text, moved := l.rewrite()
	document, err := decodeOne(from, text)
	if errors.Is(err, io.EOF) {
		return config.NewScalar(from.pos(1, 1), config.Null, "", nil), nil, nil
	}
	if err != nil {
		return nil, nil, l.explain(err)
	}
	b := builder{source: from, moved: moved, names: map[string]*library.Node{}, anchors: map[*library.Node]anchored{}}
	value, err := b.value(document, 0)
	if err != nil {
		return nil, nil, err
	}
	return value, append(b.found.List(), l.warnings()...), nil
}

// source is where a text is from.
type source struct {
	file  string
	lines []int // where its lines stand there, if not as they are here
}

func (s source) pos(line, column int) config.Pos {
	if line > 0 && len(s.lines) > 0 {
		line = s.lines[min(line, len(s.lines))-1]
	}
	return config.Pos{File: s.file, Line: line, Column: column}
}

// decodeOne has the library read the one document. The library panics on its own
// mistakes; foreign bytes must not stop the boot, so that is an error too.
func decodeOne(from source, text []byte) (document *library.Node, err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			err = config.Pos{File: from.file}.Errorf("the YAML library fails on it: %v", mistake)
		}
	}()
	decoder := library.NewDecoder(bytes.NewReader(text))
	var first, second library.Node
	if err := decoder.Decode(&first); err != nil {
		return nil, err
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, from.pos(second.Line, second.Column).Errorf(`a second document begins here; there can only be one: remove the line "---"`)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return &first, nil
}

// builder turns the library's nodes into values.
type builder struct {
	source  source
	moved   moves
	nodes   int
	found   config.Findings
	path    []string                   // keys on the way to the value that is read
	names   map[string]*library.Node   // of anchors
	anchors map[*library.Node]anchored // what has an anchor is read once; nothing while it is read
}

// anchored is a value that has an anchor, with the number of values in it.
type anchored struct {
	value *config.Value
	size  int
}

func (b *builder) at(n *library.Node) config.Pos {
	return b.source.pos(n.Line, n.Column+b.moved.at(n.Line, n.Column))
}

func (b *builder) fail(n *library.Node, format string, args ...any) error {
	return b.at(n).Errorf(format, args...)
}

func (b *builder) value(n *library.Node, depth int) (*config.Value, error) {
	if depth > maxDepth {
		return nil, b.fail(n, "lists and maps are nested more than %d deep", maxDepth)
	}
	if n.Kind == library.AliasNode {
		return b.alias(n)
	}
	if n.Anchor != "" {
		b.anchors[n] = anchored{}
		b.checkAnchor(n)
	}
	before := b.nodes
	if err := b.count(n, 1); err != nil {
		return nil, err
	}
	v, err := b.node(n, depth)
	if err != nil {
		return nil, err
	}
	if n.Anchor != "" {
		b.anchors[n] = anchored{v, b.nodes - before}
	}
	return v, nil
}

// checkAnchor warns of a name that is given twice: here the later counts from there on,
// and PyYAML refuses it.
func (b *builder) checkAnchor(n *library.Node) {
	if first, ok := b.names[n.Anchor]; ok {
		b.found.At(b.at(n), "").Warnf("duplicate name after \"&\", first given in line %d; cloud-init does not read such a file", first.Line)
		return
	}
	b.names[n.Anchor] = n
}

// count bounds the values of the document, with each alias as large as what it stands
// for: ten lines of aliases of aliases stand for a billion values.
func (b *builder) count(n *library.Node, more int) error {
	if b.nodes += more; b.nodes > maxNodes {
		return b.fail(n, "there are more than %d values, with aliases counted as what they stand for", maxNodes)
	}
	return nil
}

func (b *builder) alias(n *library.Node) (*config.Value, error) {
	a := b.anchors[n.Alias]
	if a.value == nil {
		return nil, b.fail(n, "the \"*\" here stands inside of what it stands for")
	}
	return a.value, b.count(n, a.size)
}

func (b *builder) node(n *library.Node, depth int) (*config.Value, error) {
	switch n.Kind {
	case library.DocumentNode:
		return b.value(n.Content[0], depth)
	case library.SequenceNode:
		return b.list(n, depth)
	case library.MappingNode:
		return b.mapping(n, depth)
	default:
		return b.scalar(n)
	}
}

func (b *builder) list(n *library.Node, depth int) (*config.Value, error) {
	switch n.ShortTag() {
	case "!!seq", "!!omap", "!!pairs", "!":
	default:
		return nil, b.unknownTag(n)
	}
	items := make([]*config.Value, 0, len(n.Content))
	for i, child := range n.Content {
		b.path = append(b.path, strconv.Itoa(i))
		item, err := b.value(child, depth+1)
		b.path = b.path[:len(b.path)-1]
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return config.NewList(b.at(n), items), nil
}

func (b *builder) mapping(n *library.Node, depth int) (*config.Value, error) {
	switch n.ShortTag() {
	case "!!map", "!!set", "!":
	default:
		return nil, b.unknownTag(n)
	}
	var own, merged []config.Pair
	seen := map[string]config.Pos{}
	names := keyNames{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		if keyNode.Kind == library.ScalarNode && keyNode.Tag == "!!merge" {
			more, err := b.merge(valueNode, depth)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		key, err := b.key(keyNode, depth+1)
		if err != nil {
			return nil, err
		}
		if key.Kind() == config.List || key.Kind() == config.Map {
			return nil, b.fail(keyNode, "a key must be a single value; if this is text with braces, put it in quotes")
		}
		name := names.of(key)
		b.path = append(b.path, name)
		value, err := b.value(valueNode, depth+1)
		b.path = b.path[:len(b.path)-1]
		if err != nil {
			return nil, err
		}
		if first, ok := seen[name]; ok {
			path := strings.Join(append(slices.Clone(b.path), name), ".")
			b.found.At(key.Pos(), path).Warnf("duplicate key; first defined on line %d; the last one counts", first.Line)
		}
		seen[name] = key.Pos()
		own = append(own, config.Pair{Name: name, Key: key, Value: value})
	}
	// Merged keys come first and lose against the map's own.
	return config.NewMap(b.at(n), append(merged, own...)), nil
}

// key reads a map's key. A lone "=" is a text there, for PyYAML too.
func (b *builder) key(n *library.Node, depth int) (*config.Value, error) {
	if n.Kind == library.ScalarNode && n.Value == "=" {
		return config.NewScalar(b.at(n), config.String, n.Value, n.Value), nil
	}
	return b.value(n, depth)
}

// keyNames are the names of a map's keys that are numbers and the like, by their
// values: 010 and 8 are one key, and so are 1 and true, in Python.
type keyNames map[string]string

// of is the name under which a key is looked up: as it is written, and where the same
// value came before, as that was written.
func (names keyNames) of(key *config.Value) string {
	value := key.PyStr()
	switch x := key.Any().(type) {
	case bool:
		value = map[bool]string{false: "0", true: "1"}[x]
	case float64:
		value = strings.TrimSuffix(value, ".0")
	case int64, *big.Int:
	default:
		return value
	}
	if first, ok := names[value]; ok {
		return first
	}
	names[value] = key.Text()
	return key.Text()
}

// merge reads the value of a key "<<": a map, or a list of maps of which the first
// wins.
func (b *builder) merge(n *library.Node, depth int) ([]config.Pair, error) {
	v, err := b.value(n, depth+1)
	if err != nil {
		return nil, err
	}
	maps := v.Items()
	if v.Kind() == config.Map {
		maps = []*config.Value{v}
	}
	var pairs []config.Pair
	for i := len(maps) - 1; i >= 0; i-- {
		if maps[i].Kind() != config.Map {
			return nil, b.fail(n, `"<<" takes a mapping`)
		}
		pairs = append(pairs, maps[i].Pairs()...)
	}
	if v.Kind() != config.Map && v.Kind() != config.List {
		return nil, b.fail(n, `"<<" takes a mapping`)
	}
	return pairs, nil
}

// checkCharacters refuses text that is no YAML at all, with the place of the first
// wrong character (YAML 1.1 section 4.1.1).
func checkCharacters(from source, data []byte) error {
	line, start := 1, 0
	for i := 0; i < len(data); {
		c := data[i]
		if c >= ' ' && c < 0x7f || c == '\t' || c == '\r' {
			i++
			continue
		}
		if c == '\n' {
			i++
			line, start = line+1, i
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		at := from.pos(line, utf8.RuneCount(data[start:i])+1)
		switch {
		case r == utf8.RuneError && size <= 1:
			return at.Errorf("the byte 0x%02x is no UTF-8 text", data[i])
		case r < ' ' || r == 0x7f || r > 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff:
			return at.Errorf("the control character U+%04X is not allowed here", r)
		}
		i += size
	}
	return nil
}
