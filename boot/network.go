package boot

import (
	"context"
	"errors"
	"path"
	"slices"

	"cloudseed/datasource"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/netconf"
	"cloudseed/network/activate"
	"cloudseed/state"
)

// netconf is the machine's network, by what is known of it in this stage.
func (b *Boot) netconf() *netconf.Network {
	return netconf.New(netconf.Options{
		Host: b.o.Host.As(b.stage.name, "network"), Store: b.store, Log: b.o.Log, Cmdline: b.o.Cmdline, Devices: b.o.Devices, Report: b.reports.problems,
	}, netconf.Inputs{
		Seed: b.instance.seed, New: b.instance.fresh, Here: b.instance.found, Early: b.stage.name == state.StageLocal,
		Config: b.read.config, System: b.read.inputs.System(),
	})
}

// PlanNetwork works out the network's configuration by the sources of now: those of the
// present instance, if there is one. It changes nothing.
func (b *Boot) PlanNetwork(ctx context.Context) (netconf.Plan, error) {
	if err := b.resume(ctx); err != nil {
		return netconf.Plan{}, err
	}
	return b.netconf().Plan()
}

// ReapplyNetwork applies the configuration that PlanNetwork gives, whatever was applied
// before, and tells the running network service.
func (b *Boot) ReapplyNetwork(ctx context.Context) (activate.Change, error) {
	if err := b.resume(ctx); err != nil {
		return activate.Change{}, err
	}
	return b.netconf().Reapply(ctx)
}

// ErrNoInstance says that the machine is no instance, so that nothing is known of how it
// is to be.
var ErrNoInstance = errors.New("no instance was set up on this machine yet")

// HotplugEnabled reports whether devices are to be configured when they are plugged in:
// the events of user data or the system's configuration have it, or it was enabled by
// hand.
func (b *Boot) HotplugEnabled(ctx context.Context) (bool, error) {
	if err := b.resume(ctx); err != nil {
		return false, err
	}
	if b.instance.seed == nil {
		return false, ErrNoInstance
	}
	b.readUserData(ctx, inputs.How{})
	if b.netconf().WantsHotplug() {
		return true, nil
	}
	scopes, err := modules.HotplugScopes(b.o.Host, state.CloudDir)
	return slices.Contains(scopes, modules.HotplugScope), err
}

// PluggedIn configures a network device that has come, if that is enabled.
func (b *Boot) PluggedIn(ctx context.Context, name string) error {
	b.stage = stage{name: "hotplug"}
	b.readAnew()
	enabled, err := b.HotplugEnabled(ctx)
	if err != nil {
		return err
	}
	if !enabled {
		b.o.Log.Info("a network device was plugged in, and is not configured: updates.network.when has no hotplug", "device", name)
		return nil
	}
	return b.netconf().PluggedIn(ctx, name, b.refreshSeed)
}

// refreshSeed reads the seed again; nil if it is not there any more, or another instance's.
func (b *Boot) refreshSeed(ctx context.Context) *datasource.Seed {
	seed, report := b.searchNetwork(ctx) // there is a network: devices are added to a machine that runs
	if seed == nil || seed.InstanceID != b.instance.seed.InstanceID {
		b.o.Log.Debug("the seed is not here now; what is remembered of it counts", "why", report.Summary())
		return nil
	}
	b.instance.seed = seed
	cache, err := seed.EncodeCache()
	if err == nil {
		err = b.store.Write(path.Join(state.InstanceDir(seed.InstanceID), seedFile), cache)
	}
	b.reports.note(err)
	return seed
}
