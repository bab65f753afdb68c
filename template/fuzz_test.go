package template_test

import (
	"strings"
	"testing"

	"cloudseed/template"
	"cloudseed/template/templatetest"
)

// Whatever a template is, it is filled in or refused, and nothing of ours breaks at it.
func FuzzRender(f *testing.F) {
	for _, c := range templatetest.Cases(f) {
		f.Add(c.Text)
	}
	variables := template.Variables(templatetest.InstanceData(f))
	f.Fuzz(func(t *testing.T, text string) {
		filled, missing, err := template.Template{Text: text}.Render(t.Context(), variables)
		switch {
		case err == nil && len(filled) > 64*mib:
			t.Errorf("it becomes a text of %d bytes", len(filled))
		case err == nil:
		case filled != "" || missing != nil:
			t.Errorf("there is a text beside the error %v", err)
		case strings.Contains(err.Error(), "a mistake in cloudseed itself"):
			t.Error(err)
		case !strings.HasPrefix(err.Error(), ":"):
			t.Errorf("there is no place in %q", err)
		}
	})
}
