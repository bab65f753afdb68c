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
	"cloudseed/network/render/networkmanager"
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
	c := b.networkConfig(nics)
	if c == nil {
		return nil
	}
	if err := b.store.Begin(networkWork, state.PerInstance); err != nil {
		return err
	}
	if err := b.rename(ctx, network.Renames(c, nics)); err != nil {
		b.Log.Warn("cannot rename network devices: " + err.Error())
	}
	files, problems := networkmanager.Render(c)
	b.problems(problems)
	h := b.Host.As(b.stage, "network")
	var errs []error
	for _, f := range files {
		// A keyfile may hold the secrets of a wireless network.
		_, err := h.WriteFile(f.Path, f.Content, host.File{Mode: f.Mode})
		errs = append(errs, err)
	}
	b.Log.Info("the network is configured", "renderer", "NetworkManager keyfiles", "source", c.Source, "files", len(files))
	return errors.Join(append(errs, b.store.End(networkWork, state.PerInstance))...)
}

// networkConfig is the network's description from the first source that has one:
// kernel command line and system configuration before the seed, and DHCP on the first
// device if nobody says anything. nil: the network is to be left alone.
func (b *Boot) networkConfig(nics []network.NIC) *network.Config {
	if system := config.New(b.systemLayers()...).Get("network"); !system.IsNull() {
		c, problems := network.Parse(system, nics)
		b.problems(problems)
		if c != nil {
			return b.chosen(c, system.Pos().File)
		}
	}
	if b.seed.Network != nil {
		if c := b.seedNetwork(nics); c != nil {
			return b.chosen(c, b.seed.Network.Name)
		}
	}
	if c := network.Fallback(nics); c != nil {
		return b.chosen(c, "fallback: DHCP on the first device")
	}
	b.Log.Info("there is no network device to configure")
	return nil
}

func (b *Boot) chosen(c *network.Config, source string) *network.Config {
	c.Source = source
	if c.Disabled {
		b.Log.Info("the network is left alone, as " + source + " says")
		return nil
	}
	return c
}

// seedNetwork reads the seed's description of the network, in its language.
func (b *Boot) seedNetwork(nics []network.NIC) *network.Config {
	n := b.seed.Network
	if n.Format == datasource.FormatENI {
		c, problems := network.ParseENI(n.Name, string(n.Data), b.Host.ReadFile)
		b.problems(problems)
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
func (b *Boot) rename(ctx context.Context, plan []network.Rename) error {
	if len(plan) == 0 || !b.Host.IsLive() {
		return nil
	}
	h := b.Host.As(b.stage, "network")
	return network.ApplyRenames(plan, func(argv ...string) error {
		_, err := h.Run(ctx, host.Command{Argv: argv})
		return err
	})
}
