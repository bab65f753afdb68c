package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cloudseed/boot"
	"cloudseed/datasource/media"
	"cloudseed/host"
	"cloudseed/sandbox"

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
	Status     string              `json:"status"` // "done", "error", "degraded" or "interrupted"
	Modules    []boot.ModuleReport `json:"modules"`
	Changes    []triedChange       `json:"changes"`
	Commands   []triedCommand      `json:"commands"`
	Errors     []string            `json:"errors"`
	Warnings   []string            `json:"warnings"`
	Notes      []string            `json:"notes"` // what this machine lacks, not the seed
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

// tryCall is how "try" was called.
type tryCall struct {
	seed                    string // an image, a directory, a device or a file with user data
	metaData, networkConfig string // beside user data
	format                  string
	diff, all, verbose      bool
	debug                   bool
	timeout                 time.Duration
}

// tryCommand runs a whole boot with a seed in a throw-away copy of this machine and
// shows what it changed there.
func tryCommand(g *globals) *cobra.Command {
	var t tryCall
	cmd := &cobra.Command{
		Use:   "try [--diff] [--all] [--format text|json] SEED|USER-DATA",
		Short: "Boot with a seed in a throw-away copy of this machine, and show what it changes",
		Long: `Run all stages of a boot in a throw-away copy of this machine, and show what they change
there. The seed is an image, a directory or a device, or just a file with user data, to
which --meta-data and --network-config add the rest. The exit code is the seed's: 0, 1
after errors, 2 after warnings. What this machine lacks is shown as a note.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.debug = g.debug
			if err := t.check(args); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			return t.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.seed, "seed", "", "the seed; the same as the argument")
	f.StringVarP(&t.metaData, "meta-data", "m", "", "a `file` with metadata for the user data")
	f.StringVarP(&t.networkConfig, "network-config", "n", "", "a `file` with a network configuration for the user data")
	f.StringVar(&t.format, "format", "text", "text or json")
	f.BoolVar(&t.diff, "diff", false, "show what changed inside files")
	f.BoolVarP(&t.all, "all", "a", false, "list the agent's own state too")
	f.BoolVar(&t.verbose, "verbose", false, "show the output of commands and the log of the boot")
	f.DurationVar(&t.timeout, "timeout", 10*time.Minute, "end the boot after this `time`")
	return cmd
}

// check refuses a command line that cannot be understood.
func (t *tryCall) check(args []string) error {
	switch {
	case len(args) == 1 && t.seed != "":
		return errors.New("two seeds: give the argument or --seed, not both")
	case len(args) == 1:
		t.seed = args[0]
	case t.seed == "":
		return errors.New("which seed? give an image, a directory, a device or a file with user data")
	}
	if t.format != "text" && t.format != "json" {
		return fmt.Errorf("there is no format %q: it is text or json", t.format)
	}
	return nil
}

// run boots, and prints the outcome: to the end, or to where it was interrupted.
func (t *tryCall) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("the boot was not over after %s", t.timeout))
	defer cancel()
	seed, remove, err := t.openSeed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	progress := newProgress(t.progressTo(stdout), isTerminal(stdout))
	var log io.Writer
	if t.verbose || t.debug {
		log = stderr
	}
	args := []string{insideName, "--name", filepath.Base(t.seed)}
	if t.debug {
		args = append(args, "--debug")
	}
	r, runErr := sandbox.Run(ctx, sandbox.Options{
		Args: args, Seed: seed, Stdout: log, Stderr: log, Output: progress, ContentLimit: maxShownFile,
	})
	took := progress.end()
	if r == nil {
		return runErr
	}
	result := progress.outcome(r)
	if runErr != nil {
		result.Status = "interrupted"
		result.Errors = append(result.Errors, progress.interrupted(cmp.Or(context.Cause(ctx), runErr)))
	}
	if t.format == "json" {
		err = printJSON(stdout, result)
	} else {
		err = t.print(stdout, result, took)
	}
	if err != nil {
		return err
	}
	return result.exit()
}

// exit is the exit code: the seed's.
func (t *tried) exit() error {
	switch t.Status {
	case "done":
		return nil
	case "degraded":
		return exitCode(exitDegraded)
	}
	return exitCode(exitError)
}

// progressTo is where the stages and modules are shown as they begin and end.
func (t *tryCall) progressTo(stdout io.Writer) io.Writer {
	if t.format == "json" {
		return io.Discard
	}
	return stdout
}

// openSeed gives the path of the seed, and what removes it if it had to be made: of a
// file with user data.
func (t *tryCall) openSeed() (path string, remove func() error, err error) {
	bare, err := t.isUserData()
	if err != nil {
		return "", nil, fmt.Errorf("cannot open the seed: %w", err)
	}
	if !bare {
		if t.metaData+t.networkConfig != "" {
			return "", nil, fmt.Errorf("--meta-data and --network-config go with a file of user data, and %s is a whole seed", t.seed)
		}
		return t.seed, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "cloudseed-try-")
	if err != nil {
		return "", nil, err
	}
	s := seedBuild{datasource: "NoCloud", userData: t.seed, metaData: t.metaData, networkConfig: t.networkConfig}
	if t.metaData == "" {
		s.instanceID = "try"
	}
	if err := s.layOut(dir); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// isUserData reports whether the seed is a file that holds no file system.
func (t *tryCall) isUserData() (bool, error) {
	info, err := os.Stat(t.seed)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(t.seed)
	if err != nil {
		return false, err
	}
	defer f.Close()
	sb, err := media.Probe(f, info.Size())
	return err == nil && sb.Filesystem == "" && !media.IsPartitioned(f), nil
}

// outcome makes the result of what the boot reported and the sandbox found.
func (p *progress) outcome(r *sandbox.Result) *tried {
	inside := p.report
	t := &tried{
		Datasource: inside.Datasource, InstanceID: inside.InstanceID, Hostname: inside.Hostname,
		Modules: inside.Modules, Errors: inside.Errors, Warnings: inside.Warnings, Notes: slices.Concat([]string{}, inside.Notes, r.Notes),
		Commands: p.commands, Changes: []triedChange{}, Status: "done",
	}
	switch {
	case len(t.Errors) > 0:
		t.Status = "error"
	case len(t.Warnings) > 0:
		t.Status = "degraded"
	}
	for _, c := range r.Changes {
		change := triedChange{Path: c.Path, Change: c.Kind, Mode: modeText(c.Mode)}
		if c.HasContent && c.Mode&0o044 != 0 { // what not everybody may read is not shown
			change.diff = string(diff.Diff("before", c.Before.Reveal(), "after", c.After.Reveal()))
		}
		t.Changes = append(t.Changes, change)
	}
	return t
}

// modeText is a mode as chmod takes it, with the set-id and sticky bits.
func modeText(m fs.FileMode) string { return host.Octal(m) }
