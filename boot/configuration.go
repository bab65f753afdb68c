package boot

import (
	"context"

	"cloudseed/config"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/state"
)

// read is what a stage has read.
type read struct {
	inputs *inputs.Reader
	config *config.Config // what they come to
}

// readAnew begins to read the inputs of a stage: what the last stage wrote may be
// configuration.
func (b *Boot) readAnew() {
	b.read.inputs = inputs.New(inputs.Options{
		Host: b.o.Host.As(b.stage.name, ""), Store: b.store, Log: b.o.Log, Cmdline: b.o.Cmdline, Files: b.o.Files, KnownKeys: modules.Keys(), Version: b.o.Version,
		Offline: b.o.Offline, Early: b.stage.name == state.StageLocal, Stderr: b.runner().standardError(), Get: b.o.Get,
		Note: b.reports.note, Problems: b.reports.problems, Once: b.runner().onceABoot,
	})
}

// use has the inputs be those of the instance.
func (b *Boot) use(ctx context.Context) {
	b.read.inputs.Use(ctx, b.instance.seed)
	b.read.config = b.read.inputs.SystemWithFiles()
}

// readUserData reads what the seed asks for, and makes it the configuration.
func (b *Boot) readUserData(ctx context.Context, how inputs.How) *inputs.UserData {
	u := b.read.inputs.UserData(ctx, how)
	b.stage.userData, b.read.config = u, u.Config
	return u
}

// Configuration is what modules would be given now: the system's own, with that of the
// present instance over it, if there is one. It changes nothing.
func (b *Boot) Configuration(ctx context.Context) (*config.Config, error) {
	if err := b.resume(ctx); err != nil {
		return nil, err
	}
	if b.instance.seed == nil {
		return b.read.inputs.SystemWithFiles(), nil
	}
	b.readUserData(ctx, inputs.How{})
	return b.read.config, nil
}
