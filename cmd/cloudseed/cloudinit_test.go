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

func TestAContainersVariableIsItsCommandLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ first, given, want string }{
		"none":                        {"/sbin/init", "", "/sbin/init"},
		"a datasource":                {"/sbin/init", "quiet ds=nocloud;i=x", "/sbin/init quiet ds=nocloud;i=x"},
		"it is switched off":          {"/sbin/init", "cloud-init=disabled", "/sbin/init KERNEL_CMDLINE=cloud-init=disabled"},
		"by the first process itself": {"/sbin/init cloud-init=disabled", "", "/sbin/init cloud-init=disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := containerCommandLine(row.first, row.given); got != row.want {
				t.Errorf("it is %q, want %q", got, row.want)
			}
		})
	}
}
