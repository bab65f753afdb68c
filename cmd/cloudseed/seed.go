package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// seedCommand holds what is done with seeds themselves.
func seedCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Look at seeds, and make them",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return errors.Join(cmd.Help(), exitCode(exitUsage)) },
	}
	cmd.AddCommand(seedShowCommand(g), seedBuildCommand(), seedScanCommand(g))
	return cmd
}
