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
	"slices"
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
	code := run(ctx, os.Args)
	stop()
	os.Exit(code)
}

// run runs the command that a command line is for. Its first word is the name by which the
// program was called.
func run(ctx context.Context, argv []string) int {
	name, args := filepath.Base(argv[0]), argv[1:]
	if slices.Contains(programs, name) {
		args = append([]string{name}, args...)
	}
	g := &globals{asCloudInit: name == cloudInitName}
	root := rootCommand(g, args)
	if g.asCloudInit {
		g.calledAs = pathOf(argv[0])
		answerAsCloudInit(root)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	err = cmp.Or(err, g.mistake)
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
	if !errors.As(err, &usage) {
		return exitError
	}
	if g.asCloudInit {
		fmt.Fprintf(os.Stderr, "\n%s", cmd.UsageString())
		return exitUsage
	}
	printable.Fprintf(os.Stderr, "hint: %s --help\n", usage.command)
	return exitUsage
}

// usageError is a command line that cannot be understood.
type usageError struct {
	error
	command string
}

// textOrJSON returns a usage error for a format that is neither.
func textOrJSON(cmd *cobra.Command, format string) error {
	if format == "text" || format == "json" {
		return nil
	}
	return usageError{fmt.Errorf("there is no format %q: it is text or json", format), cmd.CommandPath()}
}

// programs are commands that other programs call by their own names.
var programs = []string{perName, fingerprintsName, cloudIDName, hookHotplugName, dsIdentifyName}

// rootCommand has all commands, or the stage that the arguments begin with and nothing else: a boot
// runs four of these.
func rootCommand(g *globals, args []string) *cobra.Command {
	var allStages bool
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			if v.asked {
				return v.print(cmd.OutOrStdout(), g.calledAs)
			}
			if allStages {
				return g.runAllStages(cmd.Context())
			}
			// As with cloud-init, nothing to do is a mistake.
			if g.asCloudInit {
				return usageError{errors.New("a subcommand is required"), cmd.CommandPath()}
			}
			if err := cmd.Help(); err != nil {
				return err
			}
			return exitCode(exitUsage)
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
	root.Flags().BoolVar(&allStages, "all-stages", false, "run the stages of a boot, one after the other")
	root.PersistentFlags().Bool("force", false, "no effect; cloud-init has it")
	root.PersistentFlags().Lookup("force").Hidden = true
	v.add(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, cmd.CommandPath()}
	})
	root.SetGlobalNormalizationFunc(abbreviated)
	refuseHelpOfNothing(root, g)
	if stage := stageCommand(g, args); stage != nil {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(stage)
		return root
	}
	root.AddCommand(
		tryCommand(g), insideCommand(g), perCommand(g), fingerprintsCommand(g), statusCommand(g), changesCommand(g), queryCommand(g), explainCommand(g), schemaCommand(g), singleCommand(g), cleanCommand(g), sealCommand(g),
		initCommand(g), modulesCommand(g), seedCommand(g), networkCommand(g), userdataCommand(), develCommand(g),
		featuresCommand(), analyzeCommand(g), collectLogsCommand(g), cloudIDCommand(g), hookHotplugCommand(g), dsIdentifyCommand(g),
	)
	return root
}

// stageCommand is the command of a boot's stage that arguments begin with; nil for all others.
func stageCommand(g *globals, args []string) *cobra.Command {
	switch {
	case len(args) > 0 && args[0] == "init":
		return initCommand(g)
	case len(args) > 0 && args[0] == "modules":
		return modulesCommand(g)
	}
	return nil
}

// refuseHelpOfNothing makes "nosuch --help" an error: programs ask so whether a command exists.
func refuseHelpOfNothing(root *cobra.Command, g *globals) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd.HasSubCommands() {
			g.mistake = knownCommand(cmd, cmd.Flags().Args())
		}
		if g.mistake == nil {
			help(cmd, args)
		}
	})
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
