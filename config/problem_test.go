package config

import (
	"fmt"
	"testing"
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
