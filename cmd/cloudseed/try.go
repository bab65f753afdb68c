package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/host"
	"cloudseed/packaging"
	"cloudseed/sandbox"
	"cloudseed/state"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
)

// maxShownFile is the size in bytes of the largest file whose diff "try" shows.
const maxShownFile = 64 << 10

// tried is what "try --format json" prints.
type tried struct {
	Datasource string              `json:"datasource"`
	InstanceID string              `json:"instance_id"`
	Hostname   string              `json:"hostname"`
	Status     string              `json:"status"` // "done", "error" or "degraded"
	Modules    []boot.ModuleReport `json:"modules"`
	Changes    []triedChange       `json:"changes"`
	Commands   []triedCommand      `json:"commands"`
	Errors     []string            `json:"errors"`
	Warnings   []string            `json:"warnings"`
}

type triedChange struct {
	Path   string       `json:"path"`
	Change sandbox.Kind `json:"change"`
	Mode   string       `json:"mode"`

	diff string
}

type triedCommand struct {
	Argv       []string `json:"argv"`
	Exit       *int     `json:"exit"` // null: it was started to go on by itself
	DurationMS int64    `json:"duration_ms"`
	Module     string   `json:"module"`
}

// insideReport is what the boot inside the sandbox tells the command outside.
type insideReport struct {
	Report   boot.Report
	Commands []triedCommand
}

// tryCommand runs a whole boot with a seed in a throw-away copy of this machine and
// tells what it changed there.
func tryCommand(g *globals) *cobra.Command {
	var seed, format string
	var showDiff, verbose bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "try --seed FILE|DIRECTORY|DEVICE [--diff] [--format text|json]",
		Short: "Boot with a seed in a throw-away copy of this machine, and show what it changes",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seed == "" {
				return usageError{errors.New("which seed? give --seed with an image, a directory or a device"), cmd.CommandPath()}
			}
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("there is no format %q: it is text or json", format), cmd.CommandPath()}
			}
			var log io.Writer
			if verbose || g.debug {
				log = cmd.ErrOrStderr()
			}
			start := time.Now()
			result, err := tryOut(cmd.Context(), seed, g.debug, timeout, log)
			if err != nil {
				return err
			}
			if format == "json" {
				err = printJSON(cmd.OutOrStdout(), result)
			} else {
				err = printTried(cmd.OutOrStdout(), seed, result, time.Since(start), showDiff)
			}
			if err != nil {
				return err
			}
			return exitCode(map[string]int{"done": exitOK, "degraded": exitDegraded, "error": exitError}[result.Status])
		},
	}
	f := cmd.Flags()
	f.StringVar(&seed, "seed", "", "the seed: an image `file`, a directory or a device")
	f.StringVar(&format, "format", "text", "text or json")
	f.BoolVar(&showDiff, "diff", false, "show what changed inside files")
	f.BoolVar(&verbose, "verbose", false, "show the output of commands and the log of the boot")
	f.DurationVar(&timeout, "timeout", 10*time.Minute, "end the boot after this `time`")
	return cmd
}

// tryOut runs the boot in a sandbox and gathers what came of it.
func tryOut(ctx context.Context, seed string, debug bool, timeout time.Duration, log io.Writer) (*tried, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the boot was not over after %s", timeout))
	defer cancel()
	args := []string{insideName, "--name", filepath.Base(seed)}
	if debug {
		args = append(args, "--debug")
	}
	var output bytes.Buffer
	r, err := sandbox.Run(ctx, sandbox.Options{Args: args, Seed: seed, Stdout: log, Stderr: log, Output: &output, ContentLimit: maxShownFile})
	if err != nil {
		return nil, err
	}
	var inside insideReport
	if err := json.Unmarshal(output.Bytes(), &inside); err != nil {
		return nil, fmt.Errorf("the boot ended with exit code %d and reported nothing; see --verbose", r.Exit)
	}
	t := &tried{
		Datasource: inside.Report.Datasource, InstanceID: inside.Report.InstanceID, Hostname: inside.Report.Hostname,
		Modules: inside.Report.Modules, Errors: inside.Report.Errors, Warnings: append(inside.Report.Warnings, r.Notes...),
		Commands: inside.Commands, Changes: []triedChange{}, Status: "done",
	}
	switch {
	case len(t.Errors) > 0:
		t.Status = "error"
	case len(inside.Report.Warnings) > 0:
		t.Status = "degraded"
	}
	for _, c := range r.Changes {
		change := triedChange{Path: c.Path, Change: c.Kind, Mode: modeText(c.Mode)}
		if c.HasContent && c.Mode&0o044 != 0 { // what not everybody may read is not shown
			change.diff = string(diff.Diff("before", c.Before.Reveal(), "after", c.After.Reveal()))
		}
		t.Changes = append(t.Changes, change)
	}
	return t, nil
}

