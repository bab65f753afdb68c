package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/userdata"
)

// input is what the seed asks for beside its metadata: user data and vendor data,
// taken apart. Vendor data comes first, since user data wins over it.
type input struct {
	sources []source
}

// source is one kind of data that a seed may hold.
type source struct {
	name      string // as messages call it: "user-data"
	raw       []byte
	result    userdata.Result
	rawFile   string // in the instance's directory, by cloud-init's names
	partsFile string
	config    string // the merged cloud-config
	scripts   string // where its scripts go
}

// systemConfig is the configuration without a seed's.
func (b *Boot) systemConfig() *config.Config {
	return config.New(b.withFiles(b.systemLayers())...)
}

// readUserData takes the seed's data apart and puts its cloud-config over the
// system's. It changes nothing on the machine.
func (b *Boot) readUserData(ctx context.Context) *input {
	ctx, cancel := context.WithTimeoutCause(ctx, includeTime, fmt.Errorf("all that user data includes was not there within %s", includeTime))
	defer cancel()
	in := &input{}
	layers := slices.Clone(b.systemLayers())
	system := config.New(layers...)
	vendor := func(name, key, stem string, blobs []secret.Bytes) {
		s := source{
			name: name, raw: joined(blobs), rawFile: stem + ".txt", partsFile: stem + ".txt.i",
			config:  map[string]string{"vendor-data": "vendor-cloud-config.txt", "vendor-data2": "vendor2-cloud-config.txt"}[stem],
			scripts: "scripts/vendor",
		}
		if enabled, ok := system.Get(key + ".enabled").Bool(); ok && !enabled {
			b.Log.Info("vendor data is switched off", "by", system.Where(key+".enabled"))
			blobs = nil
		}
		s.result = b.process(ctx, name, blobs)
		in.sources = append(in.sources, s)
	}
	vendor("vendor-data", "vendor_data", "vendor-data", b.seed.VendorData)
	vendor("vendor-data2", "vendor_data2", "vendor-data2", b.seed.VendorData2)

	user := source{
		name: "user-data", raw: b.seed.UserData.Reveal(), rawFile: "user-data.txt", partsFile: "user-data.txt.i",
		config: "cloud-config.txt", scripts: "scripts",
	}
	if allowed, ok := system.Get("allow_userdata").Bool(); ok && !allowed {
		b.Log.Warn("user data is ignored, as " + system.Where("allow_userdata") + " says")
	} else {
		user.result = b.process(ctx, user.name, []secret.Bytes{b.seed.UserData})
	}
	in.sources = append(in.sources, user)

	for _, s := range in.sources {
		if s.result.CloudConfig != nil {
			layers = append(layers, config.Layer{Name: s.name, Value: s.result.CloudConfig})
		}
	}
	b.config = config.New(b.withFiles(layers)...)
	return in
}

// process takes data apart. Its problems are reported by the stage that applies it,
// in consume: every stage reads it again.
func (b *Boot) process(ctx context.Context, name string, blobs []secret.Bytes) userdata.Result {
	o := userdata.Options{
		KnownKeys: modules.Keys(), Fetch: b.include, TypesOf: b.typesOf, FirstHandler: firstHandler[name],
	}
	if name == "user-data" || len(joined(blobs)) > 0 {
		o.Handlers = b.systemHandlers(ctx)
	}
	if name == "user-data" {
		o.LaunchIndex = b.seed.LaunchIndex // vendor data is for all machines
	}
	return userdata.ProcessList(ctx, name, blobs, o)
}

func joined(blobs []secret.Bytes) []byte {
	var all []byte
	for _, blob := range blobs {
		all = append(all, blob.Reveal()...)
	}
	return all
}

// consume puts what the seed asks for where cloud-init has it, and runs boothooks.
// It is done at every boot, and doing it again changes nothing.
func (b *Boot) consume(ctx context.Context, in *input) {
	dir := state.InstanceDir(b.seed.InstanceID)
	// User data before vendor data, as with cloud-init, although it is read after that.
	last := len(in.sources) - 1
	sources := append(in.sources[last:len(in.sources):len(in.sources)], in.sources[:last]...)
	b.handled(sources, func(frequency state.Frequency) {
		for _, s := range sources {
			b.apply(ctx, dir, s)
			b.runHandlers(ctx, s.name, s.result.Handlers, frequency)
		}
	})
	b.tellOfGaps()
	b.note(b.store.WriteInstanceData(b.facts()))
}

