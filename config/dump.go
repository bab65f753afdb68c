package config

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Replace lays one map over another by cloud-init's default rule for parts of user
// data: a key of the higher one replaces the whole of the lower's.
func Replace(low, high *Value) *Value {
	if low.Kind() != Map || high.Kind() != Map {
		if high == nil {
			return low
		}
		return high
	}
	return newMap(high.pos, append(slices.Clone(low.pairs), high.pairs...))
}

// YAML is the value as PyYAML's safe_dump writes it in block style: keys sorted, lists
// at their key's indentation. It reads back as the same value.
func (v *Value) YAML() []byte {
	var out bytes.Buffer
	switch {
	case v.Kind() == Map && len(v.pairs) > 0:
		dumpMap(&out, v, "")
	case v.Kind() == List && len(v.items) > 0:
		dumpList(&out, v, "")
	default:
		out.WriteString(inline(v) + "\n")
	}
	return out.Bytes()
}

const dumpIndent = "    "

func dumpMap(out *bytes.Buffer, v *Value, indent string) {
	pairs := slices.Clone(v.pairs)
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i, p := range pairs {
		if i > 0 {
			out.WriteString(indent)
		}
		out.WriteString(quote(p.key) + ":")
		switch {
		case p.value.Kind() == Map && len(p.value.pairs) > 0:
			out.WriteString("\n" + indent + dumpIndent)
			dumpMap(out, p.value, indent+dumpIndent)
		case p.value.Kind() == List && len(p.value.items) > 0:
			out.WriteString("\n" + indent)
			dumpList(out, p.value, indent)
		default:
			out.WriteString(" " + inline(p.value) + "\n")
		}
	}
}

func dumpList(out *bytes.Buffer, v *Value, indent string) {
	for i, item := range v.items {
		if i > 0 {
			out.WriteString(indent)
		}
		deeper := indent + dumpIndent
		switch {
		case item.Kind() == Map && len(item.pairs) > 0:
			out.WriteString("-   ")
			dumpMap(out, item, deeper)
		case item.Kind() == List && len(item.items) > 0:
			out.WriteString("-   ")
			dumpList(out, item, deeper)
		default:
			out.WriteString("- " + inline(item) + "\n")
		}
	}
}

// inline writes a scalar, or an empty list or map.
func inline(v *Value) string {
	switch v.Kind() {
	case Null:
		return "null"
	case List:
		return "[]"
	case Map:
		return "{}"
	case Binary:
		return "!!binary " + base64.StdEncoding.EncodeToString([]byte(v.text))
	case String:
		return quote(v.text)
	}
	switch x := v.any.(type) {
	case bool:
		return fmt.Sprint(x)
	case float64:
		return strings.NewReplacer("inf", ".inf", "nan", ".nan").Replace(pyFloat(x))
	case int64, *big.Int:
		return fmt.Sprint(x)
	}
	return v.text
}

// quote writes a text plain if it reads back as itself, else in quotes.
func quote(text string) string {
	if plain(text) {
		return text
	}
	if strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0xfeff || r == 0x2028 || r == 0x2029
	}) < 0 {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return doubleQuote(text)
}

func plain(text string) bool {
	if text == "" || text == "=" || text == "<<" || strings.TrimSpace(text) != text {
		return false
	}
	if kind, _, err := resolve(text); err != nil || kind != String {
		return false
	}
	if strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`", rune(text[0])) || strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") {
		return false
	}
	for i, r := range text {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0xfeff || r == 0x2028 || r == 0x2029 {
			return false
		}
		if r == '#' && text[i-1] == ' ' {
			return false
		}
		if r == ':' && (i+1 == len(text) || text[i+1] == ' ') {
			return false
		}
	}
	return true
}

func doubleQuote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteRune('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r == 0x85 || r == 0xfeff || r == 0x2028 || r == 0x2029:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