// modeText is a mode as chmod takes it, with the set-id and sticky bits.
func modeText(m fs.FileMode) string { return host.Octal(m) }

// insideName is the command that runs in the sandbox; people do not call it.
const insideName = "try-inside"

// insideCommand boots with the sandbox's seed and reports to the command outside.
func insideCommand(g *globals) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: insideName, Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelInfo
			if g.debug {
				level = slog.LevelDebug
			}
			log, warnings := bootlog.New(bootlog.Handler{File: os.Stderr, Level: level})
			var inside insideReport
			inside.Commands = []triedCommand{}
			h := host.New("/", host.Options{Log: log, Record: func(e host.Effect) {
				if e.Kind == host.KindCommand {
					inside.Commands = append(inside.Commands, triedCommand{e.Argv, e.Exit, e.DurationMS, e.Module})
				}
			}})
			if err := provideConfig(h); err != nil {
				return err
			}
			b := boot.New(boot.Options{
				Host: h, Log: log, Warnings: warnings, Version: version, Seed: sandbox.SeedPath, SeedName: name, Output: boot.NewOutput(h), Console: os.Stderr,
				Offline: true,
				Devices: &boot.Devices{Fixed: true}, // the copy has none, and waits for none
			})
			errs := b.RunAll(cmd.Context())
			inside.Report = b.Report()
			var err error
			if inside.Report.Hostname, err = h.Hostname(); err != nil {
				return err
			}
			if err := json.NewEncoder(os.NewFile(sandbox.OutputFD, "report")).Encode(inside); err != nil {
				return fmt.Errorf("cannot report from the sandbox: %w", err)
			}
			if len(errs) > 0 {
				return exitCode(exitError)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what messages call the seed")
	return cmd
}

// provideConfig gives the sandbox the package's configuration if the machine has none:
// what is shown is what a guest with the package would do.
func provideConfig(h *host.Host) error {
	const file = "/etc/cloud/cloud.cfg"
	if h.Exists(file) {
		return nil
	}
	_, err := h.Quietly().WriteFile(file, packaging.CloudConfig, host.File{})
	return err
}

// printTried prints the outcome for people:
//
//	seed.iso is a ConfigDrive seed. This machine would become instance 27fab643… with
//	the name abc123.
//
//	Modules, Commands, Changes: a line each. Then the agent's own state, then what
//	went wrong, then one line that sums it up.
func printTried(w io.Writer, seed string, t *tried, took time.Duration, showDiff bool) error {
	p := &printer{w: w}
	if t.InstanceID != "" {
		p.line("%s is a %s seed. With it this machine is instance %s and its name is %s.", filepath.Base(seed), t.Datasource, t.InstanceID, t.Hostname)
	}
	p.heading("Modules", len(t.Modules))
	for _, m := range t.Modules {
		p.line("  %-14s %-20s %-16s %5d ms", m.Stage, m.Name, m.Result, m.DurationMS)
	}
	p.heading("Commands", len(t.Commands))
	for _, c := range t.Commands {
		p.line("  %-20s %s  (%s)", c.Module, strings.Join(c.Argv, " "), ended(c.Exit, c.DurationMS))
	}
	var guest, own []triedChange
	for _, c := range t.Changes {
		if isOwnState(c.Path) {
			own = append(own, c)
		} else {
			guest = append(guest, c)
		}
	}
	p.heading("Changes to the guest", len(guest))
	p.changes(guest, showDiff)
	p.heading("The agent's own state", len(own))
	p.changes(own, false)
	p.heading("Warnings", len(t.Warnings))
	for _, text := range t.Warnings {
		p.line("  %s", text)
	}
	p.heading("Errors", len(t.Errors))
	for _, text := range t.Errors {
		p.line("  %s", text)
	}
	p.line("\n%s, in %.1f s: %d changes, %d commands, %d warnings, %d errors. Nothing outside the sandbox was changed.",
		t.Status, took.Seconds(), len(t.Changes), len(t.Commands), len(t.Warnings), len(t.Errors))
	return p.err
}

func isOwnState(path string) bool {
	for _, dir := range []string{state.CloudDir, state.RunDir, "/run/cloudseed-sandbox"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) heading(title string, count int) {
	if count > 0 {
		p.line("\n%s", title)
	}
}

func (p *printer) changes(list []triedChange, showDiff bool) {
	for _, c := range list {
		p.line("  %-8s %s %s", c.Change, c.Mode, c.Path)
		if !showDiff {
			continue
		}
		for _, line := range diffBody(c.diff) {
			p.line("               %s", line)
		}
	}
}

// diffBody is a diff without its head.
func diffBody(text string) []string {
	_, body, _ := strings.Cut(text, "\n@@")
	if body == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix("@@"+body, "\n"), "\n")
}
