package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// featuresCommand prints what of cloud-init there is, in its words, for programs that ask before
// they rely on it.
func featuresCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "features",
		Short: "Print the names of the formats that are understood",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "NETWORK_CONFIG_V1\nNETWORK_CONFIG_V2")
			return err
		},
	}
}
