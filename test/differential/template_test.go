package differential

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cloudseed/template"
	"cloudseed/template/templatetest"
	"cloudseed/test/differential/random"
)

// templateHeader makes a text a template.
const templateHeader = "## template: jinja\n"

// bothTemplates gives what cloud-init makes of a template, and what cloudseed does.
func bothTemplates(t testing.TB, text string) (their, our outcome) {
	t.Helper()
	data := templatetest.InstanceData(t)
	filled, failure, err := real.Render(templateHeader+text, data)
	if err != nil {
		t.Fatalf("%v, at the template:\n%s", err, text)
	}
	their = outcome{files: map[string]string{"text": filled}, err: failure}
	filled, _, err = template.RenderText(t.Context(), "user-data", templateHeader+text, template.Variables(data))
	our = outcome{files: map[string]string{"text": filled}}
	if err != nil {
		our.err = err.Error()
	}
	return their, our
}

// templateDifferences are those of the templates of our own.
var templateDifferences = []difference{
	{"links are made of addresses", "template", "the filters `wordwrap`, `urlize` and `pprint`"},
	{"a word longer than a line is cut", "template", "the filters `wordwrap`, `urlize` and `pprint`"},
	{"a value printed for debugging", "template", "the filters `wordwrap`, `urlize` and `pprint`"},
	{"a text as bytes", "template", "a string's methods `encode`, `translate` and `maketrans`"},
	{"characters are exchanged by a table", "template", "a string's methods `encode`, `translate` and `maketrans`"},
	{"batches of nothing", "template", "batches of no items"},
	{"a character by its name", "template", "characters by their names"},
	{"zeros in front of groups of digits", "template", "zeros in front of groups of digits"},
	{"a number by a character's code", "template", "the formats `c` and `n`"},
	{"a value in ASCII", "template", "values in ASCII (`%a`, `!a`)"},
	{"a power of a negative number that is complex", "template", "complex numbers"},
	{"the part of a number that stands there", "template", "the part of a number that is written out"},
	{"a block that sets what it reads", "template", "a block that sets a variable finds no value of the instance data in it"},
	{"a list that grows while a loop goes over it", "template", "a loop goes on over a list that it changes itself"},
	{"a list that shrinks while a loop goes over it", "template", "a loop goes on over a list that it changes itself"},
}

// TestTemplatesAreFilledInAsByCloudInit compares what becomes of all templates of our
// own. What differs must be listed in templateDifferences, and be exactly what its golden
// file says; what is listed must differ.
func TestTemplatesAreFilledInAsByCloudInit(t *testing.T) {
	const fewest = 225
	cases := templatetest.Cases(t)
	refused := 0
	var all []listedCase
	for _, c := range cases {
		file := "filling-in/" + strings.NewReplacer(" ", "-", "'", "").Replace(c.Name)
		all = append(all, listedCase{name: c.Name, file: file, text: c.Text, both: func() (outcome, outcome) {
			their, our := bothTemplates(t, c.Text)
			if their.equal(our) && their.err != "" {
				refused++
			}
			return their, our
		}})
	}
	compareListed(t, "template", all, fewest, templateDifferences)
	t.Logf("%d of them are refused by both", refused)
}

// TestRandomTemplatesAreFilledInAsByCloudInit compares what becomes of random templates.
// Each follows from the seed and its number alone.
func TestRandomTemplatesAreFilledInAsByCloudInit(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("%d templates of seed %d; the same again: go test ./test/differential -run RandomTemplates -args -seed %[2]d -template-count %[1]d", *templateCount, start)
	const enough = 10 // failures; the rest would be more of the same
	equal, refused, failed, meant := 0, 0, 0, map[string]int{}
	for i := range *templateCount {
		text := random.Template(rand.New(rand.NewPCG(start, uint64(i))))
		their, our := bothTemplates(t, text)
		switch {
		case their.equal(our) && their.err == "":
			equal++
		case their.equal(our):
			refused++
		case templateMeaning(their, our) != "":
			meant[templateMeaning(their, our)]++
		default:
			t.Errorf("seed %d, template %d: not the same (-cloud-init +cloudseed):\n%s\nof the template:\n%s", start, i, diff(their, our), text)
			if failed++; failed >= enough {
				t.Fatalf("stopped after %d differences", failed)
			}
		}
	}
	t.Logf("the same text %d times, refused by both %d times", equal, refused)
	for _, reason := range slices.Sorted(maps.Keys(meant)) {
		t.Logf("%6d times meant: %s", meant[reason], reason)
	}
}

// templateMeanings are reasons for differences of random templates, by what cloudseed
// says, or by what cloud-init prints.
var templateMeanings = []struct{ says, reason string }{
	{"no part can be taken of", "the part of a number that is written out"},
	{"zeros in front of groups of digits", "zeros in front of groups of digits"},
	{"cannot be raised to a fraction", "complex numbers"},
}

// itemByItem is the reason where cloud-init prints an address in its memory.
const itemByItem = "what a filter gives item by item"

// templateMeaning is the reason for a difference that is meant, in words of
// docs/differences.md.
func templateMeaning(their, our outcome) string {
	for _, m := range templateMeanings {
		if strings.Contains(our.err, m.says) {
			return m.reason
		}
	}
	if strings.Contains(strings.ToLower(their.files["text"]), " object at 0x") {
		return itemByItem
	}
	return ""
}
