package netconf

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

// Semaphore is that of writing the network's configuration, for each
// instance and, as cloud-init has it, for each boot.
const Semaphore = "apply_network_config"

// Apply writes the network's configuration when it is due; else it sees to the
// names of devices alone. The guest's own network service starts after the local stage;
// in a later one it is told of what changed.
func (n *Network) Apply(ctx context.Context) error {
	due, why, err := n.isDue()
	if err != nil {
		return err
	}
	if !due && !n.in.Early {
		return nil
	}
	nics := n.listDevices()
	p := n.source(nics)
	if !due {
		n.log.Info("no network configuration is applied: " + why)
		if p.Config != nil {
			n.rename(ctx, p.Config, nics)
		}
		return nil
	}
	n.log.Info("the network is to be configured: " + why)
	p, nics = n.awaitDevices(ctx, p, nics)
	if p.Config != nil && n.rename(ctx, p.Config, nics) {
		p = n.source(n.listDevices()) // what was in the way may be in the configuration by its MAC address
	}
	p = n.rendered(p)
	n.report(p.Problems)
	change, err := n.Write(ctx, p)
	if err != nil || n.in.Early {
		return err
	}
	return n.activate(ctx, change)
}

// Write does what a plan says, but for renaming devices and telling a running
// service. It gives what changed.
func (n *Network) Write(ctx context.Context, p Plan) (activate.Change, error) {
	change := activate.Change{Renderer: p.Renderer.Name}
	record := n.store.NetworkFiles()
	decided := state.Network{Source: p.Source, Renderer: p.Renderer.Name, Why: p.Why}
	if p.Config == nil {
		n.log.Info("the network is unchanged", "source", p.Source, "why", p.Why)
		return change, errors.Join(n.store.SetNetwork(decided), n.done(p))
	}
	// Before the files are there: what a power cut leaves is known to be ours.
	now, before := ours(p.Files), ours(p.Files)
	for file, sum := range record {
		if _, again := before[file]; !again {
			before[file] = sum
		}
	}
	if err := errors.Join(n.store.SetNetworkFiles(before), n.store.Sync()); err != nil {
		return change, err
	}
	var errs []error
	for _, f := range p.Files {
		changed, err := n.host.WriteFile(f.Path, f.Content, n.file(ctx, f))
		errs = append(errs, err)
		if changed {
			change.Files = append(change.Files, f)
		}
	}
	for _, file := range p.Removed {
		n.log.Info("its device is configured no more, so this file is removed", "file", file)
		if err := n.host.Remove(file); err != nil {
			errs = append(errs, err)
			now[file] = before[file]
			continue
		}
		change.Removed = append(change.Removed, file)
	}
	n.log.Debug(fmt.Sprintf("Selected renderer '%s' from priority list: %s", p.Renderer.Name, "['"+strings.Join(p.Renderer.Order, "', '")+"']"))
	n.log.Info("the network is configured", "source", p.Source, "renderer", p.Renderer.Name, "why", p.Why,
		"files", len(p.Files), "removed", len(change.Removed))
	return change, errors.Join(append(errs, n.store.SetNetworkFiles(now), n.store.SetNetwork(decided), n.done(p))...)
}

// Reapply applies the configuration that the sources of now give, whatever was
// applied before, and tells the running network service. Devices keep their names: they
// are in use.
func (n *Network) Reapply(ctx context.Context) (activate.Change, error) {
	p, err := n.Plan()
	if err != nil {
		return activate.Change{}, err
	}
	n.report(p.Problems)
	change, err := n.Write(ctx, p)
	if err != nil || change.Empty() || n.devices.Fixed {
		return change, err
	}
	return change, activate.Apply(ctx, change, Runner(n.host))
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

// done notes that a plan was carried out: for this boot, and for the instance if
// there is one.
func (n *Network) done(p Plan) error {
	if err := n.store.MarkThisBoot(Semaphore); err != nil || n.in.Seed == nil {
		return err
	}
	if p.stored != nil {
		if err := n.store.SetNetworkConfig(n.in.Seed.InstanceID, p.stored); err != nil {
			return err
		}
	}
	if p.nothing() {
		return nil // a device may be there at the next boot
	}
	if err := n.store.Begin(Semaphore, state.PerInstance); err != nil {
		return err
	}
	return n.store.End(Semaphore, state.PerInstance)
}

// activate tells the running network service of what changed.
func (n *Network) activate(ctx context.Context, change activate.Change) error {
	if change.Empty() || n.devices.Fixed {
		return nil
	}
	if disabled, _ := config.AsBool(n.in.Config.Get("disable_network_activation")); disabled {
		n.log.Info("the network is not brought up anew, as " + n.in.Config.Where("disable_network_activation") + " says")
		return nil
	}
	return activate.Apply(ctx, change, Runner(n.host))
}

// Runner runs the commands that activation needs on a machine.
func Runner(h *host.Host) activate.Run {
	return func(ctx context.Context, argv ...string) (string, error) {
		result, err := h.Run(ctx, host.Command{Argv: argv})
		if err != nil {
			err = fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
		return result.Stdout, err
	}
}
