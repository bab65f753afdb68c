package yaml_test

import (
	"encoding/json"
	"os"
	"testing"

	"cloudseed/config/yaml"
)

// testdata/pyyaml.json is what PyYAML 6.0 makes of documents: Python's str() of the
// value and safe_dump's text, or an error. Where the row has "ours" this package
// differs on purpose: what PyYAML refuses and is clear is read with a warning, halves of
// characters are joined, and dates stay as they were written.
func TestDocumentsAreReadAndWrittenAsByPyYAML(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/pyyaml.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		YAML, Python, Dump, Ours string
		Error                    bool
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.YAML, func(t *testing.T) {
			t.Parallel()
			v, problems, err := yaml.Parse("user-data", []byte(row.YAML))
			switch {
			case row.Ours == "an error" || row.Ours == "" && row.Error:
				if err == nil {
					t.Errorf("it was read as %s", v.PyStr())
				}
			case err != nil:
				t.Errorf("it was refused: %v", err)
			case row.Ours != "":
				if got := v.PyStr(); got != row.Ours {
					t.Errorf("got %s, want %s", got, row.Ours)
				}
				if row.Error && len(problems) == 0 {
					t.Error("no warning that cloud-init refuses it")
				}
			default:
				if got := v.PyStr(); got != row.Python {
					t.Errorf("got %s, want %s", got, row.Python)
				}
				if got := string(yaml.Dump(v)); got != row.Dump {
					t.Errorf("written as %q, want %q", got, row.Dump)
				}
			}
		})
	}
}

// Where Go's YAML library and PyYAML differ, and a guest would notice, it is as in
// PyYAML; what nobody could mean is as it was written.
func TestWhatAGuestWouldNotice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, yaml, path string
		py, text         string
	}{
		{"yes is true", "ssh_pwauth: yes", "ssh_pwauth", "True", "yes"},
		{"no is false", "lock_passwd: no", "lock_passwd", "False", "no"},
		{"yes as an argument of a command is True", "runcmd: [[echo, yes]]", "runcmd.0.1", "True", "yes"},
		{"null as an argument of a command is None", "runcmd: [[echo, ~]]", "runcmd.0.1", "None", ""},
		{"a key that is yes is found as it is written", "{on: 2}", "on", "2", "2"},
		{"a key that is no is found as it is written", "{no: 2}", "no", "2", "2"},
		{"0o644 is text", "permissions: 0o644", "permissions", "0o644", "0o644"},
		{"0644 is a number, and keeps its zero as text", "permissions: 0644", "permissions", "420", "0644"},
		{"0800 is text", "password: 0800", "password", "0800", "0800"},
		{"1e10 is text", "password: 1e10", "password", "1e10", "1e10"},
		{"1e+3 is text", "password: 1e+3", "password", "1e+3", "1e+3"},
		{"a MAC address of digits keeps its colons as text", "mac: 52:54:00:12:34:00", "mac", "41135085240", "52:54:00:12:34:00"},
		{"a time keeps its colon as text", "at: 22:22", "at", "1342", "22:22"},
		{"a date keeps its text", "expiredate: 2032-09-01", "expiredate", "2032-09-01", "2032-09-01"},
		{"1.10 prints as 1.1, and keeps its zero as text", "version: 1.10", "version", "1.1", "1.10"},
		{"of two equal keys the last counts", "a: 1\na: 2", "a", "2", "2"},
		{"two << in a map are both merged", "x: &x {a: 1}\ny: &y {b: 2}\nz:\n  <<: *x\n  <<: *y", "z.b", "2", "2"},
		{"a map's own key wins over <<", "x: &x {a: 1}\nz: {<<: *x, a: 2}", "z.a", "2", "2"},
		{"of two maps of one << the first wins", "x: &x {a: 1}\ny: &y {a: 2}\nz: {<<: [*x, *y]}", "z.a", "1", "1"},
		{"!!binary is its content", "content: !!binary aGVsbG8=", "content", "hello", "hello"},
		{"!!bool yes is true", "a: !!bool yes", "a", "True", "yes"},
		{"%YAML 1.2 is read as 1.1", "%YAML 1.2\n---\na: yes", "a", "True", "yes"},
		{"JSON's escaped slash", `{"path": "\/etc\/x"}`, "path", "/etc/x", "/etc/x"},
		{"an escaped backslash before a slash", `{"path": "\\/"}`, "path", `\/`, `\/`},
		{"a byte that looks like half of a surrogate pair", `a: "\xd8"`, "a", "Ø", "Ø"},
		{"a long escape that looks like half of a surrogate pair", `a: "\U000d8000"`, "a", "\U000d8000", "\U000d8000"},
		{"JSON's surrogate pairs", `{"a": "\ud83d\ude00"}`, "a", "😀", "😀"},
		{"an escaped slash in a text without quotes stays", `path: \/x "\/"`, "path", `\/x "\/"`, `\/x "\/"`},
		{"an escaped slash in a block text stays", "a: |\n  \"\\/\"\n", "a", "\"\\/\"\n", "\"\\/\"\n"},
		{"an escaped slash in single quotes stays", `a: '"\/"'`, "a", `"\/"`, `"\/"`},
		{"a tab between key and value", "a:\tb", "a", "b", "b"},
		{"a byte order mark", "\xef\xbb\xbfa: b", "a", "b", "b"},
		{"lines that end as on Windows", "a: b\r\nc: d\r\n", "a", "b", "b"},
		{"a number that is larger than any of Go's", "a: 123456789012345678901234567890", "a", "123456789012345678901234567890", "123456789012345678901234567890"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := parse(t, test.yaml).Path(test.path)
			if v.PyStr() != test.py || v.Text() != test.text {
				t.Errorf("Python prints %q and the text is %q, want %q and %q", v.PyStr(), v.Text(), test.py, test.text)
			}
		})
	}
}
