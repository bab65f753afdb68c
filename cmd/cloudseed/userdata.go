package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/fetch"
	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/schema"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/userdata"

	"github.com/spf13/cobra"
)

// userdataCommand holds what is done with user data by hand.
func userdataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "userdata",
		Short: "Look at user data before a machine gets it",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return errors.Join(cmd.Help(), exitCode(exitUsage)) },
	}
	cmd.AddCommand(userdataShowCommand())
	return cmd
}

// shownParts is what "userdata show --format json" prints.
type shownParts struct {
	Parts       []shownPart     `json:"parts"`
	CloudConfig any             `json:"cloud_config"`
	Problems    []placedProblem `json:"problems"`

	merged *config.Value
}

type shownPart struct {
	Type     string `json:"type"`
	Filename string `json:"filename"`
	Size     int    `json:"size"`
	SHA256   string `json:"sha256"`
	Handler  string `json:"handler"` // what it becomes: cloud-config, script, boothook; "": nothing
	Error    string `json:"error"`
}

// placedProblem is a problem with the parts of its place.
type placedProblem struct {
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
}

// userdataShow is how "userdata show" was called.
type userdataShow struct {
	vendor       []string
	instanceData string
	fetch        bool
	format       string
}

// userdataShowCommand tells what becomes of user data: the same code takes it apart as
// at boot.
func userdataShowCommand() *cobra.Command {
	var u userdataShow
	cmd := &cobra.Command{
		Use:   "show FILE... [--vendor-data FILE] [--instance-data FILE] [--fetch] [--format text|json]",
		Short: "Tell what becomes of user data: its parts, the merged cloud-config, what is wrong",
		Long: `Tell what becomes of user data: its parts, what handles each, the cloud-config that results,
and what is wrong, by file, line and column. Several files are taken one after the other.
With "-" it is read from standard input. The exit code is 0 if all of it can be used, else 1.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("which user data? give a file, or - for standard input"), cmd.CommandPath()}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(cmd, u.format); err != nil {
				return err
			}
			shown, err := u.take(cmd.Context(), cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			print := printParts
			if u.format == "json" {
				print = func(w io.Writer, s shownParts) error { return printJSON(w, s) }
			}
			if err := print(cmd.OutOrStdout(), shown); err != nil {
				return err
			}
			if shown.failed() {
				return exitCode(exitError)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&u.vendor, "vendor-data", nil, "vendor data, which the user data is over: a `file`; may be repeated")
	cmd.Flags().StringVarP(&u.instanceData, "instance-data", "i", "", "fill in templates with the instance data in this `file`")
	cmd.Flags().BoolVar(&u.fetch, "fetch", false, "fetch what #include names, as the boot does")
	cmd.Flags().StringVar(&u.format, "format", "text", "text or json")
	return cmd
}

// take takes all the data apart, vendor data first.
func (u *userdataShow) take(ctx context.Context, stdin io.Reader, files []string) (shownParts, error) {
	shown := shownParts{Parts: []shownPart{}, CloudConfig: map[string]any{}, Problems: []placedProblem{}}
	var layers []config.Layer
	for _, kind := range []struct {
		name  string
		files []string
	}{{"vendor-data", u.vendor}, {"user-data", files}} {
		if len(kind.files) == 0 {
			continue
		}
		result, err := u.process(ctx, stdin, kind.name, kind.files)
		if err != nil {
			return shown, err
		}
		for _, part := range result.Parts {
			shown.Parts = append(shown.Parts, showPart(part))
		}
		shown.add(result.Problems)
		shown.add(schema.CloudConfig(result.CloudConfig))
		if result.CloudConfig != nil {
			layers = append(layers, config.Layer{Name: kind.name, Value: result.CloudConfig})
		}
	}
	merged := config.New(layers...)
	shown.add(merged.Problems())
	if merged.Root().Kind() == config.Map {
		shown.CloudConfig, shown.merged = state.Plain(merged.Root().Any()), merged.Root()
	}
	return shown, nil
}

func (u *userdataShow) process(ctx context.Context, stdin io.Reader, name string, files []string) (userdata.Result, error) {
	var pieces []userdata.Piece
	for _, file := range files {
		data, err := readInput(stdin, file)
		if err != nil {
			return userdata.Result{}, fmt.Errorf("cannot read %s: %w", strings.ReplaceAll(name, "-", " "), err)
		}
		if file == "-" {
			file = name
		}
		pieces = append(pieces, userdata.Piece{Name: file, Content: secret.NewBytes(data)})
	}
	return userdata.ProcessPieces(ctx, name, pieces, userdata.Options{
		KnownKeys: modules.Keys(), Fetch: u.fetcher(), Variables: u.variables,
	}), nil
}

// variables are what templates know: of which machine must be said.
func (u *userdataShow) variables() (map[string]any, error) {
	if u.instanceData == "" {
		return nil, errors.New("that is done at boot, with what is known of the instance; --instance-data FILE does it now")
	}
	return templateVariables(nil, u.instanceData)
}

// fetcher gets what user data includes, but only if that was asked for: to look at a file
// must not reach out to whatever it names.
func (u *userdataShow) fetcher() func(context.Context, string, bool) ([]byte, error) {
	if !u.fetch {
		return func(context.Context, string, bool) ([]byte, error) {
			return nil, errors.New("it is fetched at boot; --fetch fetches it now")
		}
	}
	client := fetch.Client{
		Tries: 3, Pause: time.Second, Silence: 5 * time.Second, Deadline: time.Minute, MaxSize: 64 << 20,
		Agent: "cloudseed/" + version, ReadFile: os.ReadFile,
	}
	return func(ctx context.Context, url string, _ bool) ([]byte, error) {
		return client.Get(ctx, fetch.Request{URL: url})
	}
}

// readInput reads a file, or standard input for "-".
func readInput(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

func showPart(part userdata.Part) shownPart {
	content := part.Content.Reveal()
	sum := sha256.Sum256(content)
	return shownPart{
		Type: part.Type, Filename: part.Filename, Size: len(content), SHA256: hex.EncodeToString(sum[:]),
		Handler: part.Handler, Error: part.Problem,
	}
}

func (s *shownParts) add(problems []config.Problem) {
	for _, p := range config.Limited(problems) {
		message := p.Message
		if p.Key != "" {
			message = p.Key + ": " + message
		}
		s.Problems = append(s.Problems, placedProblem{p.Severity.String(), p.Pos.File, p.Pos.Line, p.Pos.Column, message})
	}
}

// failed reports whether something would not be applied as it is written.
func (s *shownParts) failed() bool {
	return slices.ContainsFunc(s.Problems, func(p placedProblem) bool { return isFault(p.Severity) })
}

// isFault is schema.IsFault of a severity's name.
func isFault(severity string) bool {
	return severity == config.Error.String() || severity == config.Warning.String()
}

func printParts(w io.Writer, s shownParts) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PART\tTYPE\tBYTES\tBECOMES")
	for _, part := range s.Parts {
		handler := part.Handler
		if handler == "" {
			handler = "nothing"
		}
		printable.Fprintf(table, "%s\t%s\t%d\t%s\n", part.Filename, part.Type, part.Size, handler)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var text strings.Builder
	if len(s.merged.Keys()) > 0 {
		printable.Fprintf(&text, "\n#cloud-config\n%s", printable.Text(yaml.Dump(s.merged)))
	}
	if len(s.Problems) > 0 {
		text.WriteByte('\n')
	}
	for _, p := range s.Problems {
		at := config.Pos{File: p.File, Line: p.Line, Column: p.Column}
		printable.Fprintf(&text, "%s: %s: %s\n", p.Severity, at, p.Message)
	}
	_, err := io.WriteString(w, text.String())
	return err
}
