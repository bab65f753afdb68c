package yaml_test

import (
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) *config.Value {
	t.Helper()
	v, _, err := yaml.Parse("user-data", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestScalarsAreReadAsPyYAMLReadsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		yaml string
		kind config.Kind
		py   string // Python's str() of it
	}{
		{"yes", config.Bool, "True"},
		{"Off", config.Bool, "False"},
		{"y", config.String, "y"},
		{"0644", config.Int, "420"},
		{"0o644", config.String, "0o644"},
		{"0800", config.String, "0800"},
		{"08", config.String, "08"},
		{"1:30", config.Int, "90"},
		{"52:54:00:12:34:00", config.Int, "41135085240"},
		{"12:30:45.5", config.Float, "45045.5"},
		{"1e10", config.String, "1e10"},
		{"1e+3", config.String, "1e+3"},
		{"1.0e+3", config.Float, "1000.0"},
		{"1.10", config.Float, "1.1"},
		{"1_000", config.Int, "1000"},
		{"123456789012345678901234567890", config.Int, "123456789012345678901234567890"},
		{"0x1F", config.Int, "31"},
		{"0b101", config.Int, "5"},
		{"-5", config.Int, "-5"},
		{"2032-09-01", config.Timestamp, "2032-09-01"},
		{"2001-1-1", config.String, "2001-1-1"},
		{"~", config.Null, "None"},
		{`"yes"`, config.String, "yes"},
		{"!!str 123", config.String, "123"},
		{"!!bool yes", config.Bool, "True"},
		{"!!binary aGk=", config.Binary, "hi"},
		{".inf", config.Float, "inf"},
		{`"a\/b"`, config.String, "a/b"},
		{`"\\/b"`, config.String, `\/b`},
		{`"\ud83d\ude00"`, config.String, "😀"},
		{"[yes, 1.10, 'it''s']", config.List, `[True, 1.1, "it's"]`},
		{"{a: no}", config.Map, "{'a': False}"},
	}
	for _, test := range tests {
		t.Run(test.yaml, func(t *testing.T) {
			t.Parallel()
			v := parse(t, "k: "+test.yaml).Get("k")
			if v.Kind() != test.kind || v.PyStr() != test.py {
				t.Errorf("got kind %d, %q; want %d, %q", v.Kind(), v.PyStr(), test.kind, test.py)
			}
		})
	}
}

func TestTextIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"52:54:00:12:34:00", "0644", "1e10", "yes", "2032-09-01", "1.10"} {
		if got := parse(t, "k: "+text).Get("k").Text(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestABadDocumentIsOneSentenceWithItsPlace(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, yaml, want string }{
		{"a colon in a value", "a: b: c\n", `user-data:1:5: ": " stands inside of a value: put the whole value in quotes`},
		{"a colon in a value in braces", "x: {a: b: c}\n", `user-data:1:9: ": " stands inside of a value: put the whole value in quotes`},
		{"a key below a value", "a: b\n  c: d\n", "user-data:2:3: this key is indented as if it belonged to the value in line 1: indent it as its neighbours are"},
		{"a text below a value", "a: 'x'\n  y\n", "user-data:2:3: this line is indented deeper than the one above, which has a value already"},
		{"a tab as indentation", "a:\n\tb: c\n", "user-data:2:1: this line is indented with a tab: use spaces"},
		{"a tab after a dash", "-\ta\n", "user-data:1:2: a tab where YAML has spaces: write spaces"},
		{"an indentation that fits nothing", "a:\n  b: 1\n c: 2\n", "user-data:3:2: this line is indented by 1, and the lines above it by 0 or 2: it belongs to none of them"},
		{"an item that is indented less than its list", "u:\n  - n: a\n    k:\n    - k\n   - b\n", "user-data:5:4: this line is indented by 3, and the lines above it by 2 or 4: it belongs to none of them"},
		{"a key among items", "- a\nb: c\n", `user-data:2:1: a list's items stand at this indentation, and this line is none: begin it with "- ", or indent it less`},
		{"a dash without a blank", "a:\n - b\n -c\n", `user-data:3:2: a list's items stand at this indentation, and this line is none: begin it with "- ", or indent it less`},
		{"an item among keys", "a: 1\n- b\n", "user-data:2:1: a list item where a key is expected: check the indentation"},
		{"a list in its key's line", "a: - b\n", `user-data:1:4: a list cannot begin in the line of its key: put "- " on the next line`},
		{"a line without a key", "a: 1\nfoo\nb: 2\n", `user-data:2:1: this is no key with a value: expected a ": " in this line, or more indentation`},
		{"a shell script behind YAML", "a: 1\n#!/bin/sh\nif true; then\n  echo x\nfi\n", `user-data:2:1: a script follows the YAML, and its lines are no mapping: put its commands below "runcmd:"`},
		{"a key without a blank after it", `"c":d` + "\n", `user-data:1:4: after a key's ":" there must be a space`},
		{"text after a quote", `a: "b" c` + "\n", "user-data:1:8: text follows a closing quote or bracket: put the whole value in quotes"},
		{"an open quote", "a: \"b\nc: d\n", "user-data:1:4: the quote that opens here is never closed"},
		{"a quote that is closed by another's beginning", "a: \"b\nc: \"d\"\n", "user-data:1:4: the quote that opens here is closed in line 2, where more text follows: is a closing quote missing?"},
		{"an open bracket", "a: [1, 2\nb: 3\n", "user-data:1:4: the '[' that opens here is never closed"},
		{"a bracket closed by another", "a: [1, 2}\n", "user-data:1:9: here is '}', and the '[' of line 1 is still open"},
		{"a comma too many", "[a, , b]\n", "user-data:1:5: nothing stands before this comma"},
		{"an @ at the start", "a: @b\n", "user-data:1:4: a string cannot begin with '@': put it in quotes"},
		{"an alias of nothing", "a: *b\n", `user-data:1:4: "*" at the start of a value means what "&" with the same name marks, and there is none: put the value in quotes if it is a string`},
		{"an unknown escape", `k: "\q"`, `user-data:1:5: there is no such escape: in double quotes a backslash is written "\\", or use single quotes`},
		{"an unknown escape behind a known one", `k: "\n\q"`, `user-data:1:7: there is no such escape: in double quotes a backslash is written "\\", or use single quotes`},
		{"half a surrogate pair", `k: "\ud83d"`, `user-data:1:5: this escape is one half of a character only`},
		{"a second document", "a: 1\n---\nb: 2\n", `user-data:2:1: a second document begins here; there can only be one: remove the line "---"`},
		{"an unknown tag", "a: !foo b\n", `user-data:1:4: "!" at the start of a value marks its type, and there is no such type for it: put it in quotes if it is a string`},
		{"Python's tags", "a: !!python/object:x {}\n", `user-data:1:4: "!" at the start of a value marks its type, and there is no such type for it: put it in quotes if it is a string`},
		{"a wrong tag", "a: !!int x\n", `user-data:1:4: what is marked as !!int is not valid: remove the mark`},
		{"no UTF-8", "a: \xff\n", "user-data:1:4: the byte 0xff is no UTF-8 text"},
		{"a control character", "ä: b\x01\n", "user-data:1:5: the control character U+0001 is not allowed here"},
		{"a date that is none", "a: 2001-13-45\n", `user-data:1:4: this looks like a date, and there is no such day or time: put it in quotes if it is a string`},
		{"a number that is none", "a: 0x_\n", `user-data:1:4: this looks like a number and is not valid: put it in quotes if it is a string`},
		{"a map as a key", "{{ x }}: 1\n", "user-data:1:2: a key must be a single value; if this is text with braces, put it in quotes"},
		{"a version that is none", "%YAML 2.0\n---\na: 1\n", "user-data:1:1: a %YAML line names a version other than 1: remove it"},
		{"a place behind escapes that were rewritten", `{"a": "\/\/", "b": !x 1}`, `user-data:1:20: "!" at the start of a value marks its type, and there is no such type for it: put it in quotes if it is a string`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := yaml.Parse("user-data", []byte(test.yaml))
			if err == nil {
				t.Fatal("no error")
			}
			if err.Error() != test.want {
				t.Errorf("error is %q, want %q", err, test.want)
			}
		})
	}
}

