package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/datasource"
	"cloudseed/inputs"
	"cloudseed/modules"
	"cloudseed/state"
)

// moduleList is a list of modules in cloud.cfg and the name that commands have for
// the stage that runs it.
type moduleList struct{ key, name string }

var moduleLists = []moduleList{
	{"cloud_init_modules", "init"},
	{"cloud_config_modules", "config"},
	{"cloud_final_modules", "final"},
}

// local is the first stage, before any network: it finds the seed, makes the machine
// the seed's instance, and writes the network's configuration. With dsmode local it
// also runs the init modules.
func (b *Boot) local(ctx context.Context) error {
	b.inputs.FetchConfigURL(ctx)
	b.config = b.inputs.SystemWithFiles()
	b.configureOutput(ctx, "cloud_init_modules")
	if err := b.find(ctx); err != nil {
		return err
	}
	if b.store.AwaitsSeed() {
		// With a seed on the network, it is the guest's own: what the system's
		// configuration says, or DHCP on the first device.
		return b.netconf().Apply(ctx)
	}
	if b.instance.seed == nil {
		return b.netconf().ApplyWithoutSeed(ctx) // why there is none was said already
	}
	b.reports.note(b.injectFiles())
	if err := b.become(ctx); err != nil {
		return err
	}
	input := b.readUserData(ctx, inputs.How{Apply: true})
	awaited := b.inputs.Awaited()
	if len(awaited) == 0 {
		b.runner().prepare(ctx) // else it is not known what is wanted
	}
	b.runner().setEarlyHostname(ctx)
	b.reports.note(b.netconf().Apply(ctx))
	if b.instance.seed.Mode != datasource.ModeLocal {
		b.o.Log.Info("the init modules wait for the network", "dsmode", b.instance.seed.Mode)
		return nil
	}
	if len(awaited) > 0 {
		// Difference from cloud-init: there user data that includes anything from the
		// network is lost with dsmode local, which is oVirt's.
		b.o.Log.Info("the init modules wait for the network, to fetch what user data includes", "urls", awaited)
		return nil
	}
	if name := b.runner().moduleOfTheNetwork(); name != "" {
		// Difference from cloud-init: there it fails.
		b.o.Log.Info("the init modules wait for the network, which one of them needs", "module", name)
		return nil
	}
	return b.initModules(ctx, input)
}

// moduleOfTheNetwork is the first of the init modules that needs the network and is
// still to run for this instance.
func (run *runner) moduleOfTheNetwork() string {
	for _, e := range run.entries("cloud_init_modules") {
		m, ok := modules.Find(e.name)
		if !ok || m.NeedsNetwork == nil || !m.NeedsNetwork(run.env(m, e.args)) {
			continue
		}
		if standing, err := run.standingOf("config_"+m.Name, frequencyOf(e, m)); err == nil && standing != state.Done {
			return m.Name
		}
	}
	return ""
}

// frequencyOf is how often a module runs: as its entry says, or else as itself.
func frequencyOf(e entry, m modules.Module) state.Frequency {
	if e.frequency != "" {
		return e.frequency
	}
	return m.Frequency
}

// network is the second stage, once the network is up: the init modules, unless the
// local stage has run them.
func (b *Boot) network(ctx context.Context) error {
	b.inputs.FetchConfigURL(ctx)
	awaited := b.store.AwaitsSeed()
	take := b.resume
	if awaited {
		take = b.fetchSeed
	}
	if err := take(ctx); err != nil || b.instance.seed == nil {
		return err
	}
	b.configureOutput(ctx, "cloud_init_modules")
	b.sayAddresses()
	applies := !b.store.HappenedThisBoot(initModulesMark)
	input := b.readUserData(ctx, inputs.How{Apply: applies, Online: true})
	b.reports.note(b.netconf().Apply(ctx))
	if !applies {
		b.o.Log.Info("the local stage has run the init modules")
		return nil
	}
	if awaited {
		b.runner().prepare(ctx)
	}
	return b.initModules(ctx, input)
}

// initModulesMark says for this boot that the init modules have run: those that
// always run do so once a boot.
const initModulesMark = "init-modules"

