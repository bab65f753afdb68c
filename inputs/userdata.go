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
	"cloudseed/python"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/userdata"
)

// input is what the seed asks for beside its metadata: user data and vendor data,
// taken apart. User data comes first, since it may switch vendor data off.
type input struct {
	sources []source
}

// source is one kind of data that a seed may hold.
type source struct {
	name      string // as messages call it: "user-data"
	raw       []byte
	result    userdata.Result
	idle      bool   // nothing is done with it
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
	user := b.readUser(ctx)
	system := slices.Clone(b.systemLayers())
	over := config.New(slices.Concat(system, user.layer())...)
	vendor := b.readVendor(ctx, over, "vendor_data", source{
		name: "vendor-data", raw: vendorText(b.seed.VendorData), config: "vendor-cloud-config.txt",
	}, b.seed.VendorData)
	vendor2 := b.readVendor(ctx, over, "vendor_data2", source{
		name: "vendor-data2", raw: vendorText(b.seed.VendorData2), config: "vendor2-cloud-config.txt",
	}, b.seed.VendorData2)
	b.config = config.New(b.withFiles(slices.Concat(system, vendor.layer(), vendor2.layer(), user.layer()))...)
	return &input{[]source{user, vendor, vendor2}}
}

// layer is the source's configuration, if it has any.
func (s source) layer() []config.Layer {
	if s.result.CloudConfig == nil {
		return nil
	}
	return []config.Layer{{Name: s.name, Value: s.result.CloudConfig}}
}

func (b *Boot) readUser(ctx context.Context) source {
	s := source{
		name: "user-data", raw: b.seed.UserData.Reveal(), rawFile: "user-data.txt", partsFile: "user-data.txt.i",
		config: "cloud-config.txt", scripts: "scripts",
	}
	system := config.New(b.systemLayers()...)
	if allowed := system.Get("allow_userdata"); allowed != nil && !isTrue(allowed) {
		b.Log.Warn("user data is ignored, as " + system.Where("allow_userdata") + " says")
		s.idle = true
	}
	s.result = b.process(ctx, s, []secret.Bytes{b.seed.UserData}, nil)
	return s
}

// readVendor takes vendor data apart. What is over it, the system's configuration and
// the user's, may switch it off, or leave out parts of some types.
func (b *Boot) readVendor(ctx context.Context, over *config.Config, key string, s source, blobs []secret.Bytes) source {
	s.rawFile, s.partsFile, s.scripts = s.name+".txt", s.name+".txt.i", "scripts/vendor"
	settings := over.Get(key)
	switch {
	case len(blobs) == 0:
		s.idle = true
	case settings != nil && settings.Kind() != config.Map:
		b.Log.Info("vendor data is switched off", "by", over.Where(key)) // the check of the keys says what is wrong with it
		s.idle = true
	case !isTrue(settings.Get("enabled")):
		b.Log.Info("vendor data is switched off", "by", over.Where(key+".enabled"))
		s.idle = true
	}
	s.result = b.process(ctx, s, blobs, textsOf(settings.Get("disabled_handlers")))
	return s
}

// isTrue tells truth, however it is written.
func isTrue(v *config.Value) bool {
	value, ok := config.AsBool(v)
	return ok && value
}

// textsOf are the texts of a list, or one text alone.
func textsOf(v *config.Value) []string {
	if v.Kind() == config.String {
		return []string{v.Text()}
	}
	var all []string
	for _, item := range v.Items() {
		all = append(all, item.Text())
	}
	return all
}

// process takes data apart. Its problems are reported by the stage that applies it,
// in consume: every stage reads it again.
func (b *Boot) process(ctx context.Context, s source, blobs []secret.Bytes, leaveOut []string) userdata.Result {
	o := userdata.Options{
		KnownKeys: modules.Keys(), Fetch: b.include, TypesOf: b.typesOf, FirstHandler: firstHandler[s.name],
		LeaveOut: leaveOut, Idle: s.idle, Variables: b.variables,
	}
	if !s.idle {
		o.Handlers = b.systemHandlers(ctx)
	}
	if s.name == "user-data" {
		o.LaunchIndex = b.seed.LaunchIndex // vendor data is for all machines
	}
	return userdata.ProcessList(ctx, s.name, blobs, o)
}

// vendorText is vendor data in one file, as cloud-init keeps it: a list in JSON.
//
// Difference from cloud-init: a list of one item is that item.
func vendorText(blobs []secret.Bytes) []byte {
	if len(blobs) < 2 {
		return joined(blobs)
	}
	texts := make([]string, len(blobs))
	for i, blob := range blobs {
		texts[i] = string(blob.Reveal())
	}
	return python.JSON(texts)
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
	b.note(b.store.WriteCombinedConfig(b.facts(), b.config.Root().Any()))
	b.handled(in.sources, func(frequency state.Frequency) {
		for _, s := range in.sources {
			b.apply(ctx, dir, s)
			b.runHandlers(ctx, s.name, s.result.Handlers, frequency)
		}
	})
	findings := b.findings(in)
	b.problems(findings)
	b.alreadyTold(findings)
	b.tellOfGaps()
}

// apply puts one kind of data in its place.
func (b *Boot) apply(ctx context.Context, dir string, s source) {
	b.problems(s.result.Problems)
	b.note(errors.Join(
		b.store.Write(path.Join(dir, s.rawFile), s.raw),
		b.store.Write(path.Join(dir, s.partsFile), s.result.MIME()),
	))
	merged := path.Join(dir, s.config)
	if _, err := b.Host.Stat(merged); !s.idle || err == nil { // what an earlier boot made of it counts no more
		b.note(b.store.Write(merged, s.result.CloudConfigText()))
	}
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
		// Nothing runs those of vendor data, with cloud-init neither.
		return path.Join(state.CloudDir, s.scripts, "per-"+script.Frequency)
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
	err := b.onceABoot("boothook "+hook.Name, func() error {
		_, err := b.Host.Run(ctx, host.Command{
			Argv: []string{path.Join(dir, hook.Name)}, Env: []string{"INSTANCE_ID=" + b.seed.InstanceID}, Pass: true, Timeout: host.NoTimeout,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("boothook %s: %w", hook.Name, err)
	}
	return nil
}

// env is what a module is given to work with.
func (b *Boot) env(m modules.Module, args []string) *modules.Env {
	return &modules.Env{
		TopLevel: modules.Keys(),
		Host:     b.Host.As(b.stage, m.Name), Config: b.config, Instance: b.instance(),
		Log: b.Log.With("module", m.Name), Args: args, Console: b.tell, Output: b.standardError(),
		Fetch: b.source, Post: b.post(), Progress: b.progress, Power: b.askPower(),
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
	if b.Terminal == nil {
		return errors.New("this machine has no console that can be written to")
	}
	_, err := io.WriteString(b.Terminal, text)
	return err
}

// Configuration is what modules would be given now: the system's own, with that of the
// present instance over it, if there is one. It changes nothing.
func (b *Boot) Configuration(ctx context.Context) (*config.Config, error) {
	if err := b.resume(ctx); err != nil {
		return nil, err
	}
	if b.seed == nil {
		return b.systemConfig(), nil
	}
	b.readUserData(ctx)
	return b.config, nil
}
