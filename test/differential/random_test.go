package differential

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cloudseed/network/convert"
	"cloudseed/network/networktest"
)

// forms are what random configurations are made of.
var forms = []struct {
	ending string
	random func(*rand.Rand) []byte
}{
	{"v1.yaml", networktest.V1},
	{"v2.yaml", networktest.V2},
	{"interfaces.eni", networktest.ENI},
	{"network_data.json", networktest.OpenStack},
}

// TestRandomConfigurationsGiveTheFilesOfCloudInit compares the outcomes of random valid
// configurations. Each follows from the seed and its number alone, so that a failure's
// message says how to have it again.
func TestRandomConfigurationsGiveTheFilesOfCloudInit(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("%d cases of seed %d; the same again: go test ./test/differential -run Random -args -seed %d", *count, start, start)
	const enough = 5 // failures; the rest would be more of the same
	equal, meant, failed := 0, map[string]int{}, 0
	for i := range *count {
		form := forms[i%len(forms)]
		in := input{fmt.Sprintf("case-%d-%s", i, form.ending), string(form.random(rand.New(rand.NewPCG(start, uint64(i)))))}
		theirs, ours := both(t, in)
		for _, output := range convert.Outputs() {
			reasons := meantFor(t, in, output)
			switch {
			case theirs[output].equal(ours[output]):
				equal++
			case len(reasons) > 0:
				for _, reason := range reasons {
					meant[reason]++
				}
			default:
				t.Errorf("seed %d, %s, %s: not the same (-cloud-init +cloudseed):\n%s\nof the input:\n%s", start, in.name, output, diff(theirs[output], ours[output]), in.text)
				failed++
			}
		}
		if failed >= enough {
			t.Fatalf("stopped after %d differences", failed)
		}
	}
	t.Logf("the same %d times", equal)
	for _, reason := range slices.Sorted(maps.Keys(meant)) {
		t.Logf("%6d times meant: %s", meant[reason], reason)
	}
}
