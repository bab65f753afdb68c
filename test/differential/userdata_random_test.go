package differential

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cloudseed/test/differential/random"
)

// TestRandomUserDataGivesTheFilesOfCloudInit compares what becomes of random user data
// of all kinds. Each follows from the seed and its number alone. What differs as it is
// meant to must be the same when the cause is skipped of the input.
func TestRandomUserDataGivesTheFilesOfCloudInit(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	number := *userCount
	t.Logf("%d inputs of seed %d; the same again: go test ./test/differential -run RandomUserData -args -seed %d -user-count %d", number, start, start, number)
	const enough = 5 // failures; the rest would be more of the same
	equal, meant, failed := 0, map[string]int{}, 0
	for i := range number {
		made := random.NewUserData(rand.New(rand.NewPCG(start, uint64(i))), false)
		their, our := bothUserData(t, randomInput(i, made))
		if their.equal(our) {
			equal++
			continue
		}
		reasons := made.Meant
		if len(reasons) > 0 {
			made = random.NewUserData(rand.New(rand.NewPCG(start, uint64(i))), true)
			their, our = bothUserData(t, randomInput(i, made))
		}
		if their.equal(our) {
			for _, reason := range reasons {
				meant[reason]++
			}
			continue
		}
		t.Errorf("seed %d, input %d: not the same (-cloud-init +cloudseed):\n%s\nof the input:\n%s", start, i, diff(their, our), describe(made))
		if failed++; failed >= enough {
			t.Fatalf("stopped after %d differences", failed)
		}
	}
	t.Logf("the same %d times; %d times only without what is meant to differ", equal, number-equal-failed)
	for _, reason := range slices.Sorted(maps.Keys(meant)) {
		t.Logf("%6d times meant: %s", meant[reason], reason)
	}
}

func randomInput(number int, made random.UserData) userInput {
	return userInput{
		name: fmt.Sprintf("random-%d", number), user: made.User, vendor: made.Vendor, vendor2: made.Vendor2,
		index: made.Index, system: made.System, files: made.Files,
	}
}

// describe is an input as a person can read it, and copy it from.
func describe(made random.UserData) string {
	var b strings.Builder
	fmt.Fprintf(&b, "user data %q\n%s\n", made.User, made.User)
	fmt.Fprintf(&b, "vendor data %s\nvendor data 2 %s\nsystem %q\n", made.Vendor, made.Vendor2, made.System)
	if made.Index != nil {
		fmt.Fprintf(&b, "launch index %d\n", *made.Index)
	}
	for _, path := range slices.Sorted(maps.Keys(made.Files)) {
		fmt.Fprintf(&b, "file %s %q\n", path, made.Files[path])
	}
	return b.String()
}
