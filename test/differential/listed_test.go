package differential

import (
	"cmp"
	"testing"
)

// listedCase is an input of our own that may be listed as one that differs.
type listedCase struct {
	name string
	file string // the name for its golden file, if not the same
	text string // that a failure shows
	both func() (their, our outcome)
}

// compareListed compares the outcomes of cases. What differs must be listed, and be
// exactly what its golden file says; what is listed must differ. There must be some
// cases: a test of none would not fail.
func compareListed(t *testing.T, kind string, cases []listedCase, fewest int, differences []difference) {
	t.Helper()
	if len(cases) < fewest {
		t.Errorf("there are %d inputs, fewer than %d", len(cases), fewest)
	}
	listed := map[string]bool{}
	for _, d := range differences {
		if listed[d.input] {
			t.Errorf("%s: it is listed twice", d.input)
		}
		listed[d.input] = true
	}
	equal := 0
	for _, c := range cases {
		known := listed[c.name]
		delete(listed, c.name)
		their, our := c.both()
		switch {
		case known && their.equal(our):
			t.Errorf("%s: it is listed as a difference, and there is none any more", c.name)
		case known:
			golden(t, cmp.Or(c.file, c.name), kind, their, our)
		case their.equal(our):
			equal++
		default:
			t.Errorf("%s: not the same (-cloud-init +cloudseed):\n%s\nof the input:\n%s", c.name, diff(their, our), c.text)
		}
	}
	for name := range listed {
		t.Errorf("%s: it is listed as a difference, and there is no such input", name)
	}
	t.Logf("%d inputs: the same %d times, differences listed %d times", len(cases), equal, len(cases)-equal)
}
