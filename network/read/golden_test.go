package read_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/network/render/netplan"
)

var update = flag.Bool("update", false, "write what is parsed into the golden files")

// TestParse goes through testdata: each file is a case whose name says what it shows. Its
// first part is the configuration, as in the renderers' cases; "want/v2" is what it means
// in version 2's words, "want/problems" what was wrong with it.
func TestParse(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				if !strings.HasPrefix(f.Name, "want/") {
					got.Files = append(got.Files, f)
				}
			}
			c, problems, nics := parseCase(t, got)
			got.Files = append(got.Files, txtar.File{Name: "want/v2", Data: netplan.Write(c)})
			var text strings.Builder
			for _, p := range problems {
				fmt.Fprintf(&text, "%s: %s\n", p.Severity, p.Error())
			}
			if text.Len() > 0 {
				got.Files = append(got.Files, txtar.File{Name: "want/problems", Data: []byte(text.String())})
			}
			roundTrip(t, name, c, nics)
			if *update {
				if err := os.WriteFile(name, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("what is parsed differs (-want +got):\n%s", diff)
			}
		})
	}
}
