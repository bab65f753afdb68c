package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/seal"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// sealCommand makes a guest ready to be a template, or tells what keeps it from being one.
func sealCommand(g *globals) *cobra.Command {
	var check, powerOff bool
	var format string
	cmd := &cobra.Command{
		Use:   "seal [--check] [--poweroff] [--format text|json]",
		Short: "Make this guest ready to be a template: remove all that identifies it",
		Long: `Remove what identifies this machine and must not be in a template: the instance and its
network configuration, the machine id, host keys, the random seed, leases, LVM's list of
devices, subscriptions, histories, logs and temporary files. The programs in
/etc/cloud/clean.d run first. Accounts, their keys and passwords, and the hostname stay.

With --check nothing is changed: what is still there is listed, and the exit code is 1 if
there is any. The shell that calls this writes its own history when it ends: call it with
HISTFILE unset, or from outside with --root.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, format); err != nil {
				return err
			}
			if check && powerOff {
				return usageError{errors.New("--check changes nothing: give it or --poweroff, not both"), cmd.CommandPath()}
			}
			if err := g.needsRoot(); err != nil {
				return err
			}
			if check {
				return checkSealed(cmd.OutOrStdout(), host.New(g.root, host.Options{}), format)
			}
			return g.seal(cmd.Context(), cmd.OutOrStdout(), format, powerOff)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&check, "check", false, "change nothing, and list what identifies this machine")
	f.BoolVar(&powerOff, "poweroff", false, "turn the machine off when done")
	f.StringVar(&format, "format", "text", "text or json")
	return cmd
}

// checkSealed tells what identifies a machine.
func checkSealed(w io.Writer, h *host.Host, format string) error {
	found, err := seal.Find(h)
	if err != nil {
		return err
	}
	if err := printFound(w, found, format, "Nothing identifies this machine: it is ready to be a template."); err != nil || len(found) == 0 {
		return err
	}
	return exitCode(exitError)
}

// seal removes what identifies the machine. Nothing of it is logged: the logs go too.
func (g *globals) seal(ctx context.Context, w io.Writer, format string, powerOff bool) (err error) {
	plain := host.New(g.root, host.Options{})
	h := host.New(g.root, host.Options{Guard: state.Guard(plain)})
	turn := &turn{host: plain}
	defer func() { err = errors.Join(err, turn.Close()) }()
	if err := turn.take(ctx, 0); err != nil {
		return err
	}
	errs := []error{runCleaners(ctx, h), modules.ForgetMounts(h)}
	found, err := seal.Find(h)
	errs = append(errs, err)
	for _, f := range found {
		errs = append(errs, f.Remove(ctx, h))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("this machine is not ready to be a template: %w", err)
	}
	if err := printFound(w, found, format, "There was nothing to remove."); err != nil || !powerOff {
		return err
	}
	return power.Of(h).Apply(ctx, power.Change{Mode: power.PowerOff})
}

// printFound prints a line for each path, or what to say where there is none.
func printFound(w io.Writer, found []seal.Found, format, none string) error {
	if format == "json" {
		if found == nil {
			found = []seal.Found{}
		}
		return printJSON(w, found)
	}
	if len(found) == 0 {
		_, err := printable.Fprintf(w, "%s\n", none)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range found {
		for _, path := range f.Paths {
			printable.Fprintf(table, "%s\t%s\n", f.Kind, path)
		}
	}
	return table.Flush()
}
