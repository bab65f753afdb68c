package template

import (
	"encoding/json"
	"math/big"
	"strings"

	"cloudseed/python"
)

// filterToJSON prints a value as JSON with sorted keys, safe to stand in HTML as Jinja2
// has it.
func filterToJSON(in *interpreter, x any, a []any) any {
	j := &jsonWriter{interpreter: in}
	if a[0] != missing && a[0] != nil {
		j.indent, j.pretty = in.justify("ljust", "", in.integer(a[0], "the indentation"), " "), true
	}
	j.value(x, "\n")
	return markup(j.b.String())
}

type jsonWriter struct {
	*interpreter
	b      strings.Builder
	indent string
	pretty bool
}

func (j *jsonWriter) value(x any, line string) {
	defer j.deeper()()
	j.spend(1)
	if text, ok := aText(x); ok {
		j.text(text)
		return
	}
	switch x := x.(type) {
	case nil:
		j.write(&j.b, "null")
	case bool:
		j.write(&j.b, map[bool]string{true: "true", false: "false"}[x])
	case *big.Int:
		j.write(&j.b, j.decimal(x))
	case float64:
		j.write(&j.b, strings.NewReplacer("inf", "Infinity", "nan", "NaN").Replace(python.Float(x)))
	case *list, tuple, *group:
		items, _ := j.iterate(x)
		j.all("[", "]", line, len(items), func(i int, line string) { j.value(items[i], line) })
	case *dict:
		j.dict(x, line)
	default:
		j.fail("%s cannot be written as JSON", j.describe(x))
	}
}

func (j *jsonWriter) dict(d *dict, line string) {
	items := j.pairsOf(d)
	j.sort(items, d.keys, false)
	j.all("{", "}", line, len(items), func(i int, line string) {
		pair := items[i].(tuple)
		j.text(j.key(pair[0]))
		j.write(&j.b, ": ")
		j.value(pair[1], line)
	})
}

// key is a dictionary's key as JSON has it: a text.
func (j *jsonWriter) key(key any) string {
	if text, ok := aText(key); ok {
		return text
	}
	if _, isNumber := number(key); !isNumber && key != nil {
		j.fail("%s cannot be a key in JSON", j.describe(key))
	}
	text := j.str(key)
	if word, ok := map[string]string{"None": "null", "True": "true", "False": "false"}[text]; ok {
		return word
	}
	return text
}

// all writes what is in brackets, each on a line of its own if there is an indentation.
func (j *jsonWriter) all(begin, end, line string, count int, write func(i int, line string)) {
	j.write(&j.b, begin)
	for i := range count {
		switch {
		case i > 0 && !j.pretty:
			j.write(&j.b, ", ")
		case i > 0:
			j.write(&j.b, ",")
		}
		if j.pretty {
			j.write(&j.b, line+j.indent)
		}
		write(i, line+j.indent)
	}
	if j.pretty && count > 0 {
		j.write(&j.b, line)
	}
	j.write(&j.b, end)
}

// text writes a JSON string in ASCII.
func (j *jsonWriter) text(text string) {
	j.write(&j.b, `"`)
	for piece := range pieces(text) {
		j.write(&j.b, jsonText(piece))
	}
	j.write(&j.b, `"`)
}

func jsonText(text string) string {
	quoted, err := json.Marshal(text) // which escapes <, > and & as we want it
	if err != nil {
		return "" // a text always can be
	}
	var b strings.Builder
	for _, c := range string(quoted[1 : len(quoted)-1]) {
		switch {
		case c == '\'':
			b.WriteString(`\u0027`)
		case c < 0x7f:
			b.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			b.WriteString(unicodeEscape(0xd800+c>>10) + unicodeEscape(0xdc00+c&0x3ff))
		default:
			b.WriteString(unicodeEscape(c))
		}
	}
	return b.String()
}

func unicodeEscape(c rune) string {
	const digits = "0123456789abcdef"
	return `\u` + string([]byte{digits[c>>12&15], digits[c>>8&15], digits[c>>4&15], digits[c&15]})
}
