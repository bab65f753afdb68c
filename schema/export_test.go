package schema

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// corpus are the documents of testdata/corpus.txt, which are apart by lines of "---".
func corpus(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(string(text), "---\n")
	if len(documents) < 100 {
		t.Fatalf("there are %d documents only", len(documents))
	}
	return documents
}

// TestTheExportedSchemaAgreesWithTheCheck compares what both can tell: kinds of values,
// names of keys, and words.
func TestTheExportedSchemaAgreesWithTheCheck(t *testing.T) {
	t.Parallel()
	exported, err := jsonschema.UnmarshalJSON(bytes.NewReader(Export()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("cloud-config.json", exported); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("cloud-config.json") // it is checked by the metaschema
	if err != nil {
		t.Fatal(err)
	}
	documents, valid := corpus(t), 0
	for _, document := range documents {
		v, _, err := yaml.Parse("doc", []byte(document))
		if err != nil {
			t.Fatalf("%s\n%v", document, err)
		}
		problems := v.Unknown(modules.Keys())
		for _, m := range modules.All() {
			problems = append(problems, v.Check(m.Keys)...)
		}
		var faults []config.Problem
		for _, p := range problems {
			if IsFault(p.Severity) {
				faults = append(faults, p)
			}
		}
		err = compiled.Validate(v.Any())
		if (err == nil) != (len(faults) == 0) {
			t.Errorf("of this\n%s\nthe check says %v, and the schema %v", document, faults, err)
		}
		if err == nil {
			valid++
		}
	}
	if valid < 40 || len(documents)-valid < 40 {
		t.Errorf("%d documents of %d are valid: a corpus has both kinds", valid, len(documents))
	}
}
