package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/host"
	"cloudseed/netconf"
	"cloudseed/packaging"
	"cloudseed/sandbox"

	"github.com/spf13/cobra"
)

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
			out := &reporter{to: json.NewEncoder(os.NewFile(sandbox.OutputFD, "report"))}
			h := host.New("/", host.Options{Log: log, Record: out.effect, Begin: out.command})
			if err := provideConfig(h); err != nil {
				return err
			}
			b := boot.New(boot.Options{
				Host: h, Log: log, Warnings: warnings, Version: version, Seed: sandbox.SeedPath, SeedName: name, Output: boot.NewOutput(h), Console: os.Stderr, Terminal: io.Discard,
				Offline: true,
				Devices: &netconf.Devices{Fixed: true}, // the copy has none, and waits for none
				Watch:   out.event, Rehearsal: true,
			})
			errs := b.RunAll(cmd.Context())
			report := b.Report()
			var err error
			if report.Hostname, err = h.Hostname(); err != nil {
				return err
			}
			out.send(insideEvent{Report: &report})
			if err := out.err; err != nil {
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

// reporter sends events out of the sandbox, and keeps the first error. Modules may act
// on the machine from several goroutines.
type reporter struct {
	mu  sync.Mutex
	to  *json.Encoder
	err error
}

func (r *reporter) send(e insideEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, r.to.Encode(e))
}

func (r *reporter) effect(e host.Effect) {
	if e.Kind == host.KindCommand {
		r.send(insideEvent{Ran: &triedCommand{e.Argv, e.Exit, e.DurationMS, e.Module}})
	}
}

func (r *reporter) command(argv []string) { r.send(insideEvent{Running: argv}) }

func (r *reporter) event(e boot.Event) {
	switch {
	case e.Ended != nil:
		r.send(insideEvent{Ended: e.Ended})
	case e.Module != "":
		r.send(insideEvent{Module: e.Module})
	case e.Step != "":
		r.send(insideEvent{Step: e.Step})
	default:
		r.send(insideEvent{Stage: e.Stage})
	}
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
