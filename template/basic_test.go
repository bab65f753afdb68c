package template_test

import (
	"testing"

	"cloudseed/config"
	"cloudseed/template"
)

func TestFillKnowsTwoLanguages(t *testing.T) {
	t.Parallel()
	for text, row := range map[string]struct{ want, err, found string }{
		"v$version ${version}, $ 5 $version.":    {want: "v1 1, $ 5 1."},
		"##template:Basic\n$version":             {want: "1"},
		"## template: jinja\nv {{ version }}":    {want: "v 1"},
		"$nope":                                  {err: "there is no variable $nope: there are $id and $version"},
		"## template: mako\nx":                   {err: `there is no template language "mako": there are jinja and basic`},
		"## template: jinja\n{% if %}":           {err: `template:2:7: expected a value here, found "%}"`},
		"## template: jinja\n{{ nope }}{{ id }}": {want: "CI_MISSING_JINJA_VAR/nopei", found: "message: template:2:4: the template's variable nope has no value; CI_MISSING_JINJA_VAR/nope stands in its place"},
	} {
		var findings config.Findings
		got, err := template.Fill(t.Context(), findings.At(config.Pos{}, "message"), text, map[string]string{"version": "1", "VERSION": "1", "id": "i"})
		failure, found := "", ""
		if err != nil {
			failure = err.Error()
		}
		for _, p := range findings.List() {
			found += p.Error()
		}
		if got != row.want || failure != row.err || found != row.found {
			t.Errorf("%q: got %q, error %q, found %q", text, got, failure, found)
		}
	}
}
