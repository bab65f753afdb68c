package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// develCommand holds the tools for those who write seeds and images, under cloud-init's
// names.
func develCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devel",
		Short: "Tools for those who write seeds and images",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return errors.Join(cmd.Help(), exitCode(exitUsage)) },
	}
	cmd.AddCommand(netConvertCommand(), hotplugHookCommand(g), renderCommand(g), makeMIMECommand())
	return cmd
}
