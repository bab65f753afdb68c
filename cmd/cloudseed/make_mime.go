package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cloudseed/printable"
	"cloudseed/secret"
	"cloudseed/userdata"

	"github.com/spf13/cobra"
)

// makeMIMECommand makes one user data of several files, with cloud-init's options.
func makeMIMECommand() *cobra.Command {
	var attached []string
	var list, force bool
	cmd := &cobra.Command{
		Use:   "make-mime -a FILE:TYPE...",
		Short: "Make one user data of several files: a MIME message",
		Long: `Make one user data of several files, each a part of a MIME message, such as

    cloudseed devel make-mime -a config.yaml:cloud-config -a script.sh:x-shellscript >user-data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.ReplaceAll(strings.Join(userdata.Types(), "\n"), "text/", ""))
				return err
			}
			if len(attached) == 0 {
				return usageError{errors.New("which files? give each by --attach FILE:TYPE"), cmd.CommandPath()}
			}
			var message userdata.Result
			for _, one := range attached {
				part, err := attachment(one)
				if err != nil {
					return err
				}
				if !slices.Contains(userdata.Types(), part.Type) {
					problem := fmt.Errorf("%s: there is no type %q, --list-types lists those that there are; --force takes it all the same", one, strings.TrimPrefix(part.Type, "text/"))
					if !force {
						return problem
					}
					printable.Fprintf(cmd.ErrOrStderr(), "warning: %v\n", problem)
				}
				message.Parts = append(message.Parts, part)
			}
			_, err := cmd.OutOrStdout().Write(message.MIME())
			return err
		},
	}
	cmd.Flags().StringArrayVarP(&attached, "attach", "a", nil, "a file and its type, as `file:type`; may be repeated")
	cmd.Flags().BoolVarP(&list, "list-types", "l", false, "list the types")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "take types that are not known")
	return cmd
}

// attachment reads a file that is to be a part, given as "script.sh:x-shellscript".
func attachment(text string) (userdata.Part, error) {
	file, kind, ok := strings.Cut(text, ":")
	kind = strings.TrimSpace(kind)
	if !ok || kind == "" {
		return userdata.Part{}, fmt.Errorf("%q has no type: expected the like of script.sh:x-shellscript", text)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return userdata.Part{}, fmt.Errorf("cannot read a part: %w", err)
	}
	return userdata.Part{Type: strings.ToLower("text/" + kind), Filename: filepath.Base(file), Content: secret.NewBytes(content)}, nil
}
