package main

import (
	"os"
	"strings"
	"testing"

	"cloudseed/boot"
)

// The package says the same version as the program: others compare the two.
func TestThePackageProvidesTheVersionThatTheProgramPrints(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile("../../packaging/cloudseed.spec")
	if err != nil {
		t.Fatal(err)
	}
	var provided, release string
	for line := range strings.Lines(string(spec)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 3 && words[0] == "%global" && words[1] == "followed":
			provided = words[2]
		case len(words) == 2 && words[0] == "Release:":
			release = words[1]
		}
	}
	provided += "-" + release
	if provided != boot.CloudInitVersion {
		t.Errorf("the package provides cloud-init %q, the program answers as %q", provided, boot.CloudInitVersion)
	}
}
