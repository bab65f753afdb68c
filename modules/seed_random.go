package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/python"
	"cloudseed/secret"
	"cloudseed/state"
)

type seedRandomKeys struct {
	Seed struct {
		File     string        `key:"file" default:"/dev/urandom" doc:"The file or device that the data is added to."`
		Data     *config.Value `key:"data" takes:"text" doc:"The data. That of the metadata's random_seed follows it."`
		Encoding seedEncoding  `key:"encoding" type:"string" enum:"raw|base64|b64|gzip|gz" default:"raw" doc:"How data is encoded."`
		Command  []string      `key:"command" doc:"A program and its arguments, to be run after the data is added, with the file in the environment variable RANDOM_SEED_FILE. One that is not installed is skipped."`
		Required bool          `key:"command_required" default:"false" doc:"A missing command is an error."`
	} `key:"random_seed" doc:"Random data for the kernel."`

	data secret.Bytes // what Check decoded
}

// seedEncoding is the name of an encoding, in lower case; "" is raw.
type seedEncoding string

// DecodeConfig reads the name in any case, as cloud-init does.
func (s *seedEncoding) DecodeConfig(v *config.Value) []config.Problem {
	switch name := strings.ToLower(v.Text()); {
	case v.Kind() == config.List || v.Kind() == config.Map:
	case slices.Contains([]string{"", "raw", "base64", "b64", "gzip", "gz"}, name):
		*s = seedEncoding(name)
		return nil
	}
	*s = "unknown"
	return []config.Problem{v.Pos().Errorf("expected raw, base64, b64, gzip or gz, got %s; the data is skipped", config.Shown(v))}
}

var seedRandom = Of[seedRandomKeys]{
	Name:       "seed_random",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Gives random data, that of the metadata too, to the kernel or another consumer. It is in no log and not in " +
		"the change log.",
	Example: "random_seed:\n  data: bXkgcmFuZG9tIHN0cmluZw==\n  encoding: b64\n  command: [dd, if=/dev/hwrng, of=/dev/urandom, bs=512, count=1]\n",
	Network: func(_ *Env, keys *seedRandomKeys) NetworkUse {
		if len(keys.Seed.Command) > 0 {
			return MayUseNetwork
		}
		return NoNetwork
	},
	Check: checkSeedRandom,
	Run:   runSeedRandom,
}.Module()

// maxSeed is the most that zipped data may grow to: the kernel keeps some hundred bytes.
const maxSeed = 1 << 20

func checkSeedRandom(e *Env, keys *seedRandomKeys) {
	at := e.At("random_seed.data")
	data, err := decodeSeed(at.Value(), keys.Seed.Encoding)
	if err != nil {
		at.Errorf("%v; the data is skipped", err)
	}
	keys.data = secret.NewBytes(data)
	if keys.Seed.Required && len(keys.Seed.Command) == 0 {
		e.At("random_seed.command_required").Errorf("a command is required, and there is none")
	}
}

// decodeSeed returns the data. Its errors do not quote any of it.
//
// Difference from cloud-init: what cannot be decoded is skipped, and the metadata's data and
// the command count; there the module fails.
func decodeSeed(v *config.Value, encoding seedEncoding) ([]byte, error) {
	var data []byte
	switch v.Kind() {
	case config.Null:
	case config.List, config.Map:
		return nil, fmt.Errorf("expected a string, got %s", config.KindInWords(v))
	case config.Binary:
		data, _ = v.Any().([]byte) // nil where it is not valid base64: reported when it was parsed
	default:
		data = []byte(v.Text())
	}
	var err error
	switch encoding {
	case "unknown":
		return nil, nil // reported at the encoding
	case "base64", "b64":
		data, err = python.Base64(data)
	case "gzip", "gz":
		if len(data) > 0 {
			data, err = python.Gunzip(data, maxSeed)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot decode the data as %s: %w", encoding, err)
	}
	return data, nil
}

func runSeedRandom(ctx context.Context, e *Env, keys *seedRandomKeys) error {
	file := keys.Seed.File
	if file == "" {
		file = "/dev/urandom"
	}
	data := append(bytes.Clone(keys.data.Reveal()), e.Instance.RandomSeed.Reveal()...)
	e.At("random_seed.file").Fail(addSeed(e, file, data))
	if len(keys.Seed.Command) > 0 {
		seedByCommand(ctx, e, keys, file)
	}
	return nil
}

// addSeed adds data to a file or device. Nothing credits the kernel with entropy for it,
// since whoever wrote the seed knows it.
//
// Difference from cloud-init: a file that it creates is root's alone (0600, not 0644), and
// one that ends with the data is unchanged.
func addSeed(e *Env, file string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if !e.Host.Runs() && strings.HasPrefix(path.Join("/", file), "/dev/") {
		e.Log.Info("no random data is added: an image has no kernel that takes it", "file", file)
		return nil
	}
	if info, err := e.Host.Stat(file); err == nil && info.Mode().IsRegular() {
		old, err := e.Host.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if bytes.HasSuffix(old, data) {
			return nil
		}
	}
	_, err := e.Host.AppendFile(file, data, host.File{Mode: 0o600, KeepMeta: true, Secret: true})
	return err
}

func seedByCommand(ctx context.Context, e *Env, keys *seedRandomKeys, file string) {
	at := e.At("random_seed.command")
	argv := keys.Seed.Command
	if _, err := e.Host.LookPath(argv[0]); err != nil {
		if keys.Seed.Required {
			at.Errorf("the program %q is not installed, and command_required is true", argv[0])
		} else {
			e.Log.Info("the command of random_seed is skipped: it is not installed", "program", argv[0])
		}
		return
	}
	// It runs as long as it takes, as bootcmd does.
	_, err := e.Host.Run(ctx, host.Command{
		Argv: argv, Env: []string{"RANDOM_SEED_FILE=" + file}, Pass: true, Timeout: host.NoTimeout,
	})
	at.Fail(err)
}
