package template_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/template"

	"github.com/google/go-cmp/cmp"
)

func TestLineEndsOfWindowsAndOldMacsBecomeUnixs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\r\nb\rc\r\n{{ 1 }}\r\n":                    "a\nb\nc\n1\n",
		"{% if 1 %}\r\nx\r\n{% endif %}\r\ny\r":       "x\ny",
		"{{ 'a\r\nb' | length }}":                     "3",
		"{% raw %}a\r\nb{% endraw %}\r\nc":            "a\nbc",
		"a\r\n\r\n":                                   "a\n\n",
		"{# a #}\r\nb{#- a -#}\r\nc":                  "bc",
		"\r":                                          "",
		"\n":                                          "\n",
		"{{ 'a' }}\n\n\n":                             "a\n\n\n",
		"{% if 1 %}x{% endif %}\n":                    "x\n",
		"{% if 1 %}x{% endif %}\n\n":                  "x\n",
		"{% if 1 %}x{% endif -%}\n\n":                 "x\n",
		"- {{ 'caf\u00e9' }}\u2028{{ 1 -}} \u00a0\tx": "- caf\u00e9\u20281x",
	} {
		if got, _, err := render(t, text); got != want || err != nil {
			t.Errorf("%q gives %q and %v, want %q", text, got, err, want)
		}
	}
}

func TestTheFirstLineTellsWhetherATextIsATemplate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"## template: jinja\n#cloud-config\n": {"jinja", "#cloud-config\n"},
		"##template:Jinja \t\r\nx":            {"jinja", "x"},
		"## TEMPLATE: JINJA":                  {"jinja", ""},
		"## template: basic\nx":               {"basic", "x"},
		"## template: mako\nx":                {"mako", "x"},
		"# template: jinja\nx":                {"", "# template: jinja\nx"},
		"#cloud-config\n## template: jinja\n": {"", "#cloud-config\n## template: jinja\n"},
		" ## template: jinja\n":               {"", " ## template: jinja\n"},
		"":                                    {"", ""},
	} {
		kind, rest := template.Kind(text)
		if kind != want[0] || rest != want[1] {
			t.Errorf("%q is %q of kind %q, want %q", text, rest, kind, want)
		}
		_, _, err := template.RenderText(t.Context(), "user-data", text, nil)
		if (kind == "jinja") != (err == nil) || err != nil && !errors.Is(err, template.ErrNotJinja) {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

func TestVariablesHaveAliasesAndThoseOfV1StandAtTheTop(t *testing.T) {
	t.Parallel()
	got := template.Variables(map[string]any{
		"v1": map[string]any{"local-hostname": "a", "x.y": map[string]any{"a+b": 1}},
		"v2": map[string]any{"region": "later ones win", "local-hostname": "b"},
		"ds": map[string]any{"v1": map[string]any{"k": 2}, "v1_0": map[string]any{"not": "lifted"}},
		"z":  []any{map[string]any{"in-a": "list"}},
	})
	inner := map[string]any{"a+b": 1, "a_b": 1}
	want := map[string]any{
		"v1":             map[string]any{"local-hostname": "a", "local_hostname": "a", "x.y": inner, "x_y": inner},
		"v2":             map[string]any{"region": "later ones win", "local-hostname": "b", "local_hostname": "b"},
		"ds":             map[string]any{"k": 2, "v1": map[string]any{"k": 2}, "v1_0": map[string]any{"not": "lifted"}},
		"z":              []any{map[string]any{"in-a": "list"}},
		"local-hostname": "b", "local_hostname": "b", "region": "later ones win", "x.y": inner, "x_y": inner,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestWhatIsMissingIsToldOnceForEachPlaceWhereItIsPrinted(t *testing.T) {
	t.Parallel()
	text := "{{ nope }} {{ ds.meta_data.hostnam }}\n{% if other %}x{% endif %}{{ third | default('d') }}\n  {{ ['a', nope] | join('-') }}"
	got, problems, err := render(t, text)
	if want := "CI_MISSING_JINJA_VAR/nope CI_MISSING_JINJA_VAR/hostnam\nd\n  a-CI_MISSING_JINJA_VAR/nope"; got != want || err != nil {
		t.Errorf("it gives %q and %v, want %q", got, err, want)
	}
	var told []string
	for _, p := range problems {
		if p.Severity != config.Warning {
			t.Errorf("%v is no warning", p)
		}
		told = append(told, p.Error())
	}
	want := []string{
		"user-data:2:4: the template's variable nope has no value; CI_MISSING_JINJA_VAR/nope stands in its place",
		"user-data:2:27: the template's variable ds.meta_data.hostnam has no value; CI_MISSING_JINJA_VAR/hostnam stands in its place",
		"user-data:4:20: the template's variable nope has no value; CI_MISSING_JINJA_VAR/nope stands in its place",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestATemplateEndsWhenItsCallerDoesNotWaitAnyMore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the machine is shut down"))
	of := template.Template{Text: strings.Repeat("{% for i in range(100000) %}", 3) + strings.Repeat("{% endfor %}", 3)}
	if _, _, err := of.Render(ctx, nil); err == nil || !strings.Contains(err.Error(), "was given up: the machine is shut down") {
		t.Errorf("the error is %v", err)
	}
}

func TestVariablesMayBeWhateverGoMakesOfJSONAndYAML(t *testing.T) {
	t.Parallel()
	variables := map[string]any{
		"int": 1, "int64": int64(-2), "uint64": uint64(1 << 63), "float": 0.5, "bytes": []byte("b"), "texts": []string{"x", "y"},
		"big": new(big.Int).Lsh(big.NewInt(1), 64), "list": []any{1, nil, map[string]any{"b-c": true, "a": false}},
	}
	of := template.Template{Text: "{{ [int, int64, uint64, float, bytes, texts, big, list] }}"}
	got, _, err := of.Render(t.Context(), variables)
	if want := "[1, -2, 9223372036854775808, 0.5, 'b', ['x', 'y'], 18446744073709551616, [1, None, {'a': False, 'b-c': True}]]"; got != want || err != nil {
		t.Errorf("got %q and %v, want %q", got, err, want)
	}
}

func TestARandomItemIsOneOfTheList(t *testing.T) {
	t.Parallel()
	got, _, err := render(t, "{{ ['a', 'b', 'c'] | random }}{{ [1, 2] | map('string') }}")
	if err != nil || !strings.Contains("abc", got[:1]) || got[1:] != "['1', '2']" {
		t.Errorf("got %q and %v", got, err)
	}
}
