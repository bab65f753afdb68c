package boot

import (
	"context"
	"errors"
	"fmt"
	"path"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/network/render"
	"cloudseed/state"
)

// networkWork is the semaphore of writing the network's configuration: once for each
// instance, as with cloud-init, so that what an administrator changes later stays.
const networkWork = "apply_network_config"

// applyNetwork writes the network's configuration for the guest's own network service,
// which starts after this stage.
func (b *Boot) applyNetwork(ctx context.Context) error {
	if b.Host.Exists(state.CloudDir + "/data/upgraded-network") {
		b.Log.Info("the network is left alone, as data/upgraded-network says")
		return nil
	}
	standing, err := b.store.Standing(networkWork, state.PerInstance)
	if err != nil || standing == state.Done {
		return err
	}
	nics, err := network.Interfaces(path.Join(b.Host.Root(), "sys"))
	if err != nil {
		b.Log.Warn("cannot list the network devices: " + err.Error())
	}
	c, source := b.networkConfig(nics)
	if c == nil {
		return nil
	}
	if err := b.store.Begin(networkWork, state.PerInstance); err != nil {
		return err
	}
	if err := b.rename(ctx, c, nics); err != nil {
		b.Log.Warn("cannot rename network devices: " + err.Error())
	}
	choice := b.renderer()
	files, problems := choice.Render(c, b.existing)
	b.problems(problems)
	h := b.Host.As(b.stage, "network")
	var errs []error
	for _, f := range files {
		_, err := h.WriteFile(f.Path, f.Content, b.networkFile(f))
		errs = append(errs, err)
	}
	b.Log.Info("the network is configured", "source", source, "renderer", choice.Name, "why", choice.Reason, "files", len(files))
	return errors.Join(append(errs, b.store.End(networkWork, state.PerInstance))...)
}

// existing is what is in a file now, nil when there is none.
func (b *Boot) existing(file string) []byte {
	data, err := b.Host.ReadFile(file)
	if err != nil {
		return nil // not there, or not to be read: it is written anew
	}
	return data
}

// renderer is whom to tell how the network is to be, and why.
//
// Difference from cloud-init: on a machine that has none of them, keyfiles are written
// with a warning; cloud-init writes nothing.
func (b *Boot) renderer() render.Choice {
	var order []string
	for _, item := range b.config.Get("system_info.network.renderers").Items() {
		order = append(order, item.Text())
	}
	choice, err := render.Choose(order, render.Machine{
		Exists: func(pattern string) bool {
			found, err := b.Host.Glob(pattern)
			return err == nil && len(found) > 0
		},
		Command: func(name string) bool {
			_, err := b.Host.LookPath(name)
			return err == nil
		},
		Enabled: b.Host.UnitEnabled,
	})
	if err != nil {
		b.Log.Warn(err.Error() + "; keyfiles for NetworkManager are written all the same")
		return render.Choice{Name: render.NetworkManager, Reason: "there is no other"}
	}
	return choice
}

// networkConfig is the network's description from the first source that has one, and
// that source: system configuration, which the kernel's command line is part of, then
// the seed, and DHCP on the first device if nobody says anything. nil: the network is to
// be left alone.
func (b *Boot) networkConfig(nics []network.NIC) (c *network.Config, source string) {
	if system := config.New(b.systemLayers()...).Get("network"); !system.IsNull() {
		var problems []config.Problem
		c, problems = network.Parse(system, nics)
		b.problems(problems)
		source = system.Pos().File
	}
	if c == nil && b.seed.Network != nil {
		c, source = b.seedNetwork(nics), b.seed.Network.Name
	}
	if c == nil {
		c, source = network.Fallback(nics), "DHCP on the first device, since nothing else is said"
	}
	switch {
	case c == nil:
		b.Log.Info("there is no network device to configure")
		return nil, ""
	case c.Disabled:
		b.Log.Info("the network is left alone, as " + source + " says")
		return nil, ""
	}
	return c, source
}

// seedNetwork reads the seed's description of the network, in its language.
func (b *Boot) seedNetwork(nics []network.NIC) *network.Config {
	n := b.seed.Network
	if n.Format == datasource.FormatENI {
		c, problems := network.ParseENI(n.Name, string(n.Data), b.Host)
		b.problems(append(problems, network.AdoptByOrder(c, nics)...))
		return c
	}
	value, problems, err := config.Parse(n.Name, n.Data)
	b.problems(problems)
	if err != nil {
		b.note(fmt.Errorf("%w; the network is not configured from it", err))
		return nil
	}
	parse := network.Parse
	if n.Format == datasource.FormatOpenStack {
		parse = network.ParseOpenStack
	}
	c, problems := parse(value, nics)
	b.problems(problems)
	return c
}

// rename gives devices the names that the configuration has for them.
func (b *Boot) rename(ctx context.Context, c *network.Config, nics []network.NIC) error {
	if !b.Host.IsLive() {
		return nil
	}
	network.MarkBusy(nics)
	steps := network.Renames(c, nics)
	h := b.Host.As(b.stage, "network")
	return network.Apply(steps, func(argv ...string) error {
		_, err := h.Run(ctx, host.Command{Argv: argv})
		return err
	})
}
