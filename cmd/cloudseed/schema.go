package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules"
	"cloudseed/printable"
	"cloudseed/schema"
	"cloudseed/secret"
	"cloudseed/userdata"

	"github.com/spf13/cobra"
)

// The output is cloud-init's: "Valid schema FILE" or "Invalid user-data FILE" on standard
// output; on standard error "Error: " and what is wrong, a line for each, and at the end
// "Error: Invalid schema: user-data". Deprecated spellings are told on standard output and
// leave the exit code 0.

const (
	typeCloudConfig   = "cloud-config"
	typeNetworkConfig = "network-config"
)

// schemaCheck is how "schema" was called.
type schemaCheck struct {
	g            *globals
	file         string
	kind         string
	instanceData string
	system       bool
	annotate     bool
	export       bool
	in           io.Reader
	out, errOut  io.Writer
}

func schemaCommand(g *globals) *cobra.Command {
	s := schemaCheck{g: g}
	cmd := &cobra.Command{
		Use:   "schema {-c FILE [-t cloud-config|network-config] | --system} [--annotate] | --export",
		Short: "Tell what is wrong with cloud-config or a network configuration",
		Long: `Tell what is wrong with cloud-config or a network configuration, by file, line and column:
keys that there are not, values of the wrong kind, spellings that are deprecated. The check
is the one of the boot. The exit code is 1 if anything would not be applied as it is written.
With --export a JSON Schema of cloud-config is printed, for editors.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.in, s.out, s.errOut = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return s.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.file, "config-file", "c", "", "check this `file`; - is standard input")
	f.StringVarP(&s.kind, "schema-type", "t", "", "what the file is: cloud-config (the default) or network-config")
	f.StringVarP(&s.instanceData, "instance-data", "i", "", instanceDataUsage)
	f.BoolVar(&s.system, "system", false, "check what this machine was given: user data, vendor data, network configuration")
	f.BoolVar(&s.annotate, "annotate", false, "print the document with marks where something is wrong")
	f.BoolVar(&s.export, "export", false, "print a JSON Schema of cloud-config")
	return cmd
}

// subject is a document to be checked.
type subject struct {
	name string // what it is: "user-data"
	kind string
	file string // as messages call it
	data []byte
}

func (s *schemaCheck) run(ctx context.Context) error {
	switch {
	case s.kind != "" && s.kind != typeCloudConfig && s.kind != typeNetworkConfig:
		return usageError{fmt.Errorf("there is no schema type %q: it is cloud-config or network-config", s.kind), "cloudseed schema"}
	case (s.file != "" && s.system) || (!s.export && s.file == "" && !s.system):
		return errors.New("expected one of --config-file and --system")
	case s.export && (s.file != "" || s.system || s.annotate):
		return errors.New("--export prints the schema, and checks nothing: leave the other flags out")
	case s.export:
		_, err := s.out.Write(schema.Export())
		return err
	case s.system:
		return s.checkSystem(ctx)
	}
	data, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config file %s does not exist", s.file)
	}
	if err != nil {
		return fmt.Errorf("cannot read the config file: %w", err)
	}
	doc := subject{name: "user-data", kind: typeCloudConfig, file: s.file, data: data}
	if s.kind == typeNetworkConfig {
		doc.name, doc.kind = typeNetworkConfig, typeNetworkConfig
	}
	if !s.check(ctx, doc, "", doc.file) {
		return s.invalid(doc.name)
	}
	return nil
}

// read reads the document; "-" is standard input.
func (s *schemaCheck) read() ([]byte, error) {
	if s.file == "-" {
		return io.ReadAll(s.in)
	}
	return os.ReadFile(s.file)
}

func (s *schemaCheck) invalid(names ...string) error {
	printable.Fprintf(s.errOut, "Error: Invalid schema: %s\n", strings.Join(names, ", "))
	return exitCode(exitError)
}

// check checks a document and tells the outcome, each line indented. label is what a
// valid one is called. It is true unless something is wrong.
func (s *schemaCheck) check(ctx context.Context, doc subject, indent, label string) bool {
	if len(doc.data) == 0 {
		printable.Fprintf(s.out, "%sEmpty '%s' found at %s. Nothing to validate.\n", indent, doc.kind, doc.file)
		return true
	}
	look := s.lookAtUserData
	if doc.kind == typeNetworkConfig {
		look = lookAtNetwork
	}
	problems, others := look(ctx, doc)
	for _, other := range others {
		printable.Fprintf(s.out, "%s%s\n", indent, other)
	}
	faulty := slices.ContainsFunc(problems, func(p config.Problem) bool { return schema.IsFault(p.Severity) })
	if s.annotate {
		if slices.ContainsFunc(problems, func(p config.Problem) bool { return p.Severity != config.Note }) {
			fmt.Fprintln(s.out, printable.Lines(schema.Annotate(doc.file, string(doc.data), problems)))
		}
	} else {
		s.tell(doc, indent, problems)
	}
	if !faulty && len(others) == 0 {
		printable.Fprintf(s.out, "%sValid schema %s\n", indent, label)
	}
	return !faulty
}

// tell prints what is wrong: what is deprecated first, as cloud-init does.
func (s *schemaCheck) tell(doc subject, indent string, problems []config.Problem) {
	var deprecated, faults []string
	for _, p := range config.Limited(problems) {
		switch {
		case p.Severity == config.Deprecated:
			deprecated = append(deprecated, p.Error())
		case schema.IsFault(p.Severity):
			faults = append(faults, p.Error())
		}
	}
	if len(deprecated) > 0 {
		printable.Fprintf(s.out, "%sCloud config schema deprecations: %s\n", indent, strings.Join(deprecated, ", "))
	}
	if len(faults) == 0 {
		return
	}
	printable.Fprintf(s.out, "%sInvalid %s %s\n", indent, doc.name, doc.file)
	for _, fault := range faults {
		printable.Fprintf(s.errOut, "%sError: %s\n", indent, fault)
	}
}

// lookAtUserData checks the cloud-config that is in user data of any form, and names
// what else there is.
//
// Difference from cloud-init: it refuses MIME messages, and looks into no archive and
// nothing compressed.
func (s *schemaCheck) lookAtUserData(ctx context.Context, doc subject) (problems []config.Problem, others []string) {
	include := func(_ context.Context, url string, _ bool) ([]byte, error) {
		others = append(others, "What "+secret.URL(url)+" holds is not evaluated: it is fetched at boot")
		return nil, nil
	}
	result := userdata.ProcessPieces(ctx, doc.file, []userdata.Piece{{Name: doc.file, Content: secret.NewBytes(doc.data)}},
		userdata.Options{
			KnownKeys: modules.Keys(), Fetch: include,
			Variables: func() (map[string]any, error) { return templateVariables(s.g, s.instanceData) },
		})
	for _, part := range result.Parts {
		if part.Handler != "" && part.Handler != typeCloudConfig {
			others = append(others, fmt.Sprintf("User-data type '%s' not currently evaluated by cloudseed schema", part.Type))
		}
	}
	return append(result.Problems, schema.CloudConfig(result.CloudConfig)...), others
}

// lookAtNetwork checks a network configuration. One of nothing is none.
func lookAtNetwork(_ context.Context, doc subject) (problems []config.Problem, others []string) {
	v, problems, err := yaml.Parse(doc.file, doc.data)
	if err != nil {
		var found config.Findings
		found.Add(problems...)
		found.At(config.Pos{File: doc.file}, "").Refuse(err, "")
		return found.List(), nil
	}
	network := v
	if inner := v.Get("network"); inner != nil {
		network = inner
	}
	if network.IsNull() || network.Kind() == config.Map && len(network.Keys()) == 0 {
		return problems, []string{"Skipping network-config schema validation on empty config."}
	}
	return append(problems, schema.NetworkConfig(v)...), nil
}
