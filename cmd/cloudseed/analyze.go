package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"cloudseed/bootlog/events"
	"cloudseed/printable"
	"cloudseed/python"

	"github.com/spf13/cobra"
)

// analysis is what the commands of "analyze" are given: where to read and to write.
type analysis struct {
	*globals
	infile, outfile, format string
}

// analyzeCommand tells from the log where the time of boots went.
func analyzeCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "analyze blame|show|dump|boot",
		Short: "Tell from the log where the time of the boot went",
		Args:  knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("what is to be analyzed? blame, show, dump or boot"), cmd.CommandPath()}
		},
	}
	a := &analysis{globals: g}
	show := a.command("show", "Print what happened, in its order", a.show)
	show.Flags().StringVarP(&a.format, "format", "f", "%I%D @%Es +%ds", "the `format` of a line")
	cmd.AddCommand(
		a.command("blame", "Print what took its time, the longest first", a.blame),
		show,
		a.command("dump", "Print the events as JSON", a.dump),
		a.command("boot", "Print when the kernel, systemd and the first stage began", a.boot),
	)
	return cmd
}

func (a *analysis) command(name, short string, run func(*cobra.Command, io.Writer) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if a.outfile == "-" {
				return run(cmd, cmd.OutOrStdout())
			}
			out, err := os.Create(a.outfile)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, out.Close()) }()
			return run(cmd, out)
		},
	}
	cmd.Flags().StringVarP(&a.infile, "infile", "i", logFile, "the `log` to read; - is standard input")
	cmd.Flags().StringVarP(&a.outfile, "outfile", "o", "-", "the `file` to write; - is standard output")
	return cmd
}

// events are those of the log.
func (a *analysis) events(cmd *cobra.Command) ([]events.Event, error) {
	in := cmd.InOrStdin()
	if a.infile != "-" {
		file, err := os.Open(a.path())
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // it was read
		in = file
	}
	list, skipped, err := events.Read(in)
	if err != nil {
		return nil, fmt.Errorf("cannot analyze %s: %w", a.infile, err)
	}
	if skipped > 0 {
		printable.Fprintf(cmd.ErrOrStderr(), "warning: %s: lines that are no events: %d\n", a.infile, skipped)
	}
	return list, nil
}

// path is the log's; that of another root lies below it.
func (a *analysis) path() string {
	if a.infile == logFile {
		return strings.TrimSuffix(a.root, "/") + logFile
	}
	return a.infile
}

func (a *analysis) show(cmd *cobra.Command, out io.Writer) error {
	list, err := a.events(cmd)
	if err != nil {
		return err
	}
	boots := events.Boots(list, a.format)
	for i, lines := range boots {
		printable.Fprintf(out, "-- Boot Record %02d --\n"+
			"The total time elapsed since completing an event is printed after the \"@\" character.\n"+
			"The time the event takes is printed after the \"+\" character.\n\n%s\n", i+1, printable.Text(strings.Join(lines, "\n")))
	}
	_, err = printable.Fprintf(out, "%d boot records analyzed\n", len(boots))
	return err
}

func (a *analysis) blame(cmd *cobra.Command, out io.Writer) error {
	list, err := a.events(cmd)
	if err != nil {
		return err
	}
	boots := events.Boots(list, "     %ds (%n)")
	for i, lines := range boots {
		lines = slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, " ") })
		slices.Sort(lines)
		slices.Reverse(lines)
		printable.Fprintf(out, "-- Boot Record %02d --\n%s\n\n", i+1, printable.Text(strings.Join(lines, "\n")))
	}
	_, err = printable.Fprintf(out, "%d boot records analyzed\n", len(boots))
	return err
}

func (a *analysis) dump(cmd *cobra.Command, out io.Writer) error {
	list, err := a.events(cmd)
	if err != nil {
		return err
	}
	all := []any{}
	for _, e := range list {
		all = append(all, e.JSON())
	}
	_, err = fmt.Fprintf(out, "%s\n", python.JSON(all))
	return err
}
