package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/demo.svg anew")

// TestThePictureIsTheDemo: the picture in README.md is what the demo prints, but for times.
func TestThePictureIsTheDemo(t *testing.T) {
	needs.Root(t)
	needs.Programs(t, "useradd", "chpasswd", "ssh-keygen")
	program := filepath.Join(t.TempDir(), "cloudseed")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/cloudseed").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v: %s", err, out)
	}
	var output bytes.Buffer
	if err := demo(program, &output); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/demo.svg"
	got := picture(output.String())
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(timeless(string(want)), timeless(got)); diff != "" {
		t.Errorf("%s is not what the demo prints, (-picture +demo): go test ./test/demo -update\n%s", file, diff)
	}
}

var numbers = regexp.MustCompile(` *[0-9.]+ (ms|s|changes|commands|warnings)\b`)

// timeless is a picture without what differs from run to run.
func timeless(picture string) string { return numbers.ReplaceAllString(picture, " N $1") }
