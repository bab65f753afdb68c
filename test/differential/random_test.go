package differential

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cloudseed/network/convert"
	"cloudseed/network/networktest"
	"cloudseed/test/differential/random"
)

// forms are what random configurations are made of.
var forms = []struct {
	ending string
	make   func(*rand.Rand) (text string, interfaces map[string]string)
}{
	{"v1.yaml", usual(networktest.V1)},
	{"v2.yaml", usual(networktest.V2)},
	{"interfaces.eni", usual(networktest.ENI)},
	{"network_data.json", usual(networktest.OpenStack)},
	{"v1.yaml", unusual(random.V1)},
	{"v2.yaml", unusual(random.V2)},
	{"interfaces.eni", unusual(random.ENI)},
	{"network_data.json", unusual(random.OpenStack)},
}

// usual are configurations as people write them, of what cloud-init does well.
func usual(generate func(*rand.Rand, networktest.Options) (string, []networktest.NIC)) func(*rand.Rand) (string, map[string]string) {
	return func(r *rand.Rand) (string, map[string]string) {
		text, nics := generate(r, networktest.Options{CloudInit: true})
		interfaces := map[string]string{}
		for _, nic := range nics {
			interfaces[nic.Name] = nic.MAC
		}
		return text, interfaces
	}
}

// unusual are those at the borders of that.
func unusual(generate func(*rand.Rand) []byte) func(*rand.Rand) (string, map[string]string) {
	return func(r *rand.Rand) (string, map[string]string) { return string(generate(r)), random.Interfaces() }
}

// TestRandomConfigurationsGiveTheFilesOfCloudInit compares the outcomes of random valid
// configurations. Each follows from the seed and its number alone, so that a failure's
// message says how to have it again. What differs as it is meant to must be the same when
// the cause is taken out of the input.
func TestRandomConfigurationsGiveTheFilesOfCloudInit(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("%d cases of seed %d; the same again: go test ./test/differential -run Random -args -seed %d", *count, start, start)
	const enough = 5 // failures; the rest would be more of the same
	equal, meant, failed := 0, map[string]int{}, 0
	fail := func(in input, output string, their, our outcome) {
		t.Errorf("seed %d, %s, %s: not the same (-cloud-init +cloudseed):\n%s\nof the input:\n%s", start, in.name, output, diff(their, our), in.text)
		if failed++; failed >= enough {
			t.Fatalf("stopped after %d differences", failed)
		}
	}
	for i := range *count {
		form := forms[i%len(forms)]
		text, interfaces := form.make(rand.New(rand.NewPCG(start, uint64(i))))
		in := input{name: fmt.Sprintf("case-%d-%s", i, form.ending), text: text, interfaces: interfaces}
		theirs, ours := both(t, in)
		for _, output := range convert.Outputs() {
			their, our := theirs[output], ours[output]
			if their.equal(our) && their.err == "" {
				equal++
				continue
			}
			cured, reasons := cure(t, in, output)
			if len(reasons) == 0 {
				fail(in, output, their, our)
				continue
			}
			for _, reason := range reasons {
				meant[reason]++
			}
			theirs, ours := both(t, cured, output)
			if their, our := theirs[output], ours[output]; !their.equal(our) || their.err != "" {
				fail(cured, output, their, our)
			}
		}
	}
	t.Logf("the same files %d times; %d times only without what is meant to differ", equal, *count*len(convert.Outputs())-equal)
	for _, reason := range slices.Sorted(maps.Keys(meant)) {
		t.Logf("%6d times meant: %s", meant[reason], reason)
	}
}
