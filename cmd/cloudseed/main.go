// Command cloudseed configures a virtual machine at its first boot from the seed
// that is attached to it, as cloud-init does.
//
// This package knows flags, output formats and exit codes: a file for each command.
// How anything is done is told in the packages it calls.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"cloudseed/config"
	"cloudseed/datasource/media"
	"cloudseed/printable"
	"cloudseed/sandbox"

	"github.com/spf13/cobra"
)

// Exit codes, as cloud-init has them.
const (
	exitOK       = 0
	exitError    = 1
	exitDegraded = 2
	exitUsage    = 2
)

// exitCode ends the program with a code and says nothing: what there was to say has
// been said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func main() {
	// The confined reader of media and the sandbox's first process are this program
	// again, told apart before anything else happens.
	sandbox.KeeperMain()
	media.ChildMain()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	args := os.Args[1:]
	if name := filepath.Base(os.Args[0]); name == perName || name == fingerprintsName {
		args = append([]string{name}, args...)
	}
	code := run(ctx, args)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	for _, one := range flatten(err) {
		printable.Fprintf(os.Stderr, "error: %v\n", one)
	}
	var usage usageError
	if errors.As(err, &usage) {
		printable.Fprintf(os.Stderr, "hint: %s --help\n", usage.command)
		return exitUsage
	}
	return exitError
}

// usageError is a command line that cannot be understood.
type usageError struct {
	error
	command string
}

func rootCommand() *cobra.Command {
	var g globals
	var v versionFlags
	root := &cobra.Command{
		Use:   "cloudseed",
		Short: "Configure this machine from the seed that is attached to it",
		Long: `cloudseed reads the seed that a virtual machine's host has attached to it (NoCloud
or ConfigDrive) and configures the guest by it: hostname, users, passwords, SSH keys,
network and commands. systemd runs its stages at boot; by hand it shows what happened
and tries a seed out.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.asked {
				return v.print(cmd.OutOrStdout())
			}
			if err := cmd.Help(); err != nil {
				return err
			}
			return exitCode(exitUsage) // as cloud-init: nothing to do is a mistake
		},
		Args: knownCommand,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if info, err := os.Stat(g.root); err != nil || !info.IsDir() {
				return fmt.Errorf("cannot work on the root %s: %w", g.root, cmp.Or(err, error(syscall.ENOTDIR)))
			}
			return nil
		},
	}
	root.PersistentFlags().BoolVarP(&g.debug, "debug", "d", false, "show debug messages on standard error")
	root.PersistentFlags().StringVar(&g.root, "root", "/", "work on the system in this `directory` instead of the running one")
	v.add(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, cmd.CommandPath()}
	})
	root.AddCommand(
		tryCommand(&g), insideCommand(&g), perCommand(&g), fingerprintsCommand(&g), statusCommand(&g), changesCommand(&g), queryCommand(&g), explainCommand(&g), schemaCommand(&g), singleCommand(&g), cleanCommand(&g),
		initCommand(&g), modulesCommand(&g), seedCommand(&g), networkCommand(&g), userdataCommand(), develCommand(&g),
	)
	return root
}

// knownCommand refuses what no command is called, with those that were likely meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, known := range cmd.Commands() {
		if known.IsAvailableCommand() {
			names = append(names, known.Name())
		}
	}
	return usageError{fmt.Errorf("unknown command %q%s", args[0], config.DidYouMean(args[0], names)), cmd.CommandPath()}
}

// flatten takes joined errors apart: each has its line.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}
