package boot

import (
	"context"
	"errors"
	"fmt"
	"path"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/inputs"
	"cloudseed/state"
	"cloudseed/userdata"
)

// consume is the step apply-user-data: it puts what the seed asks for where cloud-init has it,
// and runs boothooks. It is done at every boot, and doing it again changes nothing.
func (b *Boot) consume(ctx context.Context) error {
	in, dir := b.stage.userData, state.InstanceDir(b.instance.seed.InstanceID)
	b.reports.note(b.store.WriteCombinedConfig(b.read.inputs.Facts(), b.read.config.Root().Any()))
	b.read.inputs.Handled(in.Sources, func(frequency state.Frequency) {
		for _, s := range in.Sources {
			b.apply(ctx, dir, s)
			b.read.inputs.RunHandlers(ctx, s.Name, s.Result.Handlers, frequency)
		}
	})
	findings := findings(in)
	b.reports.problems(findings)
	b.reports.alreadyTold(func() []config.Problem { return findings })
	b.runner().tellOfUnlisted()
	b.runner().tellOfVMware()
	return nil
}

// apply puts one kind of data in its place.
func (b *Boot) apply(ctx context.Context, dir string, s inputs.Source) {
	b.reports.problems(s.Result.Problems)
	b.reports.note(errors.Join(
		b.store.Write(path.Join(dir, s.RawFile), s.Raw),
		b.store.Write(path.Join(dir, s.PartsFile), s.Result.MIME()),
	))
	merged := path.Join(dir, s.Config)
	if _, err := b.o.Host.Stat(merged); !s.Idle || err == nil { // what an earlier boot made of it counts no more
		b.reports.note(b.store.Write(merged, s.Result.CloudConfigText()))
	}
	for _, script := range s.Result.Scripts {
		b.reports.note(b.writeScript(scriptDir(dir, s, script), script))
	}
	for _, hook := range s.Result.Boothooks {
		b.reports.note(b.runBoothook(ctx, path.Join(dir, "boothooks"), hook))
	}
}

// scriptDir is where a script goes by its frequency.
func scriptDir(dir string, s inputs.Source, script userdata.Script) string {
	if script.Frequency != "" {
		// Nothing runs those of vendor data, with cloud-init neither.
		return path.Join(state.CloudDir, s.Scripts, "per-"+script.Frequency)
	}
	return path.Join(dir, s.Scripts)
}

func (b *Boot) writeScript(dir string, script userdata.Script) error {
	_, err := b.o.Host.WriteFile(path.Join(dir, script.Name), script.Content.Reveal(), host.File{Mode: 0o700, Secret: true})
	return err
}

// runBoothook runs a boothook: at every boot, as soon as it is there.
func (b *Boot) runBoothook(ctx context.Context, dir string, hook userdata.Script) error {
	if err := b.writeScript(dir, hook); err != nil {
		return err
	}
	err := b.runner().onceABoot("boothook "+hook.Name, func() error {
		_, err := b.o.Host.Run(ctx, host.Command{
			Argv: []string{path.Join(dir, hook.Name)}, Env: []string{"INSTANCE_ID=" + b.instance.seed.InstanceID}, Pass: true, Timeout: host.NoTimeout,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("boothook %s: %w", hook.Name, err)
	}
	return nil
}
