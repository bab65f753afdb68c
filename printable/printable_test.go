package printable

import (
	"errors"
	"testing"
)

func TestStringsThatAreNotOursAreOnlyRead(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                     "plain",
		"ü, 漢字 and 👩\u200d🚒":        "ü, 漢字 and 👩\u200d🚒",
		"\x1b[2J\x1b]0;title\x07":   `\x1b[2J\x1b]0;title\a`,
		"a\rb":                      `a\rb`,
		"a\nERROR: forged":          `a\nERROR: forged`,
		"tab\there":                 `tab\there`,
		"delete\x7f":                `delete\x7f`,
		"C1 \u009b31m":              `C1 \u009b31m`,
		"not UTF-8 \xff\x9b":        `not UTF-8 \xff\x9b`,
		"\u202egnirts\u202c":        `\u202egnirts\u202c`,
		"\u2066isolated\u2069":      `\u2066isolated\u2069`,
		"line\u2028separator":       `line\u2028separator`,
		"zero\u200bwidth \ufeffBOM": `zero\u200bwidth \ufeffBOM`,
	} {
		if got := String(in); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
	if got := Lines("a\x1b\n\tb\x07\n"); got != "a\\x1b\n\tb\\a\n" {
		t.Errorf("lines: %q", got)
	}
	if got := Sprintf("%s %v %s %d\n", "a\n", errors.New("b\r"), []string{"c\x1b"}, 1); got != "a\\n b\\r [c\\x1b] 1\n" {
		t.Errorf("formatted: %q", got)
	}
}
