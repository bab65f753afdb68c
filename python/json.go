package python

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"unicode/utf16"
)

// JSON writes values as cloud-init's files have them: Python's json.dumps with one blank
// of indentation, sorted keys and nothing but ASCII, and no newline at the end. Values
// are those that ParseJSON gives, and lists of texts.
func JSON(value any) []byte {
	var out bytes.Buffer
	writeJSON(&out, value, "\n")
	return out.Bytes()
}

// ParseJSON reads JSON whose numbers stay what they are: whole ones are int64 or
// *big.Int, others float64.
func ParseJSON(data []byte) (any, error) {
	var value any
	if err := json.Unmarshal(data, &value); err != nil { // the decoder below passes over what comes after the value
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return numbers(value), nil
}

func numbers(value any) any {
	switch x := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil {
			return n
		}
		if n, ok := new(big.Int).SetString(x.String(), 10); ok {
			return n
		}
		n, err := x.Float64()
		if err != nil { // too large: Python has infinity there, and JSON has none
			return x.String()
		}
		return n
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for key := range x {
			x[key] = numbers(x[key])
		}
	}
	return value
}

func writeJSON(out *bytes.Buffer, value any, line string) {
	switch x := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(x))
	case int64:
		out.WriteString(strconv.FormatInt(x, 10))
	case *big.Int:
		out.WriteString(x.String())
	case float64:
		out.WriteString(Float(x))
	case string:
		writeText(out, x)
	case []string:
		writeItems(out, "[]", line, len(x), func(i int, line string) { writeJSON(out, x[i], line) })
	case []any:
		writeItems(out, "[]", line, len(x), func(i int, line string) { writeJSON(out, x[i], line) })
	case map[string]any:
		keys := slices.Sorted(maps.Keys(x))
		writeItems(out, "{}", line, len(keys), func(i int, line string) {
			writeText(out, keys[i])
			out.WriteString(": ")
			writeJSON(out, x[keys[i]], line)
		})
	default:
		panic(fmt.Sprintf("python: JSON is not written of a %T", value)) // a mistake in this program
	}
}

// writeItems writes what is in a pair of brackets, each on a line of its own.
func writeItems(out *bytes.Buffer, brackets, line string, count int, write func(i int, line string)) {
	out.WriteByte(brackets[0])
	for i := range count {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(line + " ")
		write(i, line+" ")
	}
	if count > 0 {
		out.WriteString(line)
	}
	out.WriteByte(brackets[1])
}

// writeText writes a text in quotes. What is no UTF-8 becomes U+FFFD.
func writeText(out *bytes.Buffer, text string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	out.WriteByte('"')
	for _, c := range text {
		escaped, isShort := short[c]
		switch {
		case isShort:
			out.WriteString(escaped)
		case c >= ' ' && c <= '~':
			out.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(out, `\u%04x`, c)
		}
	}
	out.WriteByte('"')
}
