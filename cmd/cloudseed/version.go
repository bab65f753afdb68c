package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"

	"cloudseed/boot"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// Both are set by the linker.
var (
	version = "0.1.0-dev"
	commit  string
)

// versionFlags are --version and, with it, --long.
type versionFlags struct{ asked, long bool }

func (v *versionFlags) add(root *cobra.Command) {
	root.Flags().BoolVarP(&v.asked, "version", "v", false, "print the version")
	root.Flags().BoolVar(&v.long, "long", false, "with --version: commit, Go and modules too")
}

// print writes the version as `cloud-init --version` does, a name and a number on one line;
// --long adds what the program was built from. Called as cloud-init, which is by a path, the
// program says what cloud-init would: others compare it with the package's version.
func (v *versionFlags) print(w io.Writer, cloudInit string) error {
	if cloudInit != "" {
		_, err := printable.Fprintf(w, "%s %s\n", cloudInit, boot.CloudInitVersion)
		return err
	}
	if _, err := printable.Fprintf(w, "cloudseed %s\n", version); err != nil || !v.long {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("the program says nothing about its build")
	}
	if _, err := printable.Fprintf(w, "commit %s\ngo %s\n", cmp.Or(commit, "unknown"), info.GoVersion); err != nil {
		return err
	}
	for _, module := range info.Deps {
		if _, err := printable.Fprintf(w, "module %s %s\n", module.Path, module.Version); err != nil {
			return err
		}
	}
	return nil
}
