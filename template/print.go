package template

import (
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudseed/python"
)

// str is a value as Python's str() prints it.
func (in *interpreter) str(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case markup:
		return string(x)
	case *undefined:
		return in.missed(x)
	case *joiner:
		return in.str(x.next())
	}
	var b strings.Builder
	in.repr(&b, x, nil)
	return b.String()
}

// missed prints what is not there, and keeps in mind where that was.
func (in *interpreter) missed(u *undefined) string {
	if u.silent {
		return ""
	}
	if len(in.missing) < maxMissing {
		in.missing = append(in.missing, miss{u.name, u.path, in.at})
	}
	return in.text(Missing + u.name)
}

// maxMissing is how many missing variables are told of.
const maxMissing = 100

// repr is a value as Python's repr() prints it. around are the lists and dicts that it
// is in: what contains itself is printed with dots in its place.
func (in *interpreter) repr(b *strings.Builder, x any, around []any) {
	defer in.deeper()()
	in.spend(1)
	if slices.Contains(around, any(x)) && isContainer(x) {
		in.write(b, map[string]string{"list": "[...]", "dict": "{...}"}[typeName(x)])
		return
	}
	switch x := x.(type) {
	case nil:
		in.write(b, "None")
	case bool:
		in.write(b, map[bool]string{true: "True", false: "False"}[x])
	case *big.Int:
		in.write(b, in.decimal(x))
	case float64:
		in.write(b, python.Float(x))
	case string:
		in.quote(b, x)
	case markup:
		in.write(b, "Markup(")
		in.quote(b, string(x))
		in.write(b, ")")
	case *undefined:
		in.write(b, "Undefined")
	case *list:
		in.reprAll(b, "[", x.items, "]", append(around, x))
	case *stream:
		// Difference from cloud-init: there it prints as "<generator object …>".
		in.reprAll(b, "[", x.items, "]", around)
	case *group:
		in.reprAll(b, "(", tuple{x.key, x.list}, ")", around)
	case tuple:
		end := ")"
		if len(x) == 1 {
			end = ",)"
		}
		in.reprAll(b, "(", x, end, around)
	case *view:
		in.reprAll(b, "dict_"+x.kind+"([", x.items, "])", around)
	case *dict:
		in.reprDict(b, x, append(around, x))
	case *span:
		in.write(b, x.String())
	case *macro:
		in.write(b, "<Macro ")
		in.quote(b, x.name)
		in.write(b, ">")
	default:
		// Difference from cloud-init: there it prints with its address in memory.
		in.write(b, "<"+typeName(x)+">")
	}
}

func isContainer(x any) bool {
	switch x.(type) {
	case *list, *dict:
		return true
	}
	return false
}

func (in *interpreter) write(b *strings.Builder, text string) {
	in.grow(len(text))
	b.WriteString(text)
}

func (in *interpreter) reprAll(b *strings.Builder, begin string, items []any, end string, around []any) {
	in.write(b, begin)
	for i, item := range items {
		if i > 0 {
			in.write(b, ", ")
		}
		in.repr(b, item, around)
	}
	in.write(b, end)
}

func (in *interpreter) reprDict(b *strings.Builder, d *dict, around []any) {
	in.write(b, "{")
	for i, key := range d.keys {
		if i > 0 {
			in.write(b, ", ")
		}
		in.repr(b, key, around)
		in.write(b, ": ")
		in.repr(b, d.values[i], around)
	}
	in.write(b, "}")
}

// quote prints a string as Python writes it in its own source.
func (in *interpreter) quote(b *strings.Builder, text string) {
	quote := python.Quote(text)
	in.write(b, string(quote))
	for piece := range pieces(text) {
		in.write(b, python.Escape(piece, quote))
	}
	in.write(b, string(quote))
}

// pieces are parts of a text, for what makes it longer: it is accounted for piece by piece.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			end := min(len(text), 4096)
			for end < len(text) && !utf8.RuneStart(text[end]) {
				end++
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// maxDigits is how long Python lets a printed number be.
const maxDigits = 4300

func (in *interpreter) decimal(i *big.Int) string {
	if i.BitLen() > maxDigits*3 { // there are at least three bits in a digit
		if text := i.String(); len(strings.TrimPrefix(text, "-")) > maxDigits {
			in.fail("a number with more than %d digits cannot be printed", maxDigits)
		}
	}
	in.spend(1 + i.BitLen()/64)
	return i.String()
}

func (s *span) String() string {
	if s.step == 1 {
		return fmt.Sprintf("range(%d, %d)", s.start, s.stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", s.start, s.stop, s.step)
}

// escape makes a text safe for HTML, as MarkupSafe does.
func (in *interpreter) escape(text string) string {
	in.scan(len(text))
	return in.text(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(text))
}
