package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudseed/config/yaml"
	"cloudseed/printable"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// statusCommand prints how the boot stands. Exit codes are cloud-init's: 0 well, not
// over or disabled; 1 error; 2 degraded.
func statusCommand(g *globals) *cobra.Command {
	var wait, long, acknowledge bool
	var format string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status [--wait] [--long] [--format tabular|json|yaml]",
		Short: "Tell whether the guest is configured, and what went wrong",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"tabular", "json", "yaml"}, format) {
				return usageError{fmt.Errorf("there is no format %q: it is tabular, json or yaml", format), cmd.CommandPath()}
			}
			if acknowledge {
				return g.acknowledge(cmd.Context())
			}
			store, cmdline, out := g.openState(), kernelCommandLine(), cmd.OutOrStdout()
			o, err := store.Overall(cmdline)
			if err == nil && wait {
				end := ""
				o, err = waitForEnd(cmd.Context(), store, cmdline, timeout, func() {
					if format == "tabular" {
						fmt.Fprint(out, ".")
						end = "\n"
					}
				})
				printable.Fprintf(out, "%s", end)
			}
			if err != nil {
				return err
			}
			if !wait {
				o = store.Stopped(cmd.Context(), o)
			}
			if g.asCloudInit {
				o = withCloudInitsAnswers(o)
			}
			if err := printStatus(out, o, format, long); err != nil {
				return err
			}
			return exitCode(o.ExitCode())
		},
	}
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until the boot is over")
	cmd.Flags().BoolVarP(&long, "long", "l", false, "tell more")
	cmd.Flags().BoolVar(&acknowledge, "acknowledge", false, "forget the modules that failed in an earlier boot")
	cmd.Flags().StringVar(&format, "format", "tabular", "tabular, json or yaml")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "with --wait: give up after this `time`, such as 5m; 0 never does")
	return cmd
}

// withCloudInitsAnswers has only what cloud-init tells.
func withCloudInitsAnswers(o state.Overall) state.Overall {
	o.Running, o.Network, o.Earlier, o.Notes, o.Steps = nil, nil, nil, nil, nil
	if o.Status != nil {
		o.Status.Previous = nil
		for _, stage := range o.Status.Stages {
			stage.Notes, stage.Steps = nil, nil
		}
	}
	return o
}

// acknowledge forgets what failed in earlier boots: somebody has seen to it.
func (g *globals) acknowledge(ctx context.Context) (err error) {
	m, err := g.openMachine(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	id, err := m.store.PreviousID()
	if err != nil || id == "" {
		return err
	}
	return m.store.Acknowledge(id)
}

func waitForEnd(ctx context.Context, store *state.Store, cmdline string, timeout time.Duration, tick func()) (state.Overall, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the boot was not over after %s", timeout))
		defer cancel()
	}
	return store.Wait(ctx, cmdline, state.DefaultPace, tick)
}

func printStatus(w io.Writer, o state.Overall, format string, long bool) error {
	switch format {
	case "json":
		return printJSON(w, statusFields(o))
	case "yaml":
		return printYAML(w, statusFields(o))
	}
	printable.Fprintf(w, "status: %s\n", o.Word)
	if !long {
		return nil
	}
	printable.Fprintf(w, "extended_status: %s\nboot_status_code: %s\n", o.Extended(), o.BootStatusCode)
	if !o.LastUpdate.IsZero() {
		printable.Fprintf(w, "last_update: %s\n", o.LastUpdate.UTC().Format(time.RFC1123Z))
	}
	if o.Detail != "" {
		printable.Fprintf(w, "detail: %s\n", o.Detail)
	}
	if o.Running != nil {
		printable.Fprintf(w, "running: %s\n", o.Running)
	}
	if o.Network != nil {
		printable.Fprintf(w, "network: %s\n", o.Network)
	}
	if o.Status != nil && o.Status.Previous != nil {
		printable.Fprintf(w, "new_instance: it was %s before this boot\n", *o.Status.Previous)
	}
	if len(o.Steps) > 0 {
		printList(w, "steps", stepLines(o.Steps))
	}
	if len(o.Earlier) > 0 {
		printList(w, "earlier_failures", failureLines(o.Earlier))
	}
	if len(o.Notes) > 0 {
		printList(w, "notes", o.Notes)
	}
	printList(w, "errors", o.Errors)
	if len(o.Recoverable) == 0 {
		_, err := fmt.Fprintln(w, "recoverable_errors: {}")
		return err
	}
	fmt.Fprintln(w, "recoverable_errors:")
	for _, level := range slices.Sorted(maps.Keys(o.Recoverable)) {
		printList(w, level, o.Recoverable[level])
	}
	return nil
}

// failureLines are a line for each module that failed in an earlier boot.
func failureLines(failures []state.Failure) []string {
	var lines []string
	for _, f := range failures {
		lines = append(lines, f.String())
	}
	return lines
}

// stepLines are a line for each step that the stages took.
func stepLines(steps []state.Step) []string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, fmt.Sprintf("%s: %.3f s", s.Name, s.Seconds))
	}
	return lines
}

func printList(w io.Writer, name string, items []string) {
	if len(items) == 0 {
		printable.Fprintf(w, "%s: []\n", name)
		return
	}
	printable.Fprintf(w, "%s:\n", name)
	for _, item := range items {
		printable.Fprintf(w, "\t- %s\n", item)
	}
}

// statusFields are the keys that "status --format json" has always had, and "network".
func statusFields(o state.Overall) map[string]any {
	fields := map[string]any{
		"status": o.Word, "extended_status": o.Extended(), "boot_status_code": o.BootStatusCode,
		"detail": o.Detail, "errors": append([]string{}, o.Errors...), "recoverable_errors": o.Recoverable,
		"last_update": "", "datasource": "",
	}
	if !o.LastUpdate.IsZero() {
		fields["last_update"] = o.LastUpdate.UTC().Format(time.RFC1123Z)
	}
	if o.Network != nil {
		fields["network"] = map[string]any{"source": o.Network.Source, "renderer": o.Network.Renderer, "why": o.Network.Why}
	}
	if len(o.Earlier) > 0 {
		fields["earlier_failures"] = o.Earlier
	}
	if o.Running != nil {
		fields["running"] = o.Running
	}
	if len(o.Notes) > 0 {
		fields["notes"] = o.Notes
	}
	if o.Status == nil {
		return fields
	}
	if o.Status.Previous != nil {
		fields["previous_instance"] = *o.Status.Previous
	}
	fields["datasource"] = nil
	if o.Status.Datasource != nil {
		// "DataSourceNoCloud [seed=…]" is nocloud for short.
		short, _, _ := strings.Cut(*o.Status.Datasource, " ")
		fields["datasource"] = strings.ToLower(strings.TrimPrefix(short, "DataSource"))
	}
	fields["stage"] = o.Status.Stage
	for name, stage := range o.Status.Stages {
		fields[name] = stage
	}
	return fields
}

func printJSON(w io.Writer, v any) error { return printIndented(w, v, "  ") }

// printIndented writes JSON with sorted keys, as cloud-init does: two blanks deep in
// "status", one in "query".
func printIndented(w io.Writer, v any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(v)
}

// printYAML writes what printJSON would, as YAML.
func printYAML(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	value, _, err := yaml.Parse("", data) // JSON is YAML
	if err != nil {
		return err
	}
	_, err = printable.Fprintf(w, "---\n%s...\n", printable.Text(yaml.Dump(value)))
	return err
}
