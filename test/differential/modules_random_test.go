package differential

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cloudseed/modules"
	"cloudseed/test/differential/random"
)

// TestRandomModulesDoWhatThoseOfCloudInitDo boots machines with random configurations of all
// modules at once. Each follows from the seed and its number alone. What differs as it is meant
// to must be the same when the cause is skipped of the input.
func TestRandomModulesDoWhatThoseOfCloudInitDo(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	number := *moduleCount
	t.Logf("%d inputs of seed %d; the same again: go test ./test/differential -run RandomModules -args -seed %d -module-count %d", number, start, start, number)
	var all []string
	for _, m := range modules.All() {
		if !slices.Contains(alone, m.Name) {
			all = append(all, m.Name)
		}
	}
	const enough = 5 // failures; the rest would be more of the same
	equal, meant, failed := 0, map[string]int{}, 0
	for i := range number {
		made := random.NewModules(rand.New(rand.NewPCG(start, uint64(i))), false)
		their, our := bothBoot(t, randomMachine(i, all, made))
		if their.equal(our) {
			equal++
			continue
		}
		reasons := made.Meant
		if len(reasons) > 0 {
			made = random.NewModules(rand.New(rand.NewPCG(start, uint64(i))), true)
			their, our = bothBoot(t, randomMachine(i, all, made))
		}
		if their.equal(our) {
			for _, reason := range reasons {
				meant[reason]++
			}
			continue
		}
		t.Errorf("seed %d, input %d: not the same (-cloud-init +cloudseed):\n%s\nof the input:\n%s\nand the metadata:\n%s", start, i, diff(their, our), made.User, made.Metadata)
		if failed++; failed >= enough {
			t.Fatalf("stopped after %d differences", failed)
		}
	}
	t.Logf("the same %d times; %d times only without what is meant to differ", equal, number-equal-failed)
	for _, reason := range slices.Sorted(maps.Keys(meant)) {
		t.Logf("%6d times meant: %s", meant[reason], reason)
	}
}

// alone are modules that random machines do not run: they need disks, a network or a machine
// that may go down, or say at each boot what is in each agent's own words.
var alone = []string{"growpart", "resizefs", "disk_setup", "phone_home", "power_state_change", "ssh_import_id", "final_message", "keys_to_console", "install_hotplug", "ssh_authkey_fingerprints"}

func randomMachine(number int, run []string, made random.Modules) machine {
	return machine{name: fmt.Sprintf("random-%d", number), modules: run, user: made.User, meta: made.Metadata, files: map[string]string{}}
}
