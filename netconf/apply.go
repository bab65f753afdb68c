package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/network/activate"
	"cloudseed/state"
)

// networkWork is the semaphore of writing the network's configuration, for each
// instance and, as cloud-init has it, for each boot.
const networkWork = "apply_network_config"

// applyNetwork writes the network's configuration when it is due; else it sees to the
// names of devices alone. The guest's own network service starts after the local stage;
// in a later one it is told of what changed.
func (b *Boot) applyNetwork(ctx context.Context) error {
	due, why, err := b.networkDue()
	if err != nil {
		return err
	}
	if !due && b.stage != state.StageLocal {
		return nil
	}
	nics := b.listDevices()
	p := b.networkSource(nics)
	if !due {
		b.Log.Info("no network configuration is applied: " + why)
		if p.Config != nil {
			b.rename(ctx, p.Config, nics)
		}
		return nil
	}
	b.Log.Info("the network is to be configured: " + why)
	p, nics = b.awaitDevices(ctx, p, nics)
	if p.Config != nil && b.rename(ctx, p.Config, nics) {
		p = b.networkSource(b.listDevices()) // what was in the way may be in the configuration by its MAC address
	}
	p = b.rendered(p)
	b.problems(p.Problems)
	change, err := b.ApplyNetwork(p)
	if err != nil || b.stage == state.StageLocal {
		return err
	}
	return b.activateNetwork(ctx, change)
}

// ApplyNetwork does what a plan says, but for renaming devices and telling a running
// service. It gives what changed.
func (b *Boot) ApplyNetwork(p NetworkPlan) (activate.Change, error) {
	change := activate.Change{Renderer: p.Renderer.Name}
	record := b.store.NetworkFiles()
	decided := state.Network{Source: p.Source, Renderer: p.Renderer.Name, Why: p.Why}
	if p.Config == nil {
		b.Log.Info("the network is unchanged", "source", p.Source, "why", p.Why)
		return change, errors.Join(b.store.SetNetwork(decided), b.networkDone(p))
	}
	// Before the files are there: what a power cut leaves is known to be ours.
	now, before := ours(p.Files), ours(p.Files)
	for file, sum := range record {
		if _, again := before[file]; !again {
			before[file] = sum
		}
	}
	if err := b.store.SetNetworkFiles(before); err != nil {
		return change, err
	}
	h := b.Host.As(b.stage, "network")
	var errs []error
	for _, f := range p.Files {
		changed, err := h.WriteFile(f.Path, f.Content, b.networkFile(f))
		errs = append(errs, err)
		if changed {
			change.Files = append(change.Files, f)
		}
	}
	for _, file := range p.Removed {
		b.Log.Info("its device is configured no more, so this file is removed", "file", file)
		if err := h.Remove(file); err != nil {
			errs = append(errs, err)
			now[file] = before[file]
			continue
		}
		change.Removed = append(change.Removed, file)
	}
	b.Log.Info("the network is configured", "source", p.Source, "renderer", p.Renderer.Name, "why", p.Why,
		"files", len(p.Files), "removed", len(change.Removed))
	return change, errors.Join(append(errs, b.store.SetNetworkFiles(now), b.store.SetNetwork(decided), b.networkDone(p))...)
}

// ReapplyNetwork applies the configuration that the sources of now give, whatever was
// applied before, and tells the running network service. Devices keep their names: they
// are in use.
func (b *Boot) ReapplyNetwork(ctx context.Context) (activate.Change, error) {
	p, err := b.PlanNetwork(ctx)
	if err != nil {
		return activate.Change{}, err
	}
	b.problems(p.Problems)
	change, err := b.ApplyNetwork(p)
	if err != nil || change.Empty() || b.devices().Fixed {
		return change, err
	}
	return change, activate.Apply(ctx, change, NetworkRunner(b.Host.As(b.stage, "network")))
}

// ours are the files that no one else has a part in, by the digests of their contents.
func ours(files []network.File) map[string]string {
	sums := map[string]string{}
	for _, f := range files {
		if !f.Shared {
			sums[f.Path] = digest(f.Content)
		}
	}
	return sums
}

// networkDone notes that a plan was carried out: for this boot, and for the instance if
// there is one.
func (b *Boot) networkDone(p NetworkPlan) error {
	if err := b.store.MarkThisBoot(networkWork); err != nil || b.seed == nil {
		return err
	}
	if p.stored != nil {
		if err := b.store.SetNetworkConfig(b.seed.InstanceID, p.stored); err != nil {
			return err
		}
	}
	if p.nothing() {
		return nil // a device may be there at the next boot
	}
	if err := b.store.Begin(networkWork, state.PerInstance); err != nil {
		return err
	}
	return b.store.End(networkWork, state.PerInstance)
}

// activateNetwork tells the running network service of what changed.
func (b *Boot) activateNetwork(ctx context.Context, change activate.Change) error {
	if change.Empty() || b.devices().Fixed {
		return nil
	}
	if disabled, _ := config.AsBool(b.config.Get("disable_network_activation")); disabled {
		b.Log.Info("the network is not brought up anew, as " + b.config.Where("disable_network_activation") + " says")
		return nil
	}
	return activate.Apply(ctx, change, NetworkRunner(b.Host.As(b.stage, "network")))
}

// NetworkRunner runs the commands that activation needs on a machine.
func NetworkRunner(h *host.Host) activate.Run {
	return func(ctx context.Context, argv ...string) (string, error) {
		result, err := h.Run(ctx, host.Command{Argv: argv})
		if err != nil {
			err = fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
		return result.Stdout, err
	}
}
