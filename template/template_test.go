package template_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"cloudseed/config"
	"cloudseed/template"
	"cloudseed/template/templatetest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what becomes of the templates into the files of package templatetest")

// render fills in a text that begins in a file's second line, as templates do.
func render(t testing.TB, text string) (string, []config.Problem, error) {
	t.Helper()
	of := template.Template{Text: text, At: config.Pos{File: "user-data", Line: 2}}
	return of.Render(t.Context(), template.Variables(templatetest.InstanceData(t)))
}

// The same cases are compared with the real cloud-init in test/differential: what is
// expected here is what it gives, but for the differences that are listed there.
func TestTemplatesGiveWhatJinja2Gives(t *testing.T) {
	t.Parallel()
	bySubject := map[string][]templatetest.Case{}
	for _, c := range templatetest.Cases(t) {
		got := c
		text, _, err := render(t, c.Text)
		got.Gives, got.Refused = text, ""
		if err != nil {
			got.Refused = err.Error()
		}
		bySubject[c.Subject] = append(bySubject[c.Subject], got)
		t.Run(c.Subject+": "+c.Name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c, got); diff != "" && !*update {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	for subject, cases := range bySubject {
		if *update {
			if err := os.WriteFile(filepath.Join("templatetest", subject+".txtar"), templatetest.Archive(cases), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
