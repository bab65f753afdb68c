package python_test

import (
	"math"
	"math/big"
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
