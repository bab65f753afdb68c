package main

import (
	"fmt"
	"io"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// changesCommand prints the change log: what was done to the guest, when, by which
// module.
//
// A line an effect:
//
//	12:04:05.123 init set_hostname   modified /etc/hostname 0644
//	12:04:05.130 init users_groups   ran useradd --comment … (exit 0, 12 ms)
func changesCommand(g *globals) *cobra.Command {
	var all, diff bool
	var module, format string
	cmd := &cobra.Command{
		Use:   "changes [--module NAME] [--diff] [--all] [--format text|json]",
		Short: "Show everything that was changed on this machine, and by which module",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, format); err != nil {
				return err
			}
			if _, known := modules.Find(module); module != "" && !known {
				return fmt.Errorf("there is no module %q%s", module, config.DidYouMean(module, modules.Names()))
			}
			entries, err := g.openState().Ledger()
			if err != nil {
				return err
			}
			entries = choose(entries, all, module)
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), entries)
			}
			if o, err := g.openState().Overall(kernelCommandLine()); err == nil && len(o.Earlier) > 0 {
				printList(cmd.OutOrStdout(), "Failed in an earlier boot of this instance, and not done since", failureLines(o.Earlier))
			}
			if len(entries) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "Nothing was changed.")
				return err
			}
			for _, e := range entries {
				printEffect(cmd.OutOrStdout(), e, diff)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "show all boots, not only the last")
	cmd.Flags().BoolVar(&diff, "diff", false, "show what changed inside files")
	cmd.Flags().StringVarP(&module, "module", "m", "", "show this `module` only")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// choose keeps the entries that were asked for: of the last boot that changed
// anything, unless all are.
func choose(entries []state.Entry, all bool, module string) []state.Entry {
	chosen := []state.Entry{}
	for _, e := range entries {
		if !all && e.Boot != entries[len(entries)-1].Boot {
			continue
		}
		if module != "" && e.Module != module {
			continue
		}
		chosen = append(chosen, e)
	}
	return chosen
}

func printEffect(w io.Writer, e state.Entry, diff bool) {
	who := strings.TrimSpace(e.Stage + " " + e.Module)
	printable.Fprintf(w, "%s  %-34s %s\n", e.Time.Local().Format("15:04:05.000"), who, describe(e.Effect))
	if e.Error != "" {
		printable.Fprintf(w, "%14s%s\n", "", e.Error)
	}
	if diff && e.Diff != "" {
		for line := range strings.Lines(printable.Lines(e.Diff)) {
			fmt.Fprintf(w, "%14s%s", "", line)
		}
	}
}

// describe says an effect in a few words.
func describe(e host.Effect) string {
	switch e.Kind {
	case host.KindCommand:
		return fmt.Sprintf("ran %s (%s)", shellwords(e.Argv), ended(e.Exit, e.DurationMS))
	case host.KindUnit:
		return fmt.Sprintf("%s (%d ms)", shellwords(e.Argv), e.DurationMS)
	case host.KindInstance:
		return fmt.Sprintf("new instance: id %s, was %s", e.Value, e.Before)
	case host.KindEntry:
		return fmt.Sprintf("%s failed (exit %d)", e.Value, *e.Exit)
	case host.KindSkipped:
		return "skipped: " + e.Value
	case host.KindHostname:
		return "named the machine " + e.Value
	case host.KindLink:
		return fmt.Sprintf("%s %s -> %s", e.Change, e.Path, e.Value)
	case host.KindDir:
		return strings.TrimSpace(fmt.Sprintf("%s %s/ %s", e.Change, e.Path, e.Mode))
	default:
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Change, e.Path, e.Mode))
	}
}

// ended says how a command ended. One without an exit code was started to go on by
// itself.
func ended(exit *int, durationMS int64) string {
	if exit == nil {
		return "started"
	}
	return fmt.Sprintf("exit %d, %d ms", *exit, durationMS)
}
