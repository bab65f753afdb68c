package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"cloudseed/config"
	"cloudseed/printable"
	"cloudseed/template"
)

// query is how "query" was called.
type query struct {
	*globals
	file, userData, vendorData string
	format                     string
	all, list                  bool
	root                       bool // whether root asks
}

// queryCommand prints instance data: what modules and templates know of the instance.
// Texts are printed as they are, all else as JSON.
func queryCommand(g *globals) *cobra.Command {
	q := query{globals: g}
	cmd := &cobra.Command{
		Use:   "query [--all | --list-keys [KEY] | --format TEMPLATE | KEY]",
		Short: "Print what is known of the instance, such as v1.instance_id or ds.meta_data",
		Long: `Print what is known of the instance: a string as it is, all else as JSON. KEY leads to it through
keys and the numbers of a list's items, with dots between them: v1.instance_id, ds.meta_data.uuid,
public_ssh_keys.0. Keys of v1 may be written without "v1."; a key with other characters than
letters and digits is written with underscores in their place. A non-root user sees no secrets.`,
		Example: `  cloudseed query local_hostname
  cloudseed query --list-keys ds.meta_data
  cloudseed query --format '{{ cloud_id }} {{ ds.meta_data.uuid }}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.root = os.Geteuid() == 0
			key := strings.Join(args, "")
			if key == "" && !q.all && !q.list && q.format == "" {
				if err := cmd.Help(); err != nil {
					return err
				}
				return errors.New("what is asked for? give a KEY, or --all, --list-keys or --format")
			}
			return q.run(cmd, key)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&q.file, "instance-data", "i", "", "read this `file` instead of the instance data of this boot")
	f.BoolVarP(&q.all, "all", "a", false, "print everything")
	f.BoolVarP(&q.list, "list-keys", "l", false, "print the keys only")
	f.StringVarP(&q.userData, "user-data", "u", "", "take the user data from this `file`, not from that of the instance")
	f.StringVarP(&q.vendorData, "vendor-data", "v", "", "take the vendor data from this `file`, not from that of the instance")
	f.StringVarP(&q.format, "format", "f", "", "fill in this jinja `template`: every key is a variable")
	return cmd
}

func (q query) run(cmd *cobra.Command, key string) error {
	data, err := q.read(cmd)
	if err != nil {
		return err
	}
	if q.format != "" {
		text, err := fillIn(cmd, q.format, data)
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		}
		return err
	}
	var value any = template.Lifted(data)
	if key != "" {
		if value, err = lookUp(value, key); err != nil {
			return err
		}
	}
	text, err := printed(value, key, q.list)
	if err == nil {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	}
	return err
}

// fillIn fills in a template that was given on the command line. One that comes to
// nothing is an error without words, as with cloud-init.
func fillIn(cmd *cobra.Command, text string, data map[string]any) (string, error) {
	t := template.Template{Text: text, At: config.Pos{File: "--format", Line: 1}}
	filled, missing, err := t.Render(cmd.Context(), template.Variables(data))
	if err != nil {
		return "", fmt.Errorf("cannot fill in the template: %w", err)
	}
	for _, problem := range missing {
		printable.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", problem)
	}
	if filled == "" {
		return "", exitCode(exitError)
	}
	return filled, nil
}
