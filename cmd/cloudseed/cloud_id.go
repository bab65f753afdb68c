package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"cloudseed/printable"
	"cloudseed/python"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// cloudIDName is the name by which the program tells on which cloud it runs.
const cloudIDName = "cloud-id"

// exitNotRun is cloud-id's exit code before the boot has found an instance.
const exitNotRun = 3

// cloudIDCommand is cloud-id, with its arguments, output and exit codes.
func cloudIDCommand(g *globals) *cobra.Command {
	var asJSON, long bool
	var file string
	cmd := &cobra.Command{
		Use:    cloudIDName + " [--json | --long]",
		Short:  "Print the cloud that this instance is of",
		Hidden: true, // it is called by its own name
		Long: `Print the cloud that this instance is of, as its datasource knows it. The exit code is 2 where
the agent is disabled, and 3 before it has run.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := g.openState().Overall(kernelCommandLine())
			if err != nil {
				return err
			}
			if code, ok := map[state.Word]exitCode{state.Disabled: exitDegraded, state.NotStarted: exitNotRun}[o.Word]; ok {
				_, err := printable.Fprintf(cmd.OutOrStdout(), "%s\n", o.Word)
				return errors.Join(err, code)
			}
			data, _, err := readInstanceData(g, file, os.Geteuid() == 0)
			if err != nil {
				return err
			}
			v1, _ := data["v1"].(map[string]any)
			if v1 == nil {
				v1 = map[string]any{}
			}
			id := state.CloudID(textOf(v1, "cloud_name"), textOf(v1, "region"), textOf(v1, "platform"))
			switch {
			case asJSON:
				v1["cloud_id"] = id
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", python.JSON(v1))
			case long:
				region := "unknown"
				if value, has := v1["region"]; has {
					region = fmt.Sprint(value)
					if value == nil {
						region = "None" // as cloud-init prints it
					}
				}
				_, err = printable.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", id, region)
			default:
				_, err = printable.Fprintf(cmd.OutOrStdout(), "%s\n", id)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&asJSON, "json", "j", false, "print all that is known of any cloud, as JSON")
	f.BoolVarP(&long, "long", "l", false, "print the region too, after a tab")
	f.StringVarP(&file, "instance-data", "i", "", "read this `file` instead of the instance data of this boot")
	return cmd
}

func textOf(values map[string]any, key string) string {
	switch value := values[key].(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}