// apply puts one kind of data in its place.
func (b *Boot) apply(ctx context.Context, dir string, s source) {
	b.problems(s.result.Problems)
	b.note(errors.Join(
		b.store.Write(path.Join(dir, s.rawFile), s.raw),
		b.store.Write(path.Join(dir, s.partsFile), s.result.MIME()),
		b.store.Write(path.Join(dir, s.config), s.result.CloudConfigText()),
	))
	for _, script := range s.result.Scripts {
		b.note(b.writeScript(scriptDir(dir, s, script), script))
	}
	for _, hook := range s.result.Boothooks {
		b.note(b.runBoothook(ctx, path.Join(dir, "boothooks"), hook))
	}
}

// firstHandler numbers the part handlers of each kind of data.
//
// Difference from cloud-init: there each kind begins with 0, and takes the file of the
// one before.
var firstHandler = map[string]int{"user-data": 0, "vendor-data": 100, "vendor-data2": 200}

// scriptDir is where a script goes by its frequency.
func scriptDir(dir string, s source, script userdata.Script) string {
	if script.Frequency != "" {
		return path.Join(state.CloudDir, "scripts", "per-"+script.Frequency)
	}
	return path.Join(dir, s.scripts)
}

func (b *Boot) writeScript(dir string, script userdata.Script) error {
	_, err := b.Host.WriteFile(path.Join(dir, script.Name), script.Content.Reveal(), host.File{Mode: 0o700, Secret: true})
	return err
}

// runBoothook runs a boothook: at every boot, as soon as it is there.
func (b *Boot) runBoothook(ctx context.Context, dir string, hook userdata.Script) error {
	if err := b.writeScript(dir, hook); err != nil {
		return err
	}
	_, err := b.Host.Run(ctx, host.Command{
		Argv: []string{path.Join(dir, hook.Name)}, Env: []string{"INSTANCE_ID=" + b.seed.InstanceID}, Pass: true, Timeout: host.NoTimeout,
	})
	if err != nil {
		return fmt.Errorf("boothook %s: %w", hook.Name, err)
	}
	return nil
}

// facts is what instance-data.json says.
func (b *Boot) facts() state.Facts {
	release, machine := b.Host.Kernel()
	return state.Facts{
		InstanceID: b.seed.InstanceID, Hostname: b.seed.Hostname, CloudName: b.seed.CloudName,
		Platform: b.seed.Platform, Subplatform: b.seed.Subplatform, AvailabilityZone: b.seed.AvailabilityZone, Region: b.seed.Region,
		PublicKeys: b.seed.PublicKeys, Distribution: distribution(b.Host), Kernel: release, Machine: machine,
		Metadata: b.seed.Metadata, UserData: b.seed.UserData.Reveal(), VendorData: joined(slices.Concat(b.seed.VendorData, b.seed.VendorData2)),
		MergedConfig: b.config.Root().Any(),
	}
}

// env is what a module is given to work with.
func (b *Boot) env(m modules.Module, args []string) *modules.Env {
	return &modules.Env{
		Host: b.Host.As(b.stage, m.Name), Config: b.config, Instance: b.instance(),
		Log: b.Log.With("module", m.Name), Args: args, Console: b.tell, Output: b.standardError(),
		Fetch: b.source,
	}
}

// standardError is where a stage's messages for people go.
func (b *Boot) standardError() io.Writer {
	if b.Output == nil {
		return b.Console
	}
	return outputWriter{b.Output}
}

// outputWriter opens the configured output at the first write.
type outputWriter struct{ output *Output }

func (w outputWriter) Write(text []byte) (int, error) {
	_, stderr := w.output.Files()
	return stderr.Write(text)
}

// tell writes to the console of the machine, and nowhere else: what is told may be a
// password that was made up for somebody who watches.
func (b *Boot) tell(text string) error {
	if b.Console == nil {
		return errors.New("the machine has no console")
	}
	_, err := io.WriteString(b.Console, text)
	return err
}

// Configuration is what modules would be given now: the system's own, with that of the
// present instance over it, if there is one. It changes nothing.
func (b *Boot) Configuration(ctx context.Context) (*config.Config, error) {
	if err := b.resume(); err != nil {
		return nil, err
	}
	if b.seed == nil {
		return b.systemConfig(), nil
	}
	b.readUserData(ctx)
	return b.config, nil
}
