package main

import (
	"os"

	"github.com/spf13/cobra"
)

// dsIdentifyName is the name by which the program tells whether there is a seed. It is a program
// of cloud-init's in /usr/libexec/cloud-init.
const dsIdentifyName = "ds-identify"

// dsIdentifyCommand is ds-identify: it records in /run/cloud-init what it finds, and its exit
// code is 1 where there is no seed.
func dsIdentifyCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:    dsIdentifyName,
		Short:  "Tell whether this machine has a seed",
		Hidden: true, // it is called by its own name
		Long: `Look for a seed as the boot does, and record what is found in /run/cloud-init/ds-identify.log and
/run/cloud-init/cloud.cfg. The exit code is 1 where there is none.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := g.needsRoot(); err != nil {
				return err
			}
			found, err := g.onlooker(os.Stderr).Identify(cmd.Context())
			if err == nil && !found {
				err = exitCode(exitError)
			}
			return err
		},
	}
	cmd.Flags().Bool("force", false, "no effect; cloud-init has it")
	return cmd
}
