package main

import (
	"errors"
	"strings"

	"cloudseed/guest/sshd"
	"cloudseed/host"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// fingerprintsName is the name by which the program shows the guest's host keys. It is a
// program of cloud-init's in /usr/libexec/cloud-init, which others call.
const fingerprintsName = "write-ssh-key-fingerprints"

// fingerprintsCommand is write-ssh-key-fingerprints, with its arguments and output.
func fingerprintsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:    fingerprintsName + " [TYPE,...] [TYPE,...]",
		Short:  "Show the host keys of this machine's sshd",
		Hidden: true, // it is called by its own name
		Long: `Write the fingerprints of the SSH host keys to the system's log, and print them and the
public keys. The first argument has the types of keys (ssh-rsa) whose fingerprints are left
out, the second those of the keys that are.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var hidden [2][]string
			for i := range min(len(args), len(hidden)) {
				hidden[i] = strings.Split(args[i], ",")
			}
			lines, err := sshd.ShowHostKeys(host.New(g.root, host.Options{}), hidden[0], hidden[1])
			for _, line := range lines {
				if _, printed := printable.Fprintf(cmd.OutOrStdout(), "%s\n", line); printed != nil {
					return errors.Join(err, printed)
				}
			}
			return err
		},
	}
}
