package template

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filterAll applies a filter, or several one after the other. base is what the first is
// applied to when it has nothing before it, as in a filter block.
func (in *interpreter) filterAll(x expr, base any) any {
	f := x.(*filtering)
	defer in.deeper()()
	value := base
	if inner, ok := f.x.(*filtering); ok {
		value = in.filterAll(inner, base)
	} else if f.x != nil {
		value = in.eval(f.x)
	}
	g := in.arguments(fmt.Sprintf("the filter %q", f.name), f.args)
	in.at = f.pos
	return in.filter(f.name, value, g)
}

// filter applies a filter by its name.
func (in *interpreter) filter(name string, x any, g *given) any {
	in.spend(1)
	switch name {
	case "map":
		return in.mapped(x, g)
	case "select", "reject", "selectattr", "rejectattr":
		return in.selected(name, x, g)
	case "format":
		return in.formatted(x, g)
	}
	f := filterNamed(name)
	if f == nil {
		in.fail("%s", noFilter(name))
	}
	return f.f(in, x, in.bind(g, f.params...))
}

// noFilter is what is said of a filter that there is not. A few of Jinja2's are of no use
// for configuration.
func noFilter(name string) string {
	switch name {
	case "urlize", "wordwrap", "pprint":
		return fmt.Sprintf("the filter %q is not there in cloudseed's templates", name)
	}
	return fmt.Sprintf("there is no filter %q", name)
}

// isFilter tells whether there is a filter of that name.
func isFilter(name string) bool {
	switch name {
	case "map", "select", "reject", "selectattr", "rejectattr", "format":
		return true
	}
	return filterNamed(name) != nil
}

func textFilter(f func(string) string) *operation {
	return op(func(in *interpreter, x any, _ []any) any { return like(x, in.text(f(in.str(x)))) })
}

// filterNamed is one of Jinja2's filters, with its parameters.
func filterNamed(name string) *operation {
	switch name {
	case "abs":
		return op(filterAbs)
	case "attr":
		return op(filterAttr, "name")
	case "capitalize":
		return textFilter(capitalize)
	case "center":
		return op(func(in *interpreter, x any, a []any) any {
			return like(x, in.justify("center", in.str(x), in.integer(or(a[0], big.NewInt(80)), "the width"), " "))
		}, "width?")
	case "d", "default":
		return op(filterDefault, "default_value?", "boolean?")
	case "e", "escape":
		return op(func(in *interpreter, x any, _ []any) any {
			if _, ok := x.(markup); ok {
				return x
			}
			return markup(in.escape(in.str(x)))
		})
	case "forceescape":
		return op(func(in *interpreter, x any, _ []any) any { return markup(in.escape(in.str(x))) })
	case "safe":
		return op(func(in *interpreter, x any, _ []any) any { return markup(in.str(x)) })
	case "filesizeformat":
		return op(filterFileSize, "binary?")
	case "float":
		return op(filterFloat, "default?")
	case "indent":
		return op(filterIndent, "width?", "first?", "blank?")
	case "int":
		return op(filterInt, "default?", "base?")
	case "length", "count":
		return op(filterLength)
	case "lower":
		return textFilter(strings.ToLower)
	case "upper":
		return textFilter(upper)
	case "random":
		return op(filterRandom)
	case "replace":
		return op(func(in *interpreter, x any, a []any) any {
			return in.replace(in.str(x), in.str(a[0]), in.str(a[1]), a[2])
		}, "old", "new", "count?")
	case "round":
		return op(filterRound, "precision?", "method?")
	case "string":
		return op(func(in *interpreter, x any, _ []any) any {
			if _, ok := x.(markup); ok {
				return x
			}
			return in.str(x)
		})
	case "striptags":
		return textFilter(stripTags)
	case "title":
		return textFilter(wordTitle)
	case "tojson":
		return op(filterToJSON, "indent?")
	case "trim":
		return op(func(in *interpreter, x any, a []any) any { return in.strip("strip", x, a[0]) }, "chars?")
	case "truncate":
		return op(filterTruncate, "length?", "killwords?", "end?", "leeway?")
	case "urlencode":
		return op(filterURLEncode)
	case "wordcount":
		return op(func(in *interpreter, x any, _ []any) any {
			isWord := func(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c) }
			in.scan(len(in.str(x)))
			words := strings.FieldsFunc(in.str(x), func(c rune) bool { return !isWord(c) })
			return big.NewInt(int64(len(words)))
		})
	case "xmlattr":
		return op(filterXMLAttributes, "autospace?")
	}
	return listFilterNamed(name)
}

func filterAbs(in *interpreter, x any, _ []any) any {
	n, ok := number(x)
	if !ok {
		in.fail(`the filter "abs" needs a number, and this is %s`, in.describe(x))
	}
	if i, ok := n.(*big.Int); ok {
		return new(big.Int).Abs(i)
	}
	return math.Abs(float(n))
}

// filterAttr is an attribute, and never a dict's key.
func filterAttr(in *interpreter, x any, a []any) any {
	name := in.want(a[0], "the attribute's name")
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if value, ok := in.member(x, name); ok {
		return value
	}
	return &undefined{name: name, path: "(…)." + name}
}

func filterDefault(in *interpreter, x any, a []any) any {
	if _, ok := x.(*undefined); ok || in.truth(or(a[1], false)) && !in.truth(x) {
		return or(a[0], "")
	}
	return x
}

