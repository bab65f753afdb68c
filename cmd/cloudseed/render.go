package main

import (
	"errors"
	"fmt"
	"os"

	"cloudseed/printable"
	"cloudseed/template"

	"github.com/spf13/cobra"
)

// renderCommand fills in a template of user data and prints what it becomes, as the boot
// would make it.
func renderCommand(g *globals) *cobra.Command {
	var instanceData string
	var debug bool
	cmd := &cobra.Command{
		Use:   "render FILE [-i INSTANCE-DATA]",
		Short: "Fill in a template of user data",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("which template? give one file"), cmd.CommandPath()}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			variables, err := templateVariables(g, instanceData)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("cannot read the template: %w", err)
			}
			if debug {
				if err := printIndented(cmd.ErrOrStderr(), variables, " "); err != nil {
					return err
				}
			}
			filled, missing, err := template.RenderText(cmd.Context(), args[0], string(text), variables)
			if errors.Is(err, template.ErrNotJinja) {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			for _, p := range missing {
				printable.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", p.Severity, p.Error())
			}
			if filled == "" {
				return fmt.Errorf("%s: nothing is left of it when it is filled in", args[0])
			}
			_, err = cmd.OutOrStdout().Write([]byte(filled))
			return err
		},
	}
	cmd.Flags().StringVarP(&instanceData, "instance-data", "i", "", instanceDataUsage)
	cmd.Flags().BoolVarP(&debug, "debug", "d", false, "show the variables that there are, on standard error")
	return cmd
}

const instanceDataUsage = "fill in templates with the instance data in this `file`; without it, with this machine's"

// templateVariables are what templates know: the instance data in a file, or this
// machine's, of which only root has all.
func templateVariables(g *globals, file string) (map[string]any, error) {
	data, _, err := readInstanceData(g, file, os.Geteuid() == 0)
	if err != nil {
		return nil, err
	}
	return template.Variables(data), nil
}
