package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cloudseed/boot"
	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/datasource"
	"cloudseed/datasource/media/image"
	"cloudseed/host"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// seedBuild is how "seed build" was called.
type seedBuild struct {
	output, format, datasource                    string
	userData, metaData, vendorData, networkConfig string
	instanceID, hostname                          string
	force                                         bool
}

// layout is where a kind of seed has its files, and how a machine finds it.
type layout struct {
	label                                         string
	userData, metaData, vendorData, networkConfig string
}

// layouts are the kinds of seeds that can be made.
var layouts = map[string]layout{
	"NoCloud": {"cidata", "user-data", "meta-data", "vendor-data", "network-config"},
	"ConfigDrive": {
		"config-2", "openstack/latest/user_data", "openstack/latest/meta_data.json",
		"openstack/latest/vendor_data.json", "openstack/latest/network_data.json",
	},
}

// seedBuildCommand makes an image of a seed, from a directory that is laid out as one or
// from single files.
func seedBuildCommand() *cobra.Command {
	var s seedBuild
	cmd := &cobra.Command{
		Use:   "build --output FILE [--force] [--format iso|vfat] (DIRECTORY | --user-data FILE ...)",
		Short: "Make an image of a seed, from a directory or from single files",
		Long: `Make an image of a seed, from a directory that is laid out as one or from single files.
What no machine would take as a seed, or would report an error of, is refused: metadata
without an instance id, user data without a known header, mistakes in YAML or in the
network's configuration. Without --meta-data, the seed gets a new instance id, or that of
--instance-id, and the name of --hostname.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(args); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			return s.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.output, "output", "o", "", "the image `file` to write, or - for standard output")
	f.BoolVar(&s.force, "force", false, "replace an existing image")
	f.StringVar(&s.format, "format", "iso", "iso or vfat")
	f.StringVar(&s.datasource, "datasource", "NoCloud", "how single files are laid out: NoCloud or ConfigDrive")
	f.StringVarP(&s.userData, "user-data", "u", "", "a `file` with user data")
	f.StringVarP(&s.metaData, "meta-data", "m", "", "a `file` with metadata: YAML, for ConfigDrive JSON")
	f.StringVar(&s.vendorData, "vendor-data", "", "a `file` with vendor data, for ConfigDrive JSON")
	f.StringVarP(&s.networkConfig, "network-config", "n", "", "a `file` with the network's configuration, for ConfigDrive JSON")
	f.StringVar(&s.instanceID, "instance-id", "", "the instance's `id`, without --meta-data")
	f.StringVar(&s.hostname, "hostname", "", "the machine's `name`, without --meta-data")
	return cmd
}

// single are the files that were given one by one.
func (s *seedBuild) single() bool {
	return s.userData+s.metaData+s.vendorData+s.networkConfig+s.instanceID+s.hostname != ""
}

// check refuses a command line that cannot be understood.
func (s *seedBuild) check(args []string) error {
	for known := range layouts {
		if strings.EqualFold(known, s.datasource) {
			s.datasource = known
		}
	}
	_, known := layouts[s.datasource]
	switch {
	case s.output == "":
		return errors.New("where to? give --output")
	case s.format != "iso" && s.format != "vfat":
		return fmt.Errorf("there is no format %q: it is iso or vfat", s.format)
	case !known:
		return fmt.Errorf("there is no datasource %q: it is NoCloud or ConfigDrive", s.datasource)
	case len(args) == 0 && !s.single():
		return errors.New("of what? give a directory, or --user-data")
	case len(args) == 1 && s.single():
		return errors.New("a directory holds all files; it goes with none of --user-data, --meta-data, --vendor-data, --network-config, --instance-id and --hostname")
	case s.metaData != "" && s.instanceID+s.hostname != "":
		return errors.New("--meta-data says the instance id and the name; --instance-id and --hostname are for seeds without it")
	}
	return nil
}

func (s *seedBuild) run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	dir := ""
	if len(args) == 1 {
		dir = args[0]
	} else {
		if dir, err = os.MkdirTemp("", "cloudseed-seed-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if err := s.layOut(dir); err != nil {
			return err
		}
	}
	shown, err := inspectSeed(ctx, dir, len(args) == 1)
	for _, p := range shown.Problems {
		printable.Fprintf(stderr, "%s: %s: %s\n", p.Severity, p.Where, p.Message)
	}
	if err != nil {
		return fmt.Errorf("no image was made: %w", err)
	}
	label := layouts[shown.Datasource].label
	if err := s.write(label, os.DirFS(dir), stdout); err != nil {
		return err
	}
	name, told := s.output, stdout
	if s.output == "-" {
		name, told = "standard output", stderr
	}
	_, err = printable.Fprintf(told, "%s is a %s seed, a volume of type %s with the label %q, for the instance %s\n",
		name, shown.Datasource, s.format, label, shown.InstanceID)
	if err == nil && shown.faulty() {
		return exitCode(exitError) // what the machine will warn of was printed
	}
	return err
}

// write writes the image to where it is wanted. One that is to be replaced, or to go to
// standard output, is written beside first: it is whole, or it is not there.
func (s *seedBuild) write(label string, files fs.FS, stdout io.Writer) (err error) {
	write := image.WriteISO
	if s.format == "vfat" {
		write = image.WriteFAT
	}
	if s.output != "-" && !s.force {
		return write(s.output, label, files)
	}
	beside := "" // the directory of temporary files
	if s.output != "-" {
		beside = filepath.Dir(s.output)
	}
	dir, err := os.MkdirTemp(beside, ".cloudseed-seed-")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", s.output, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	whole := filepath.Join(dir, "image")
	if err := write(whole, label, files); err != nil {
		return err
	}
	if s.output != "-" {
		return os.Rename(whole, s.output)
	}
	f, err := os.Open(whole)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(stdout, f)
	return err
}

// layOut puts the single files where a seed has them.
func (s *seedBuild) layOut(dir string) error {
	l := layouts[s.datasource]
	for _, file := range []struct{ from, to string }{
		{s.userData, l.userData}, {s.metaData, l.metaData}, {s.vendorData, l.vendorData}, {s.networkConfig, l.networkConfig},
	} {
		var data []byte
		var err error
		switch {
		case file.from != "":
			data, err = os.ReadFile(file.from)
		case file.to == l.metaData:
			data, err = s.newMetadata()
		case file.to != l.userData || s.datasource != "NoCloud":
			continue // NoCloud must have user data, if empty
		}
		if err != nil {
			return fmt.Errorf("cannot read what the seed is to hold: %w", err)
		}
		at := filepath.Join(dir, filepath.FromSlash(file.to))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, data, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// newMetadata is metadata for an instance that there was not before.
func (s *seedBuild) newMetadata() ([]byte, error) {
	id := s.instanceID
	if id == "" {
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return nil, err
		}
		id = "i-" + hex.EncodeToString(random[:8])
	}
	metadata := map[string]any{"instance-id": id, "local-hostname": s.hostname}
	if s.datasource == "ConfigDrive" {
		metadata = map[string]any{"uuid": id, "hostname": s.hostname}
	}
	for key, value := range metadata {
		if value == "" {
			delete(metadata, key)
		}
	}
	return json.Marshal(metadata)
}

// inspectSeed looks at a directory as a machine would look at the medium, and refuses
// what would not boot.
func inspectSeed(ctx context.Context, dir string, named bool) (shownSeed, error) {
	h := host.New("/", host.Options{})
	name := "."
	if named {
		name = filepath.Base(dir)
	}
	// Not by this machine's own configuration: the seed is for another.
	inspected := datasource.Inspect(ctx, datasource.Search{Host: h, Config: config.FromAny("", nil), Only: dir, Name: name, Sources: boot.Sources()})
	shown := show(h, dir, inspected)
	if inspected.Seed == nil {
		return shown, fmt.Errorf("it is no seed: it has neither openstack/latest/meta_data.json (ConfigDrive) nor both meta-data and user-data (NoCloud)")
	}
	if !namesInstance(os.DirFS(dir)) {
		return shown, fmt.Errorf("its metadata has no %s: without one, a machine does not know that it is new", map[string]string{
			"NoCloud": "instance-id", "ConfigDrive": "uuid",
		}[shown.Datasource])
	}
	if slices.ContainsFunc(shown.Problems, func(p shownProblem) bool { return p.Severity == config.Error.String() }) {
		return shown, errors.New("it has the errors above")
	}
	return shown, nil
}

// namesInstance tells whether a seed's own metadata says whose it is.
func namesInstance(files fs.FS) bool {
	for _, place := range []struct{ file, key string }{
		{layouts["NoCloud"].metaData, "instance-id"}, {layouts["ConfigDrive"].metaData, "uuid"},
	} {
		data, err := fs.ReadFile(files, place.file)
		if err != nil {
			continue
		}
		if value, _, err := yaml.Parse(place.file, data); err == nil && !value.Get(place.key).IsNull() {
			return true
		}
	}
	return false
}
