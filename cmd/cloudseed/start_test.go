package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// maxInitAllocations is what a package of ours may allocate before main: each of a boot's processes
// pays for all packages, whatever it is to do. The modules' descriptions need the most.
const maxInitAllocations = 450

// TestStartingCostsLittle counts, since allocations are the same on every machine: a regular
// expression that is compiled at the start is some hundreds.
func TestStartingCostsLittle(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := regexp.MustCompile(`(?m)^init (cloudseed/\S+) .* (\d+) allocs$`).FindAllStringSubmatch(string(out), -1)
	if len(found) < 20 {
		t.Fatalf("only %d packages are in the trace:\n%s", len(found), out)
	}
	for _, m := range found {
		if n, err := strconv.Atoi(m[2]); err != nil || n > maxInitAllocations {
			t.Errorf("%s allocates %s times before main, at most %d is right: what is not always needed is made when it is used", m[1], m[2], maxInitAllocations)
		}
	}
}

// programSize is that of the program for amd64 in bytes, as make build makes it.
const programSize = 14_720_000

// TestTheProgramIsNoLargerThanItWas by 5 %: what is linked is read from a disk, and its pages are
// mapped, in each of a boot's processes.
func TestTheProgramIsNoLargerThanItWas(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cloudseed")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(programSize) * 105 / 100; info.Size() > most {
		t.Errorf("the program has %d bytes, at most %d is right: which dependency is it?", info.Size(), most)
	}
}

func TestAStageBuildsItsOwnCommandAlone(t *testing.T) {
	t.Parallel()
	for _, line := range [][]string{{"init", "--local"}, {"init"}, {"modules", "--mode", "config"}, {"modules", "--mode", "final"}} {
		built := rootCommand(&globals{}, line).Commands()
		if len(built) != 1 || built[0].Name() != line[0] {
			t.Errorf("%q builds %d commands", line, len(built))
		}
	}
	// A word that is not the first one may be an option's value.
	for _, line := range [][]string{nil, {"status"}, {"--root", "init", "status"}} {
		if built := rootCommand(&globals{}, line).Commands(); len(built) < 20 {
			t.Errorf("%q builds %d commands, not all", line, len(built))
		}
	}
}
