package yaml

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/python"
)

// PyYAML's emitter with cloud-init's settings: block style, keys sorted, four blanks
// of indentation, lines folded after 80 characters, all but ASCII escaped.
const (
	dumpIndent = 4
	dumpWidth  = 80
)

// Dump returns a value as PyYAML's safe_dump(indent=4, default_flow_style=False) writes
// it, without "---" and "...". It reads back as the same value.
func Dump(v *config.Value) []byte { return emit(v, dumpIndent, false) }

// DumpIndented is Dump with a number of spaces of indentation, from 2 to 9; PyYAML's own is 2.
func DumpIndented(v *config.Value, spaces int) []byte { return emit(v, spaces, false) }

// DumpInOrder is Dump with the keys of mappings in the order in which they stand.
func DumpInOrder(v *config.Value) []byte { return emit(v, dumpIndent, true) }

func emit(v *config.Value, step int, inOrder bool) []byte {
	e := emitter{step: step, indent: -1, whitespace: true, indention: true, inOrder: inOrder}
	e.value(v, false)
	e.lineBreak()
	return e.out.Bytes()
}

type emitter struct {
	step       int // of an indentation
	out        bytes.Buffer
	column     int
	indent     int  // of the list or map that is written; -1 for none yet
	whitespace bool // the last character was a blank, or the line is new
	indention  bool // nothing but blanks, dashes and question marks in this line
	inOrder    bool // keys are not sorted
}

func (e *emitter) write(text string) {
	e.out.WriteString(text)
	e.column += len(text)
}

func (e *emitter) lineBreak() {
	e.out.WriteByte('\n')
	e.column, e.whitespace, e.indention = 0, true, true
}

// newLine begins a line at the indentation, if this one is not there already.
func (e *emitter) newLine() {
	indent := max(e.indent, 0)
	if !e.indention || e.column > indent || e.column == indent && !e.whitespace {
		e.lineBreak()
	}
	if e.column < indent {
		e.whitespace = true
		e.write(strings.Repeat(" ", indent-e.column))
	}
}

// mark writes "-", ":", a quote.
func (e *emitter) mark(text string, needBlank, isIndention bool) {
	if needBlank && !e.whitespace {
		text = " " + text
	}
	e.whitespace = false
	e.indention = e.indention && isIndention
	e.write(text)
}

// deeper is the indentation of what is written next; a scalar has one too, for the
// lines that it is folded into.
func (e *emitter) deeper(scalar bool) int {
	if e.indent < 0 {
		if scalar {
			return e.step
		}
		return 0
	}
	return e.indent + e.step
}

// value writes a value; inMap says that it is a key's.
func (e *emitter) value(v *config.Value, inMap bool) {
	before := e.indent
	switch {
	case v.Kind() == config.Map && len(v.Pairs()) > 0:
		e.indent = e.deeper(false)
		e.pairs(v.Pairs())
	case v.Kind() == config.List && len(v.Items()) > 0:
		if !inMap || e.indention { // a list stands at its key's indentation
			e.indent = e.deeper(false)
		}
		for _, item := range v.Items() {
			e.newLine()
			e.mark("-", true, true)
			e.value(item, false)
		}
	default:
		e.indent = e.deeper(true)
		e.scalar(v, false)
	}
	e.indent = before
}

func (e *emitter) pairs(pairs []config.Pair) {
	if !e.inOrder {
		pairs = sortedPairs(pairs)
	}
	for _, p := range pairs {
		e.newLine()
		if isSimpleKey(p.Key) {
			before := e.indent
			e.indent = e.deeper(true)
			e.scalar(p.Key, true)
			e.indent = before
			e.mark(":", false, false)
			e.value(p.Value, true)
			continue
		}
		e.mark("?", true, true)
		e.value(p.Key, true)
		e.newLine()
		e.mark(":", true, true)
		e.value(p.Value, true)
	}
}

// sortedPairs sorts keys as Python does: keys of types that it cannot compare stay in
// the order of the document.
func sortedPairs(pairs []config.Pair) []config.Pair {
	for _, p := range pairs {
		if p.Key.Kind() != pairs[0].Key.Kind() {
			return pairs
		}
	}
	return slices.SortedStableFunc(slices.Values(pairs), func(a, b config.Pair) int {
		if x, ok := a.Key.Int(); ok {
			if y, ok := b.Key.Int(); ok {
				return cmp.Compare(x, y)
			}
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// maxSimpleKey is 128 characters with the tag "!!str", which PyYAML counts although it
// does not write it.
const maxSimpleKey = 123

// isSimpleKey tells keys that need no "?": short ones of one line, and not empty.
func isSimpleKey(v *config.Value) bool {
	if v.Kind() == config.String && v.Text() == "" {
		return false
	}
	return v.Kind() != config.Binary && len([]rune(v.Text())) < maxSimpleKey && !strings.ContainsAny(v.Text(), "\n\u0085\u2028\u2029")
}

func (e *emitter) scalar(v *config.Value, isKey bool) {
	switch v.Kind() {
	case config.List:
		e.mark("[]", true, false)
	case config.Map:
		e.mark("{}", true, false)
	case config.String:
		e.text(v.Text(), isKey)
	case config.Binary:
		e.binary([]byte(v.Text()))
	default:
		e.plain(plainText(v), !isKey)
	}
}

// plainText is the text of a scalar that is no string.
func plainText(v *config.Value) string {
	switch x := v.Any().(type) {
	case bool:
		return fmt.Sprint(x)
	case float64:
		text := python.Float(x)
		if !strings.Contains(text, ".") && strings.Contains(text, "e") {
			text = strings.Replace(text, "e", ".0e", 1) // else it would read back as a text
		}
		return strings.NewReplacer("inf", ".inf", "nan", ".nan").Replace(text)
	case int64, *big.Int:
		return fmt.Sprint(x)
	case string:
		return v.PyStr() // a timestamp
	}
	return "null"
}

// binary writes base64 as a block text, in lines of 76 characters.
func (e *emitter) binary(data []byte) {
	e.mark("!!binary", true, false)
	e.mark("|", true, false)
	encoded := base64.StdEncoding.EncodeToString(data)
	for first := true; first || encoded != ""; first = false {
		n := min(76, len(encoded))
		e.lineBreak()
		if n > 0 {
			e.write(strings.Repeat(" ", e.indent))
			e.write(encoded[:n])
		}
		encoded = encoded[n:]
	}
	e.whitespace, e.indention = false, false
}
