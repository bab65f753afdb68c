package template

import (
	"math/big"
	"strings"
	"unicode"
)

// textOp is a method of texts, or a filter, that takes nothing and gives a text.
func textOp(f func(string) string) *operation {
	return op(func(in *interpreter, x any, _ []any) any { return like(x, in.text(f(in.str(x)))) })
}

// textTest is a method of texts that tells something of its characters.
func textTest(f func(string) bool) *operation {
	return op(func(in *interpreter, x any, _ []any) any {
		text := in.str(x)
		in.scan(8 * len(text))
		return f(text)
	})
}

// textMethod is a method of Python's texts.
func textMethod(name string) *operation {
	switch name {
	case "upper":
		return textOp(upper)
	case "lower":
		return textOp(strings.ToLower)
	case "casefold":
		return textOp(func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "ß", "ss") })
	case "capitalize":
		return textOp(capitalize)
	case "title":
		return textOp(title)
	case "swapcase":
		return textOp(swapCase)
	case "strip", "lstrip", "rstrip":
		return op(func(in *interpreter, x any, a []any) any { return in.strip(name, x, a[0]) }, "chars?")
	case "split":
		return op(textSplit, "sep?", "maxsplit?")
	case "rsplit":
		return op(textSplitFromRight, "sep?", "maxsplit?")
	case "splitlines":
		return op(func(in *interpreter, x any, a []any) any {
			if u, ok := a[0].(*undefined); ok {
				in.fail("%s", u.problem())
			}
			return in.texts(in.splitLines(in.str(x), in.truth(or(a[0], false))))
		}, "keepends?")
	case "partition":
		return op(func(in *interpreter, x any, a []any) any { return in.partition(x, a[0], strings.Index) }, "sep")
	case "rpartition":
		return op(func(in *interpreter, x any, a []any) any { return in.partition(x, a[0], strings.LastIndex) }, "sep")
	case "join":
		return op(func(in *interpreter, x any, a []any) any { return in.joined(in.str(x), in.items(a[0]), true) }, "iterable")
	case "replace":
		return op(func(in *interpreter, x any, a []any) any {
			return in.replace(in.str(x), in.want(a[0], "what is replaced"), in.want(a[1], "what replaces it"), a[2])
		}, "old", "new", "count?")
	case "startswith", "endswith":
		return op(func(in *interpreter, x any, a []any) any { return in.affix(name, x, a[0]) }, "affix")
	case "removeprefix":
		return op(func(in *interpreter, x any, a []any) any {
			return strings.TrimPrefix(in.str(x), in.want(a[0], "the prefix"))
		}, "prefix")
	case "removesuffix":
		return op(func(in *interpreter, x any, a []any) any {
			return strings.TrimSuffix(in.str(x), in.want(a[0], "the suffix"))
		}, "suffix")
	case "find", "rfind", "index", "rindex":
		return op(func(in *interpreter, x any, a []any) any { return in.position(name, x, a[0]) }, "sub")
	case "count":
		return op(func(in *interpreter, x any, a []any) any {
			in.scan(len(in.str(x)))
			return big.NewInt(int64(strings.Count(in.str(x), in.want(a[0], "what is counted"))))
		}, "sub")
	case "center", "ljust", "rjust":
		return op(func(in *interpreter, x any, a []any) any {
			return in.justify(name, in.str(x), in.integer(a[0], "the width"), in.str(or(a[1], " ")))
		}, "width", "fillchar?")
	case "zfill":
		return op(textZeroFill, "width")
	case "expandtabs":
		return op(textExpandTabs, "tabsize?")
	}
	return textTestMethod(name)
}

func textTestMethod(name string) *operation {
	every := func(f func(rune) bool) *operation {
		return textTest(func(s string) bool {
			return s != "" && strings.IndexFunc(s, func(c rune) bool { return !f(c) }) < 0
		})
	}
	switch name {
	case "isdigit", "isdecimal":
		return every(unicode.IsDigit)
	case "isnumeric":
		return every(unicode.IsNumber)
	case "isalpha":
		return every(unicode.IsLetter)
	case "isalnum":
		return every(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
	case "isspace":
		return every(unicode.IsSpace)
	case "isascii":
		return textTest(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return c > 0x7f }) < 0 })
	case "isprintable":
		return textTest(func(s string) bool { return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 })
	case "isupper":
		return textTest(func(s string) bool { return isCased(s, unicode.IsUpper) })
	case "islower":
		return textTest(func(s string) bool { return isCased(s, unicode.IsLower) })
	case "istitle":
		return textTest(func(s string) bool { return isCased(s, hasCase) && title(s) == s })
	case "isidentifier":
		return textTest(func(s string) bool {
			return s != "" && !unicode.IsDigit(first(s)) && strings.IndexFunc(s, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }) < 0
		})
	}
	return nil
}

// want is an argument that must be a text.
func (in *interpreter) want(x any, what string) string {
	text, ok := aText(x)
	if !ok {
		in.fail("%s must be a string, and this is %s", what, in.describe(x))
	}
	in.scan(len(text))
	return text
}
