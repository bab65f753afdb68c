package template

import (
	"html"
	"math/big"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordTitle begins each word with a capital. Words are apart by blanks, hyphens and
// opening brackets.
func wordTitle(s string) string {
	var b strings.Builder
	begins := true
	for _, c := range s {
		if begins {
			b.WriteString(upperLetter(c))
		} else {
			b.WriteRune(unicode.ToLower(c))
		}
		begins = unicode.IsSpace(c) || strings.ContainsRune("-({[<", c)
	}
	return b.String()
}

// stripTags takes comments and tags of HTML away.
func stripTags(s string) string {
	s = without(without(s, "<!--", "-->"), "<", ">")
	s = collapse(s)
	return html.UnescapeString(s)
}

// collapse makes one blank of all that are beside each other, and none at the ends.
func collapse(s string) string {
	var b strings.Builder
	blanks := false
	for _, c := range s {
		if unicode.IsSpace(c) {
			blanks = b.Len() > 0
			continue
		}
		if blanks {
			b.WriteByte(' ')
		}
		blanks = false
		b.WriteRune(c)
	}
	return b.String()
}

func countWords(s string) *big.Int {
	words, inWord := int64(0), false
	for _, c := range s {
		was := inWord
		inWord = c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c)
		if inWord && !was {
			words++
		}
	}
	return big.NewInt(words)
}

// without is a text without all that is between two marks, and without these.
func without(s, begin, end string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(before)
		s = after
	}
}

func filterIndent(in *interpreter, x any, a []any) any {
	text := in.want(x, "what is indented")
	indent, ok := aText(or(a[0], "    "))
	if !ok {
		indent = in.justify("ljust", "", in.integer(a[0], "the indentation"), " ")
	}
	blank := in.truth(or(a[2], false))
	var b strings.Builder
	for i, line := range in.splitLines(text+"\n", false) {
		if i > 0 {
			in.write(&b, "\n")
		}
		if i == 0 && in.truth(or(a[1], false)) || i > 0 && (line != "" || blank) {
			in.write(&b, indent)
		}
		in.write(&b, line)
	}
	return like(x, b.String())
}

func filterTruncate(in *interpreter, x any, a []any) any {
	length, end := in.integer(or(a[0], big.NewInt(255)), "the length"), in.want(or(a[2], "..."), "the end")
	leeway := 5
	if a[3] != missing && a[3] != nil {
		leeway = in.integer(a[3], "the leeway")
	}
	if length < utf8.RuneCountInString(end) || leeway < 0 {
		in.fail("there is no room for the end %q in %d characters", brief(end), length)
	}
	if n, ok := in.size(x); ok && n <= length+leeway {
		return x
	}
	text := in.runes(in.want(x, "what is truncated"))
	cut := string(text[:length-utf8.RuneCountInString(end)])
	if at := strings.LastIndex(cut, " "); at >= 0 && !in.truth(or(a[1], false)) {
		cut = cut[:at]
	}
	if _, marked := x.(markup); marked {
		return markup(cut + in.escape(end))
	}
	return cut + end
}

// filterURLEncode is Python's quote(), or urlencode() for a dict or pairs.
func filterURLEncode(in *interpreter, x any, _ []any) any {
	_, isText := aText(x)
	items, ok := in.iterate(x)
	if isText || !ok {
		return strings.ReplaceAll(in.quoteURL(x, false), "%2F", "/")
	}
	if d, ok := x.(*dict); ok {
		items = in.pairsOf(d)
	}
	var parts []any
	for _, item := range items {
		pair := in.items(item)
		if len(pair) != 2 {
			in.fail("a query is made of pairs, and here are %d values", len(pair))
		}
		parts = append(parts, in.quoteURL(pair[0], true)+"="+in.quoteURL(pair[1], true))
	}
	return in.joined("&", parts, true)
}

func (in *interpreter) quoteURL(x any, query bool) string {
	text := in.str(x)
	in.grow(3 * len(text))
	text = strings.ReplaceAll(url.QueryEscape(text), "%7E", "~")
	if query {
		return text
	}
	return strings.ReplaceAll(text, "+", "%20")
}

func filterXMLAttributes(in *interpreter, x any, a []any) any {
	d, ok := x.(*dict)
	if !ok {
		in.fail(`the filter "xmlattr" needs a dictionary, and this is %s`, in.describe(x))
	}
	var parts []any
	for i, key := range d.keys {
		_, isMissing := d.values[i].(*undefined)
		if d.values[i] == nil || isMissing {
			continue
		}
		name := in.want(key, "an attribute's name")
		if strings.ContainsAny(name, " \t\n\r\f\v/>=") {
			in.fail("%q cannot be an attribute's name", brief(name))
		}
		parts = append(parts, in.escape(name)+`="`+in.escape(in.str(d.values[i]))+`"`)
	}
	text := in.joined(" ", parts, true)
	if text != "" && in.truth(or(a[0], true)) {
		text = " " + text
	}
	if in.escapes {
		return markup(text)
	}
	return text
}
