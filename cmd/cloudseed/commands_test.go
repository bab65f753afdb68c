package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// TestTheCommandsAreDocumented holds docs/cli.md, of which the manual pages are made, to the
// commands.
func TestTheCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	const file = "../../docs/cli.md"
	want := commandsPage()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not describe the commands as they are: go test ./cmd/cloudseed -run Documented -update", file)
	}
}

func commandsPage() string {
	var b strings.Builder
	b.WriteString(`# Commands

This page is made of the program's own help by ` + "`go test ./cmd/cloudseed -run Documented -update`" + `.
The manual pages are made of it: cloudseed-try(1) is the section "cloudseed try". ` + "`cloud-init`" + ` is
another name of the same program.

`)
	root := rootCommand(&globals{}, nil)
	root.InitDefaultHelpFlag()
	documentCommand(&b, root)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// documentCommand writes a command's section and those of the commands below it.
func documentCommand(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "## %s\n\n%s.\n\n", cmd.CommandPath(), cmd.Short)
	fmt.Fprintf(b, "```text\n%s\n```\n\n", cmd.UseLine())
	if cmd.Long != "" {
		fmt.Fprintf(b, "%s\n\n", cmd.Long)
	}
	if flags := flagRows(cmd.NonInheritedFlags()); flags != "" {
		fmt.Fprintf(b, "| flag | meaning |\n|---|---|\n%s\n", flags)
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "```text\n%s\n```\n\n", cmd.Example)
	}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
			documentCommand(b, sub)
		}
	}
}

func flagRows(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		spelled := "--" + f.Name
		if f.Shorthand != "" {
			spelled = "-" + f.Shorthand + ", " + spelled
		}
		if name != "" {
			spelled += " " + strings.ToUpper(name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", spelled, strings.ReplaceAll(usage, "|", `\|`))
	})
	return b.String()
}
