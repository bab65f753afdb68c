package differential

// difference is one that is meant. The golden files in testdata/differences hold what
// exactly differs.
type difference struct {
	input   string
	outputs []string
	reason  string // words of docs/differences.md
}

var differences = []difference{}
