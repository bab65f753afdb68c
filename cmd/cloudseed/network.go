package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"cloudseed/boot"
	"cloudseed/config/yaml"
	"cloudseed/host"
	"cloudseed/netconf"
	"cloudseed/network"
	"cloudseed/network/activate"
	"cloudseed/network/render/netplan"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// networkCommand holds what is done with the machine's network by hand.
func networkCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "network",
		Short: "Look at this machine's network configuration, and apply it again",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return errors.Join(cmd.Help(), exitCode(exitUsage)) },
	}
	cmd.AddCommand(networkShowCommand(g), networkApplyCommand(g))
	return cmd
}

// shownPlan is what `network show --format json` prints.
type shownPlan struct {
	Source   string         `json:"source"`
	Renderer string         `json:"renderer"`
	Why      string         `json:"why"`
	Config   any            `json:"config"` // as netplan's version 2; null: the network is unchanged
	Files    []shownFile    `json:"files"`
	Removed  []string       `json:"removed"`
	Problems []shownProblem `json:"problems"`
}

// shownFile is a file that belongs to the configuration.
type shownFile struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	Change string `json:"change"` // added, modified, mode or none
	Diff   string `json:"diff,omitempty"`
}

// networkShowCommand prints what the sources of now say of the network and what that
// would change on disk. It changes nothing.
func networkShowCommand(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show [--format text|json]",
		Short: "Show the configuration that results from its sources now, and what it would change",
		Long: `Show the network configuration that results from its sources now: the kernel's command
line, the initramfs, the system's configuration, the seed of the present instance, or DHCP
on the first device. It is printed as netplan's version 2, with where it is from, who is
told of it and why, and the changes to files that applying it would make. Nothing changes.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, format); err != nil {
				return err
			}
			plan, err := g.onlooker(cmd.ErrOrStderr()).PlanNetwork(cmd.Context())
			if err != nil {
				return err
			}
			shown := showNetwork(host.New(g.root, host.Options{}), plan)
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			return printNetwork(cmd.OutOrStdout(), plan, shown)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func showNetwork(h *host.Host, plan netconf.Plan) shownPlan {
	shown := shownPlan{
		Source: plan.Source, Renderer: plan.Renderer.Name, Why: plan.Why,
		Files: []shownFile{}, Removed: append([]string{}, plan.Removed...), Problems: showProblems(plan.Problems),
	}
	if plan.Config != nil {
		// It was written by this program, so it can be read.
		value, _, err := yaml.Parse("network", netplan.Write(plan.Config))
		if err == nil {
			shown.Config = value.Any()
		}
	}
	for _, f := range plan.Files {
		shown.Files = append(shown.Files, showFile(h, f))
	}
	return shown
}

// showFile compares a file with what is there. The contents of secrets are not shown.
func showFile(h *host.Host, f network.File) shownFile {
	shown := shownFile{Path: f.Path, Mode: fmt.Sprintf("%04o", f.Mode), Change: "none"}
	before, err := h.ReadFile(f.Path)
	switch {
	case err != nil:
		shown.Change = "added"
	case string(before) != string(f.Content):
		shown.Change = "modified"
	default:
		if info, err := h.Stat(f.Path); err == nil && info.Mode().Perm() != f.Mode {
			shown.Change = "mode"
		}
		return shown
	}
	if f.Secret {
		shown.Diff = "(it holds a secret, so what changes is not shown)\n"
	} else {
		_, shown.Diff, _ = strings.Cut(host.Unified(f.Path, before, f.Content), "\n") // less the command that would make it
	}
	return shown
}

func printNetwork(w io.Writer, plan netconf.Plan, shown shownPlan) error {
	var text strings.Builder
	printable.Fprintf(&text, "# from: %s\n", plan.Source)
	if plan.Renderer.Name != "" {
		printable.Fprintf(&text, "# told to: %s\n", plan.Renderer.Name)
	}
	if plan.Why != "" {
		printable.Fprintf(&text, "# why: %s\n", plan.Why)
	}
	if plan.Config == nil {
		text.WriteString("# The network is unchanged.\n")
	} else {
		text.Write(netplan.Write(plan.Config))
	}
	for _, p := range shown.Problems {
		printable.Fprintf(&text, "# %s: %s\n", p.Severity, strings.TrimPrefix(p.Where+": "+p.Message, ": "))
	}
	text.WriteString("\n")
	changes := 0
	for _, f := range shown.Files {
		if f.Change == "none" {
			continue
		}
		changes++
		printable.Fprintf(&text, "%s %s %s\n%s", f.Change, f.Path, f.Mode, printable.Text(f.Diff))
	}
	for _, file := range shown.Removed {
		changes++
		printable.Fprintf(&text, "removed %s\n", file)
	}
	if changes == 0 {
		text.WriteString("Applying it would change nothing on disk.\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// networkApplyCommand writes the configuration of now, whatever was applied before, and
// has the network service act on it.
func networkApplyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "apply",
		Short: "Write the configuration that network show shows, and have the network service act on it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			m, err := g.openMachine(cmd.Context(), 0)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			change, err := m.boot(boot.Options{}).ReapplyNetwork(cmd.Context())
			for _, f := range change.Files {
				printable.Fprintf(cmd.OutOrStdout(), "wrote %s\n", f.Path)
			}
			for _, file := range change.Removed {
				printable.Fprintf(cmd.OutOrStdout(), "removed %s\n", file)
			}
			if err != nil {
				return err
			}
			return told(cmd.OutOrStdout(), g, change)
		},
	}
}

// told says who acts on the change now.
func told(w io.Writer, g *globals, change activate.Change) error {
	text := "Nothing was to be changed.\n"
	switch {
	case change.Empty():
	case g.root != "/":
		text = "The network service there reads it when it starts.\n"
	default:
		text = "The network service was told: " + change.Renderer + ".\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