func filterLength(in *interpreter, x any, _ []any) any {
	n, ok := in.size(x)
	if !ok {
		in.fail("%s has no length", in.describe(x))
	}
	return big.NewInt(int64(n))
}

func filterRandom(in *interpreter, x any, _ []any) any {
	items := in.items(x)
	if len(items) == 0 {
		return &undefined{name: "None", path: "an item of an empty list"}
	}
	return items[rand.IntN(len(items))] //nolint:gosec // Jinja2's is no better, and nobody makes keys by it
}

// filterInt is Python's int(), or a default for what is no number.
func filterInt(in *interpreter, x any, a []any) any {
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	base := in.integer(or(a[1], big.NewInt(10)), "the base")
	if base != 0 && (base < 2 || base > 36) {
		return or(a[0], new(big.Int))
	}
	if text, ok := aText(x); ok {
		if i, ok := in.parseInt(text, base); ok {
			return i
		}
	}
	if n, ok := number(x); ok {
		return in.finite(n)
	}
	if f, ok := in.parseFloat(x); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return whole(f)
	}
	return or(a[0], new(big.Int))
}

// parseInt reads a number as Python's int() does: blanks around it, a sign, underscores
// between digits, and the base's prefix.
func (in *interpreter) parseInt(text string, base int) (*big.Int, bool) {
	in.scan(len(text))
	text = strings.TrimFunc(text, unicode.IsSpace)
	if len(text) > maxDigits {
		return nil, false
	}
	digits := strings.TrimLeft(text, "+-")
	prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]
	if prefix != "" && len(digits) > 2 && strings.EqualFold(digits[:2], prefix) {
		digits = strings.TrimPrefix(digits[2:], "_")
	}
	if len(text)-len(strings.TrimLeft(text, "+-")) > 1 || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return nil, false
	}
	if base == 0 && len(digits) > 1 && digits[0] == '0' && unicode.IsDigit(rune(digits[1])) && strings.Trim(digits, "0_") != "" {
		return nil, false // Python has no octal numbers without "0o"
	}
	if base != 0 {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	i, ok := new(big.Int).SetString(digits, base)
	if ok && strings.HasPrefix(text, "-") {
		i.Neg(i)
	}
	return i, ok
}

// parseFloat is Python's float().
func (in *interpreter) parseFloat(x any) (float64, bool) {
	if n, ok := number(x); ok {
		f := float(n)
		return f, true
	}
	text, ok := aText(x)
	if !ok {
		return 0, false
	}
	in.scan(len(text))
	text = strings.TrimFunc(text, unicode.IsSpace)
	if strings.ContainsAny(text, "xXpP") || strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterFloat(in *interpreter, x any, a []any) any {
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if f, ok := in.parseFloat(x); ok {
		return f
	}
	return or(a[0], 0.0)
}

func filterRound(in *interpreter, x any, a []any) any {
	n, ok := number(x)
	if !ok {
		in.fail(`the filter "round" needs a number, and this is %s`, in.describe(x))
	}
	precision := in.integer(or(a[0], new(big.Int)), "the precision")
	method := in.want(or(a[1], "common"), "the method")
	if precision > 300 || precision < -300 {
		in.fail("a number cannot be rounded to %d places", precision)
	}
	f := in.asFloat(n)
	switch method {
	case "common":
		if i, ok := n.(*big.Int); ok {
			return roundWhole(i, precision)
		}
		return roundFloat(f, precision)
	case "ceil":
		return (math.Ceil(f*math.Pow10(precision)) + 0) / math.Pow10(precision) // no negative zero
	case "floor":
		return (math.Floor(f*math.Pow10(precision)) + 0) / math.Pow10(precision)
	}
	in.fail(`the method of rounding is "common", "ceil" or "floor"`)
	return nil
}

// roundFloat rounds the exact number, a half to the even digit, as Python does.
func roundFloat(f float64, precision int) any {
	if precision >= 0 {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		if err == nil {
			return rounded
		}
		return f
	}
	return math.RoundToEven(f*math.Pow10(precision)) / math.Pow10(precision)
}

// roundWhole leaves a whole number what it is, but for places before the point.
func roundWhole(i *big.Int, precision int) any {
	if precision >= 0 {
		return i
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-precision)), nil)
	down, rest := new(big.Int).DivMod(i, unit, new(big.Int))
	if c := rest.Lsh(rest, 1).Cmp(unit); c > 0 || c == 0 && down.Bit(0) == 1 {
		down.Add(down, big.NewInt(1))
	}
	return down.Mul(down, unit)
}

func filterFileSize(in *interpreter, x any, a []any) any {
	size, ok := in.parseFloat(x)
	if !ok {
		in.fail("a size must be a number, and this is %s", in.describe(x))
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if in.truth(or(a[0], false)) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case size == 1:
		return "1 Byte"
	case size < base:
		return fmt.Sprintf("%d Bytes", in.finite(size))
	}
	unit := base
	for i, name := range units {
		if size < unit*base || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", size/unit, name)
		}
		unit *= base
	}
	return nil
}

// wordTitle begins each word with a capital. Words are apart by blanks, hyphens and
// opening brackets.
func wordTitle(s string) string {
	var b strings.Builder
	begins := true
	for _, c := range s {
		if begins {
			b.WriteString(upper(string(c)))
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
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&amp;", "&").Replace(s)
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
	for i, line := range splitLines(text+"\n", false) {
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
