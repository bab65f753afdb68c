package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"cloudseed/boot"
	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/network/convert"
	"cloudseed/schema"
	"cloudseed/state"
	"cloudseed/template"
	"cloudseed/userdata"

	"github.com/spf13/cobra"
)

// shownSeed is what "seed show --format json" prints.
type shownSeed struct {
	Device     string                `json:"device"`
	Filesystem string                `json:"filesystem"`
	Label      string                `json:"label"`
	Datasource string                `json:"datasource"`
	InstanceID string                `json:"instance_id"`
	Hostname   string                `json:"hostname"`
	Files      []datasource.FileInfo `json:"files"`
	Metadata   map[string]any        `json:"metadata"`
	UserData   shownUserData         `json:"user_data"`
	Network    shownNetwork          `json:"network"`
	Problems   []shownProblem        `json:"problems"`
}

// faulty reports whether something of the seed would not be applied as it is written.
func (s *shownSeed) faulty() bool {
	return slices.ContainsFunc(s.Problems, func(p shownProblem) bool { return isFault(p.Severity) })
}

type shownUserData struct {
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
	Type   string `json:"type"`
}

type shownNetwork struct {
	Source string            `json:"source"`
	Format datasource.Format `json:"format"`
}

type shownProblem struct {
	Severity string `json:"severity"`
	Where    string `json:"where"`
	Message  string `json:"message"`
}

// seedShowCommand tells what is on a medium and how a machine would understand it. The
// exit code is 0 for a seed that can be used.
func seedShowCommand(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show [--format text|json] DEVICE|IMAGE|DIRECTORY",
		Short: "Tell what is on a medium, and how it is understood",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h := host.New(g.root, host.Options{})
			inspected := datasource.Inspect(cmd.Context(), datasource.Search{
				Host: h, Config: boot.SystemConfig(h), Only: args[0], Name: filepath.Base(args[0]), Sources: boot.Sources(),
			})
			shown := show(h, args[0], inspected)
			var err error
			switch format {
			case "json":
				err = printJSON(cmd.OutOrStdout(), shown)
			case "text":
				err = printSeed(cmd.OutOrStdout(), shown)
			default:
				err = usageError{fmt.Errorf("there is no format %q: it is text or json", format), cmd.CommandPath()}
			}
			if err == nil && (inspected.Seed == nil || shown.faulty()) {
				return exitCode(exitError)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func show(h *host.Host, path string, i datasource.Inspection) shownSeed {
	shown := shownSeed{
		Device: path, Filesystem: i.Filesystem, Label: i.Label, Files: append([]datasource.FileInfo{}, i.Files...),
		Metadata: map[string]any{}, Problems: []shownProblem{},
	}
	problems := i.Problems
	if seed := i.Seed; seed != nil {
		shown.Datasource, shown.InstanceID, shown.Hostname, shown.Metadata = seed.Datasource, seed.InstanceID, seed.Hostname, state.OpenMetadata(seed.Metadata)
		if seed.Network != nil {
			shown.Network = shownNetwork{seed.Network.Name, seed.Network.Format}
		}
		var found []config.Problem
		shown.UserData, found = showUserData(seed, h)
		problems = append(append(problems, found...), networkProblems(seed)...)
	} else {
		for _, attempt := range i.Report {
			shown.Problems = append(shown.Problems, shownProblem{config.Error.String(), attempt.Where, attempt.Outcome})
		}
	}
	shown.Problems = append(shown.Problems, showProblems(problems)...)
	return shown
}

func showProblems(problems []config.Problem) []shownProblem {
	shown := []shownProblem{}
	for _, p := range config.Limited(problems) {
		message := p.Message
		if p.Key != "" {
			message = p.Key + ": " + message
		}
		shown = append(shown, shownProblem{p.Severity.String(), p.Pos.String(), message})
	}
	return shown
}

// showUserData tells of user data what it is, not what it says.
func showUserData(seed *datasource.Seed, h *host.Host) (shownUserData, []config.Problem) {
	raw := seed.UserData.Reveal()
	sum := sha256.Sum256(raw)
	shown := shownUserData{Size: len(raw), SHA256: hex.EncodeToString(sum[:])}
	result := userdata.Process(context.Background(), "user-data", raw, userdata.Options{
		LaunchIndex: seed.LaunchIndex, KnownKeys: modules.Keys(),
		Fetch: func(context.Context, string, bool) ([]byte, error) { return nil, nil }, // at boot
		Variables: func() (map[string]any, error) { // as if this were the machine
			return template.Variables(inputs.SeedFacts(seed, h).All()), nil
		},
	})
	switch len(result.Parts) {
	case 0:
	case 1:
		shown.Type = result.Parts[0].Type
	default:
		shown.Type = "multipart/mixed"
	}
	return shown, append(result.Problems, schema.CloudConfig(result.CloudConfig)...)
}

// networkKinds are the languages of network configurations, by convert's words.
var networkKinds = map[datasource.Format]string{
	datasource.FormatENI: convert.ENI, datasource.FormatOpenStack: convert.OpenStack, datasource.FormatYAML: convert.YAML,
}

// networkProblems are what is wrong with a seed's network configuration on any machine.
func networkProblems(seed *datasource.Seed) []config.Problem {
	if seed.Network == nil {
		return nil
	}
	_, problems, err := convert.Parse(convert.Input{
		Name: seed.Network.Name, Kind: networkKinds[seed.Network.Format], Text: seed.Network.Data, Existing: func(string) []byte { return nil },
	})
	var found config.Findings
	found.Add(problems...)
	if err != nil {
		found.At(config.Pos{File: seed.Network.Name}, "").Refuse(err, "")
	}
	return found.List()
}

// printSeed prints it for people: what it is, its metadata and files, what is wrong.
func printSeed(w io.Writer, s shownSeed) error {
	p := &printer{w: w}
	what := "no seed"
	if s.Datasource != "" {
		what = "a " + s.Datasource + " seed"
	}
	on := ""
	if s.Filesystem != "" {
		on = fmt.Sprintf(", on a volume of type %s with the label %q", s.Filesystem, s.Label)
	}
	p.line("%s is %s%s.", s.Device, what, on)
	if s.Datasource != "" {
		p.line("\n  instance   %s\n  hostname   %s\n  user data  %d bytes %s", s.InstanceID, s.Hostname, s.UserData.Size, s.UserData.Type)
		if s.Network.Source != "" {
			p.line("  network    %s, from %s", s.Network.Format, s.Network.Source)
		}
		p.line("  metadata   %s", slices.Sorted(maps.Keys(s.Metadata)))
	}
	p.heading("Files", len(s.Files))
	for _, f := range s.Files {
		p.line("  %9d  %.12s  %s", f.Size, f.SHA256, f.Path)
	}
	p.heading("Problems", len(s.Problems))
	for _, problem := range s.Problems {
		p.line("  %-10s %s: %s", problem.Severity, problem.Where, problem.Message)
	}
	return p.err
}
