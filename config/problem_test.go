package config

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOfVeryManyProblemsTheFirstAreShownAndTheRestIsCounted(t *testing.T) {
	t.Parallel()
	var all []Problem
	for i := range 100_000 {
		all = append(all, Problem{Severity: Warning, Pos: Pos{File: "user-data", Line: i + 1, Column: 1}, Message: "unknown"})
	}
	all = append(all, Problem{Severity: Error, Pos: Pos{File: "user-data", Line: 7}, Message: "broken"}, Problem{Severity: Warning, Pos: Pos{File: "meta-data"}, Message: "other"})
	got := Limited(all)
	if len(got) != MaxProblems+3 {
		t.Fatalf("%d are shown", len(got))
	}
	if last := got[len(got)-1]; last.Error() != fmt.Sprintf(`user-data: and %d more of the kind "warning"`, 100_000-MaxProblems) || last.Severity != Warning {
		t.Errorf("the rest is %q", last.Error())
	}
	if again := Limited(append(got, all[:7]...)); len(again) != len(got) || again[MaxProblems+2].Error() != fmt.Sprintf(`user-data: and %d more of the kind "warning"`, 100_007-MaxProblems) {
		t.Errorf("a limited list with 7 more becomes %d, the last %v", len(again), again[len(again)-1])
	}
	if few := Limited(all[:MaxProblems]); len(few) != MaxProblems {
		t.Errorf("of few, %d are shown", len(few))
	}
}

func TestAMessageHasABound(t *testing.T) {
	t.Parallel()
	var f Findings
	long := strings.Repeat("ü", 1<<20)
	f.At(Pos{File: "user-data", Line: 1, Column: 1}, long).Errorf("expected a name, got %q; skipped", long)
	if got := f.List()[0].Error(); len(got) > 2*maxMessage+100 || !strings.HasPrefix(got, "user-data:1:1: üü") || !strings.HasSuffix(got, "üü\"; skipped") || !utf8.ValidString(got) {
		t.Errorf("it is of %d bytes: %.40s...%s", len(got), got, got[len(got)-40:])
	}
}
