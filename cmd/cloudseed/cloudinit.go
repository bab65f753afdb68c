package main

import (
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Called by cloud-init's name, the program answers as cloud-init: other programs compare its
// version, its exit codes and its output.
const cloudInitName = "cloud-init"

// cloudInitCommands are the commands that cloud-init has.
var cloudInitCommands = []string{
	"init", "modules", "single", "query", "features", "analyze", "devel", "collect-logs", "clean", "status", "schema",
}

// ownOptions are options of those commands that cloud-init does not have. They do not make an
// abbreviation of one of cloud-init's ambiguous.
var ownOptions = []string{"root", "acknowledge", "timeout", "export", "include-sensitive"}

// answerAsCloudInit makes the command answer to the name that it was called by.
func answerAsCloudInit(root *cobra.Command) {
	root.Use = cloudInitName
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{
		Use: "help", Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return knownCommand(cmd.Root(), []string{cmd.Name()}) },
	})
	for _, cmd := range root.Commands() {
		if !slices.Contains(cloudInitCommands, cmd.Name()) {
			root.RemoveCommand(cmd)
		}
	}
}

// pathOf is the path by which a program was called. The kernel gives a script, which cloud-init
// is, its path also where a shell has found it.
func pathOf(called string) string {
	if found, err := exec.LookPath(called); err == nil {
		return found
	}
	return called
}

// abbreviated takes the beginning of an option's name for the option, where only one begins so,
// as argparse does.
func abbreviated(options *pflag.FlagSet, name string) pflag.NormalizedName {
	var found []string
	exact := false
	options.VisitAll(func(f *pflag.Flag) {
		exact = exact || f.Name == name
		if strings.HasPrefix(f.Name, name) && !slices.Contains(ownOptions, f.Name) {
			found = append(found, f.Name)
		}
	})
	if exact || len(found) != 1 {
		return pflag.NormalizedName(name)
	}
	return pflag.NormalizedName(found[0])
}
