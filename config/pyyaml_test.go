package config_test

import (
	"encoding/json"
	"os"
	"testing"

	"cloudseed/config"
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
			v, problems, err := config.Parse("user-data", []byte(row.YAML))
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
				if got := string(v.YAML()); got != row.Dump {
					t.Errorf("written as %q, want %q", got, row.Dump)
				}
			}
		})
	}
}
