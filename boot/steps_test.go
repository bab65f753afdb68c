package boot

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTheStepsAreListed holds the table of steps in architecture.md to the stages.
func TestTheStepsAreListed(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../docs/architecture.md", "<!-- steps -->\n", "<!-- end of steps -->\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for the steps", file)
	}
	want := head + begin + stepTable() + end + tail
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Errorf("%s does not list the steps as they are: go test ./boot -run TestTheStepsAreListed -update", file)
	}
}

func stepTable() string {
	var table strings.Builder
	table.WriteString("| step | when | what it does |\n|---|---|---|\n")
	for _, stage := range sequence {
		for _, s := range stage.steps {
			mark := ""
			if s.needed {
				mark = " !"
			}
			fmt.Fprintf(&table, "| `%s/%s`%s | %s | %s |\n", stage.name, s.name, mark, s.when.text, s.does)
		}
	}
	return table.String()
}

func TestEachStepHasANameAndOneThingToDo(t *testing.T) {
	t.Parallel()
	for _, stage := range sequence {
		seen := map[string]bool{}
		for _, s := range stage.steps {
			if s.name == "" || seen[s.name] {
				t.Errorf("%s: two steps are called %q", stage.name, s.name)
			}
			seen[s.name] = true
			if s.does == "" || (s.run == nil) == (s.list == "") || (s.when.text == "") != (s.when.holds == nil) {
				t.Errorf("%s/%s: it says nothing, has two things to do or none, or half a condition", stage.name, s.name)
			}
		}
	}
}
