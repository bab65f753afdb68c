package python_test

import (
	"bytes"
	"compress/gzip"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/python"
)

func TestFloatsAreWrittenAsPythonWritesThem(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "1.0": 1, "0.1": 0.1, "0.0001": 1e-4, "1e-05": 1e-5, "9999999999999998.0": 9999999999999998, "1e+16": 1e16,
		"1.7976931348623157e+308": math.MaxFloat64, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
	} {
		if got := python.Float(f); got != want {
			t.Errorf("%v is written as %s, want %s", f, got, want)
		}
	}
}

func TestJSONIsWrittenAsPythonWritesIt(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "null"},
		{true, "true"},
		{int64(-3), "-3"},
		{huge, "123456789012345678901234567890"},
		{1.0, "1.0"},
		{1.5, "1.5"},
		{1e16, "1e+16"},
		{1e-5, "1e-05"},
		{9999999999999998.0, "9999999999999998.0"},
		{[]any{}, "[]"},
		{map[string]any{}, "{}"},
		{[]string{"a"}, "[\n \"a\"\n]"},
		{map[string]any{"b": []any{int64(1), map[string]any{"x": nil}}, "a": "", "Z": false}, "{\n \"Z\": false,\n \"a\": \"\",\n \"b\": [\n  1,\n  {\n   \"x\": null\n  }\n ]\n}"},
		{"<&>'/", `"<&>'/"`},
		{"\"\\\n\r\t\b\f\x00\x1f\x7f", `"\"\\\n\r\t\b\f\u0000\u001f\u007f"`},
		{"ü\u2028😀", `"\u00fc\u2028\ud83d\ude00"`},
		{"\xff", `"\ufffd"`},
	} {
		if got := string(python.JSON(c.value)); got != c.want {
			t.Errorf("%#v is written as %s, want %s", c.value, got, c.want)
		}
	}
}

func TestNumbersOfJSONStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	const text = `{"whole": 1, "point": 1.0, "huge": 123456789012345678901234567890, "exponent": 1e3, "list": [9007199254740993]}`
	value, err := python.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n \"exponent\": 1000.0,\n \"huge\": 123456789012345678901234567890,\n \"list\": [\n  9007199254740993\n ],\n \"point\": 1.0,\n \"whole\": 1\n}"
	if diff := cmp.Diff(want, string(python.JSON(value))); diff != "" {
		t.Errorf("it comes back another (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"", "{", "{} x", "NaN"} {
		if value, err := python.ParseJSON([]byte(wrong)); err == nil {
			t.Errorf("%q is read as %v", wrong, value)
		}
	}
}

func TestStringsArePrintedAsByRepr(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": `''`, "it's": `"it's"`, `it's "so"`: `'it\'s "so"'`, `a\b`: `'a\\b'`, "a\tb\r\n": `'a\tb\r\n'`,
		"\x00\x7f": `'\x00\x7f'`, "ü\u00a0\u2028😀\U000e0001": `'ü\xa0\u2028😀\U000e0001'`,
	} {
		if got := python.Repr(text); got != want {
			t.Errorf("%q is printed as %s, want %s", text, got, want)
		}
	}
}

func TestBase64IsDecodedAsPythonDecodesIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ data, want, inMessage string }{
		{"aGk=", "hi", "hi"},
		{"a G\nk=", "hi", "hi"},
		{"aGk=aGk=", "hi", "hi"},
		{"aGk==", "hi", "hi"},
		{"=aGk=", "hi", "hi"},
		{"", "", ""},
		{"!", "", "error: it is not base64"},
		{"aGk", "error: it is not complete", "hi"},
		{"aGk\xff=", "error: it has a character that is not ASCII", "hi"},
		{"aGk=\xff", "hi", "hi"},
		{"a", "error: it is not complete", "error: it is not base64, or is cut short: illegal base64 data at input byte 0"},
	} {
		for _, got := range []struct {
			decode func([]byte) ([]byte, error)
			want   string
		}{{python.Base64, c.want}, {python.MessageBase64, c.inMessage}} {
			data, err := got.decode([]byte(c.data))
			text := string(data)
			if err != nil {
				text = "error: " + err.Error()
			}
			if text != got.want {
				t.Errorf("%q is decoded to %q, want %q", c.data, text, got.want)
			}
		}
	}
}

func TestZippedDataAreReadAsPythonReadsThem(t *testing.T) {
	t.Parallel()
	zip := func(text string) string {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	const limit = 1 << 20
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", ""},
		{"one part", zip("a"), "a"},
		{"two parts", zip("a") + zip("b"), "ab"},
		{"zeros behind a part", zip("a") + "\x00\x00" + zip("b") + "\x00", "ab"},
		{"other data behind a part", zip("a") + "something else", "error: something else follows the compressed data"},
		{"no zipped data", "something else", "error: gzip: invalid header"},
		{"data that are cut short", zip("a")[:len(zip("a"))-3], "error: unexpected EOF"},
		{"as much as may be", zip(strings.Repeat("x", limit)), strings.Repeat("x", limit)},
		{"more than may be", zip(strings.Repeat("x", limit)) + zip("y"), "error: it has more than 1 MiB"},
	} {
		data, err := python.Gunzip([]byte(c.data), limit)
		got := string(data)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %.80q, want %.80q", c.name, got, c.want)
		}
	}
}
