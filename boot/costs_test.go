package boot_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"cloudseed/test/seed"
)

// countsAlone tells the process that counts from the one that has it started.
const countsAlone = "CLOUDSEED_TEST_COUNTS"

const costsFile = "testdata/costs.golden"

// TestABootCostsNoMoreThanItDid holds what noise cannot move to the golden file, within 5 %: a boot
// with the packaged cloud.cfg, in this process, in which what is made once a process is there already.
// What costs less is no failure; -update keeps it. It counts all that a process does, which is one of
// its own: "go test" has those that it starts log what they open.
func TestABootCostsNoMoreThanItDid(t *testing.T) {
	t.Parallel()
	if os.Getenv(countsAlone) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", fmt.Sprintf("-update=%t", *update))
		cmd.Env = append(os.Environ(), countsAlone+"=1", "GOGC=off") // a collection empties pools, which are filled again
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	packaged, err := os.ReadFile("../packaging/cloud.cfg")
	must(t, err)
	var got strings.Builder
	for _, counted := range []bool{false, true} {
		g := newGuest(t, seed.OVirt())
		g.Put(t, "/etc/cloud/cloud.cfg", string(packaged))
		for _, name := range []string{"first", "second"} {
			before := spent(t, g)
			if r := g.boot(t); len(r.Errors) > 0 {
				t.Fatal(r.Errors)
			}
			after := spent(t, g)
			for i, c := range after {
				if counted {
					fmt.Fprintf(&got, "%s %s %d\n", name, c.name, c.n-before[i].n)
				}
			}
		}
	}
	if *update {
		must(t, os.WriteFile(costsFile, []byte(got.String()), 0o644))
		return
	}
	golden, err := os.ReadFile(costsFile)
	must(t, err)
	wants, lines := strings.Split(string(golden), "\n"), strings.Split(got.String(), "\n")
	if len(wants) != len(lines) {
		t.Fatalf("%s has not the costs that are counted: go test ./boot -run %s -update", costsFile, t.Name())
	}
	for i, line := range lines[:len(lines)-1] {
		var boot, what, wantBoot, wantWhat string
		var n, want float64
		_, errGot := fmt.Sscan(line, &boot, &what, &n)
		_, errWant := fmt.Sscan(wants[i], &wantBoot, &wantWhat, &want)
		if errGot != nil || errWant != nil || boot != wantBoot || what != wantWhat {
			t.Fatalf("%q is compared with %q", line, wants[i])
		}
		if n > want*1.05 {
			t.Errorf("a %s boot costs %.0f %s, and cost %.0f", boot, n, what, want)
		}
	}
}

// spending is how much of something was used so far.
type spending struct {
	name string
	n    int
}

// spent is what this process, and a guest in it, have used so far.
func spent(t *testing.T, g *guest) []spending {
	t.Helper()
	io, err := os.ReadFile("/proc/self/io")
	must(t, err)
	var read, written, reads, writes int
	if _, err := fmt.Sscanf(string(io), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\n", &read, &written, &reads, &writes); err != nil {
		t.Fatal(err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return []spending{
		{"syncs", g.Syncs()},
		{"flushes", g.Flushes()},
		{"commands", len(g.Calls())},
		{"effects", len(g.Effects())},
		{"bytes-read", read},
		{"bytes-written", written},
		{"reads", reads},
		{"writes", writes},
		{"allocations", int(memory.Mallocs)},
		{"bytes-allocated", int(memory.TotalAlloc)},
	}
}