func TestOfTwoEqualKeysTheLastCountsAndIsReported(t *testing.T) {
	t.Parallel()
	v, problems, err := yaml.Parse("user-data", []byte("a: 1\nb: 2\na: 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Get("a").Text(); got != "3" {
		t.Errorf("a is %s", got)
	}
	if len(problems) != 1 || problems[0].Error() != "user-data:3:1: a: duplicate key; first defined on line 1; the last one counts" {
		t.Errorf("problems are %v", problems)
	}
}

func TestHostileDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		n := string(rune('0' + i))
		m := string(rune('1' + i))
		laughs += "a" + m + ": &a" + m + " [" + strings.Repeat("*a"+n+",", 9) + "*a" + n + "]\n"
	}
	for name, text := range map[string]string{
		"a billion laughs":          laughs,
		"10,000 nested lists":       strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
		"an alias inside of itself": "a: &a [*a]\n",
		"too large":                 "a: " + strings.Repeat("x", 17<<20),
	} {
		if _, _, err := yaml.Parse("user-data", []byte(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestYAMLIsWrittenAsPyYAMLWritesIt(t *testing.T) {
	t.Parallel()
	got := string(yaml.Dump(parse(t, `{b: [1, {y: 'yes', x: [a, [b]]}, []], a: {k: "a: b", e: {}}, n: ~, t: "l1\nl2", d: 1.0, z: true}`)))
	want := `a:
    e: {}
    k: 'a: b'
b:
- 1
-   x:
    - a
    -   - b
    y: 'yes'
- []
d: 1.0
n: null
t: 'l1

    l2'
z: true
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: 1", "- [x, {y: z}]", "\"\\/\"", "a: &b c\nd: *b", "<<: {a: b}", "!!binary xx", "1:2:3", "%YAML 1.2\n---\na: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, _, err := yaml.Parse("f", data)
		if err == nil {
			again, _, err := yaml.Parse("f", yaml.Dump(v))
			if err != nil || string(yaml.Dump(again)) != string(yaml.Dump(v)) {
				t.Errorf("%q was written as %q, which reads as %q, %v", v.PyStr(), yaml.Dump(v), again.PyStr(), err)
			}
		} else if v != nil {
			t.Error("a value beside an error")
		}
	})
}

func TestBinaryDataAreReadAsByPyYAML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"aGk=": "hi", "aG\n  k=": "hi", "a$Gk=": "hi", "aGk=x": "hi", "aGVsbG8=aGk=": "hello"} {
		v, problems, err := yaml.Parse("doc", []byte("a: !!binary |\n  "+text+"\nb: 1\n"))
		if err != nil || len(problems) > 0 || v.Get("a").Text() != want {
			t.Errorf("%q: %q %v %v", text, v.Get("a").Text(), problems, err)
		}
	}
	v, problems, err := yaml.Parse("doc", []byte("a: !!binary aGk\nb: 1\n"))
	if err != nil || len(problems) != 1 || problems[0].Error() != "doc:1:4: a: this is not valid base64: it is not complete" || v.Get("b").Text() != "1" {
		t.Errorf("missing padding is an error of its value alone: %v %v", problems, err)
	}
}