func (b *Boot) initModules(ctx context.Context, input *inputs.UserData) error {
	b.consume(ctx, input)
	b.configureOutput(ctx, "cloud_init_modules")
	if err := b.runner().runList(ctx, "cloud_init_modules"); err != nil {
		return err
	}
	return b.store.MarkThisBoot(initModulesMark)
}

// configStage is the third stage: what may take its time and needs the network.
func (b *Boot) configStage(ctx context.Context) error {
	return b.listStage(ctx, "cloud_config_modules")
}

// final is the last stage: packages and the user's own scripts.
func (b *Boot) final(ctx context.Context) error { return b.listStage(ctx, "cloud_final_modules") }

func (b *Boot) listStage(ctx context.Context, key string) error {
	if err := b.resume(ctx); err != nil || b.instance.seed == nil {
		return err
	}
	b.reports.alreadyTold(findings(b.readUserData(ctx, inputs.How{}))) // by the stage that ran the init modules
	b.configureOutput(ctx, key)
	return b.runner().runList(ctx, key)
}

func (b *Boot) configureOutput(ctx context.Context, list string) {
	if b.o.Output != nil {
		b.o.Output.Configure(ctx, b.config, stageOf(list))
	}
	b.reports.sayBanner()
}

// prepare lets the modules begin what takes long, if they are still to run for this
// instance.
func (run *runner) prepare(ctx context.Context) {
	if !run.o.Host.IsLive() {
		return // an image is not waiting to boot
	}
	for _, e := range run.entries("cloud_init_modules") {
		m, ok := modules.Find(e.name)
		if !ok || m.Prepare == nil {
			continue
		}
		standing, err := run.store.Standing("config_"+m.Name, frequencyOf(e, m))
		if err == nil && standing != state.Done {
			err = m.Prepare(ctx, run.env(m, e.args))
		}
		if err != nil {
			// Nothing is lost: the module does it all in its turn, and tells.
			run.o.Log.Debug("it could not begin early", "module", m.Name, "why", err.Error())
		}
	}
}

// setEarlyHostname gives the machine its name before the network comes up, so that
// DHCP asks by that name. The module itself comes in its turn.
func (run *runner) setEarlyHostname(ctx context.Context) {
	m, ok := modules.Find("set_hostname")
	if !ok || !run.instance.fresh || !run.listed("cloud_init_modules", m.Name) {
		return
	}
	env := run.env(m, nil)
	if !modules.HostnameGiven(env) {
		return
	}
	if err := errors.Join(m.Run(ctx, env), env.Err()); err != nil {
		run.o.Log.Debug("the early hostname did not work, the module will tell", "why", err.Error())
	}
}

func (run *runner) listed(key, name string) bool {
	for _, e := range run.entries(key) {
		if modules.CanonicalName(e.name) == name {
			return true
		}
	}
	return false
}

// stageSingle is what the log and the change log call a module that is run by hand.
const stageSingle = "single"

// Single runs one module by hand, whatever its list says. A frequency of "" is its
// own: a module that has run for this instance does not run again.
func (b *Boot) Single(ctx context.Context, name string, frequency state.Frequency, args []string) (ModuleReport, error) {
	m, ok := modules.Find(name)
	if !ok {
		if slices.Contains(modules.Absent, modules.CanonicalName(name)) {
			return ModuleReport{}, fmt.Errorf("cloudseed has no module %s, which is for other families of systems", modules.CanonicalName(name))
		}
		return ModuleReport{}, fmt.Errorf("there is no module %q; there are: %s", name, strings.Join(modules.Names(), ", "))
	}
	b.stage.name = stageSingle
	b.read()
	if err := b.resume(ctx); err != nil {
		return ModuleReport{}, err
	}
	if b.instance.seed == nil {
		return ModuleReport{}, errors.New("no instance was set up on this machine yet, so there is no configuration for a module to apply")
	}
	b.readUserData(ctx, inputs.How{})
	b.runner().runModule(ctx, m, entry{name: m.Name, frequency: frequency, args: args})
	b.runner().remember(b.reports.report.Modules)
	b.reports.note(b.o.Host.Relabel(ctx))
	if b.o.Output != nil {
		b.reports.note(b.o.Output.Close())
	}
	b.changePower(ctx)
	return b.reports.report.Modules[len(b.reports.report.Modules)-1], nil
}
