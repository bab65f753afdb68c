package main

import (
	"errors"
	"fmt"
	"os"

	"cloudseed/datasource/media/image"

	"github.com/spf13/cobra"
)

// seedCommand holds what is done with seeds themselves.
func seedCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Look at seeds, and make them",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return errors.Join(cmd.Help(), exitCode(exitUsage)) },
	}
	cmd.AddCommand(seedShowCommand(g), seedBuildCommand())
	return cmd
}

// seedBuildCommand makes an ISO image of a directory that is laid out as a seed.
func seedBuildCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "build --output FILE DIRECTORY",
		Short: "Make an ISO image of a directory that holds a seed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usageError{errors.New("where to? give --output"), cmd.CommandPath()}
			}
			files := os.DirFS(args[0])
			label, err := labelFor(args[0])
			if err != nil {
				return err
			}
			return image.WriteISO(output, label, files)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the image `file` to make")
	return cmd
}

// labelFor is the label by which a machine finds a seed of this layout. A directory
// that no machine would take as a seed is refused.
func labelFor(dir string) (string, error) {
	has := func(name string) bool {
		_, err := os.Stat(dir + "/" + name)
		return err == nil
	}
	switch {
	case has("openstack/latest/meta_data.json"):
		return "config-2", nil
	case has("meta-data") && has("user-data"):
		return "cidata", nil
	}
	return "", fmt.Errorf("%s is no seed: it has neither openstack/latest/meta_data.json (ConfigDrive) nor both meta-data and user-data (NoCloud)", dir)
}
