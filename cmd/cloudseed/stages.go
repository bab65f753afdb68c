package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"cloudseed/boot"
	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// initCommand is "init [--local]": the first two stages.
func initCommand(g *globals) *cobra.Command {
	var local bool
	var files []string
	cmd := &cobra.Command{
		Use:   "init [--local]",
		Short: "Run the stage that finds the seed (--local), or the one after the network is up",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stage := state.StageNetwork
			if local {
				stage = state.StageLocal
			}
			return g.runStage(cmd.Context(), stage, files)
		},
	}
	cmd.Flags().BoolVarP(&local, "local", "l", false, "run the stage before the network is up")
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "use this configuration `file` over all others; may be repeated")
	return cmd
}

// modulesCommand is "modules --mode MODE": the last two stages.
func modulesCommand(g *globals) *cobra.Command {
	var mode string
	var files []string
	cmd := &cobra.Command{
		Use:   "modules --mode config|final",
		Short: "Run the modules of a stage",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stage, ok := map[string]string{"init": state.StageNetwork, "config": state.StageConfig, "final": state.StageFinal}[mode]
			if !ok {
				return usageError{fmt.Errorf("there is no mode %q: it is config or final", mode), cmd.CommandPath()}
			}
			return g.runStage(cmd.Context(), stage, files)
		},
	}
	cmd.Flags().StringVarP(&mode, "mode", "m", "config", "the `stage`: config or final")
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "use this configuration `file` over all others; may be repeated")
	return cmd
}

// runStage runs a stage. As with cloud-init, the exit code is the number of errors;
// a process has no more than 255 of those.
func (g *globals) runStage(ctx context.Context, stage string, files []string) error {
	m, err := g.openLogs()
	if err != nil {
		return err
	}
	var errs []error
	if err := m.turn.take(ctx, turnTime); err != nil {
		// What this stage would have done is the next one's to do.
		m.log.Error("the stage " + stage + " did not run: " + err.Error())
		errs = append(errs, err, m.store.StageMissed(stage, fmt.Errorf("the stage %s did not run: %w", stage, err)))
	} else {
		b := m.boot(boot.Options{Files: files, Power: m.power()})
		errs = append(b.Run(ctx, stage), m.turn.Close())
		b.AwaitReports()
	}
	errs = append(errs, m.release())
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) > 0 {
		return exitCode(min(len(errs), 255))
	}
	return nil
}

// singleCommand is "single --name MODULE": one module by hand.
func singleCommand(g *globals) *cobra.Command {
	var name, frequency string
	var files []string
	var report bool
	cmd := &cobra.Command{
		Use:   "single --name MODULE [--frequency always|instance|once] [ARGUMENT...]",
		Short: "Run one module again",
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return usageError{errors.New("which module? give --name"), cmd.CommandPath()}
			}
			var f state.Frequency
			if frequency != "" {
				var err error
				if f, err = state.ParseFrequency(frequency); err != nil {
					return usageError{err, cmd.CommandPath()}
				}
			}
			return g.runSingle(cmd, name, f, args, files)
		},
	}
	cmd.Flags().StringVarP(&name, "name", "n", "", "the `module`")
	cmd.Flags().StringVar(&frequency, "frequency", "", "run it `as if` it were always, once an instance or once")
	cmd.Flags().BoolVar(&report, "report", false, "no effect; cloud-init has it")
	cmd.Flags().StringArrayVarP(&files, "file", "f", nil, "use this configuration `file` over all others; may be repeated")
	return cmd
}

func (g *globals) runSingle(cmd *cobra.Command, name string, f state.Frequency, args, files []string) (err error) {
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("cannot read the configuration: %w", err)
		}
	}
	m, err := g.openMachine(cmd.Context(), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r, err := m.boot(boot.Options{Files: files, Power: m.power()}).Single(cmd.Context(), name, f, args)
	if err != nil {
		return err
	}
	switch r.Result {
	case boot.ResultFailed, boot.ResultInterrupted:
		return exitCode(exitError) // the log has said why, on standard error too
	case boot.ResultAlreadyRun:
		printable.Fprintf(cmd.OutOrStdout(), "%s has run already (%s); to run it again: cloudseed single --name %s --frequency always\n", r.Name, r.Frequency, r.Name)
	case boot.ResultNoConfig:
		printable.Fprintf(cmd.OutOrStdout(), "%s: nothing is configured for it\n", r.Name)
	default:
		printable.Fprintf(cmd.OutOrStdout(), "%s: %s, %d ms\n", r.Name, r.Result, r.DurationMS)
		if m, _ := modules.Find(r.Name); m.RunBy != "" {
			printable.Fprintf(cmd.OutOrStdout(), "It wrote the script; to run it: cloudseed single --name %s --frequency always\n", m.RunBy)
		}
	}
	return nil
}

// noArgs refuses arguments with our own usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument %q", cmd.CommandPath(), args[0]), cmd.CommandPath()}
	}
	return nil
}
