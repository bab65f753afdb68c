package schema_test

import (
	"os"
	"testing"

	"cloudseed/schema"

	"github.com/google/go-cmp/cmp"
)

func TestTheReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	const page = "../docs/modules.md"
	if *update {
		if err := os.WriteFile(page, []byte(schema.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), schema.Reference()); diff != "" {
		t.Errorf("go generate ./schema writes it anew:\n%s", diff)
	}
}
