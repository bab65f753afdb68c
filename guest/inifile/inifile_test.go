package inifile_test

import (
	"testing"

	"cloudseed/guest/inifile"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, section, want string }{
		"an empty file":                        {"", "main", "[main]\na = 1\n"},
		"an option in its line":                {"[main]\n# why\na = 0\nb = 2\n", "main", "[main]\n# why\na = 1\nb = 2\n"},
		"one that has the value already":       {"[main]\n  a=1\n", "main", "[main]\n  a=1\n"},
		"a new option at the section's end":    {"[main]\nb = 2\n\n[agent]\na = 0\n", "main", "[main]\nb = 2\na = 1\n\n[agent]\na = 0\n"},
		"a new section":                        {"[agent]\na = 0\n", "main", "[agent]\na = 0\n\n[main]\na = 1\n"},
		"an option in a comment is none":       {"[main]\n#a = 0\n", "main", "[main]\n#a = 0\na = 1\n"},
		"another spelling":                     {"[main]\nA = 0\n", "main", "[main]\na = 1\n"},
		"before the first section":             {"b = 2\n[main]\na = 0\n", "", "b = 2\na = 1\n[main]\na = 0\n"},
		"before the first section, all is new": {"", "", "a = 1\n"},
		"no line end at the end":               {"[main]\nb = 2", "main", "[main]\nb = 2\na = 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inifile.Set(row.text, row.section, "a", "1")
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if again := inifile.Set(got, row.section, "a", "1"); again != got {
				t.Errorf("a second time it is %q", again)
			}
		})
	}
}
