package boot

import (
	"context"

	"cloudseed/config"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/state"
)

// read begins to read the inputs of a stage anew: what the last stage wrote may be
// configuration.
func (b *Boot) read() {
	b.inputs = inputs.New(inputs.Options{
		Host: b.Host.As(b.stage, ""), Store: b.store, Log: b.Log, Cmdline: b.Cmdline, Files: b.Files, KnownKeys: modules.Keys(), Version: b.Version,
		Offline: b.Offline, Early: b.stage == state.StageLocal, Stderr: b.standardError(), Get: b.Get,
		Note: b.note, Problems: b.problems, Once: b.onceABoot,
	})
}

// use has the inputs be those of the instance.
func (b *Boot) use(ctx context.Context) {
	b.inputs.Use(ctx, b.seed)
	b.config = b.inputs.SystemWithFiles()
}

// readUserData reads what the seed asks for, and makes it the configuration.
func (b *Boot) readUserData(ctx context.Context, how inputs.How) *inputs.UserData {
	u := b.inputs.UserData(ctx, how)
	b.config = u.Config
	return u
}

// Configuration is what modules would be given now: the system's own, with that of the
// present instance over it, if there is one. It changes nothing.
func (b *Boot) Configuration(ctx context.Context) (*config.Config, error) {
	if err := b.resume(ctx); err != nil {
		return nil, err
	}
	if b.seed == nil {
		return b.inputs.SystemWithFiles(), nil
	}
	b.readUserData(ctx, inputs.How{})
	return b.config, nil
}
