package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
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

// fetchConfigURL is the step config-url.
func (b *Boot) fetchConfigURL(ctx context.Context) error {
	b.read.inputs.FetchConfigURL(ctx)
	return nil
}

// readUserDataOnline is the step read-user-data of the network stage, which applies user
// data unless the local stage did.
func (b *Boot) readUserDataOnline(ctx context.Context) error {
	b.stage.modulesDue = !b.store.HappenedThisBoot(initModulesMark)
	b.readUserData(ctx, inputs.How{Apply: b.stage.modulesDue, Online: true})
	if !b.stage.modulesDue {
		b.o.Log.Info("the local stage has run the init modules")
	}
	return nil
}

// readUserDataAgain is the step read-user-data of the stages after those that apply it, which
// have told what is wrong with it.
func (b *Boot) readUserDataAgain(ctx context.Context) error {
	in := b.readUserData(ctx, inputs.How{})
	b.reports.alreadyTold(func() []config.Problem { return findings(in) })
	return nil
}

// chooseStage is the step choose-stage: with dsmode local the init modules run in the local
// stage, unless something gets anything from the network; else in the network stage, which
// waits for the network if anything may use it.
func (b *Boot) chooseStage(context.Context) error {
	local, least := b.instance.seed.Mode == datasource.ModeLocal, modules.MayUseNetwork
	if local {
		// Difference from cloud-init: there what comes from the network is lost with
		// dsmode local, which is oVirt's.
		least = modules.NeedsNetwork
	}
	need := b.runner().needOfNetwork(least, b.stage.userData)
	b.stage.modulesDue = local && need == ""
	switch {
	case need != "":
		b.o.Log.Info("the init modules wait for the network: "+need, "dsmode", b.instance.seed.Mode)
	case !local:
		b.o.Log.Info("the init modules run in the network stage, and do not wait for the network", "dsmode", b.instance.seed.Mode)
	}
	return b.store.SetNetworkNeed(need)
}

// needOfNetwork says why the network is needed to apply user data and to run the init modules;
// "" if it is not. What is less than the least use does not count.
func (run *runner) needOfNetwork(least modules.NetworkUse, in *inputs.UserData) string {
	if urls := run.inputs.Awaited(); len(urls) > 0 {
		return "the configuration includes " + strings.Join(urls, ", ")
	}
	if name, use := run.moduleOfTheNetwork(least); name != "" {
		return name + " " + use
	}
	if program := in.Program(); program != "" && least <= modules.MayUseNetwork {
		return program + " may use it"
	}
	return ""
}

// moduleOfTheNetwork is the first of the init modules that uses the network and is still to
// run for this instance, and how.
func (run *runner) moduleOfTheNetwork(least modules.NetworkUse) (name, use string) {
	for _, e := range run.entries("cloud_init_modules") {
		m, ok := modules.Find(e.name)
		if !ok || !run.isActive(m, e) {
			continue
		}
		u := m.Network(run.env(m, e.args))
		if u < least || u == modules.NoNetwork {
			continue
		}
		standing, err := run.standingOf("config_"+m.Name, frequencyOf(e, m))
		if err != nil || standing == state.Done {
			continue
		}
		if u == modules.NeedsNetwork {
			return m.Name, "needs it"
		}
		return m.Name, "may use it"
	}
	return "", ""
}

// frequencyOf is how often a module runs: as its entry says, or else as itself.
func frequencyOf(e entry, m modules.Module) state.Frequency {
	if e.frequency != "" {
		return e.frequency
	}
	return m.Frequency
}

// initModulesMark says for this boot that the init modules have run: those that
// always run do so once a boot.
const initModulesMark = "init-modules"

// runModules is a step that runs a list of modules.
func (b *Boot) runModules(ctx context.Context, list string) error {
	b.configureOutput(ctx, list)
	b.runner().configureReporting(ctx, list)
	b.reports.stageBegins(b.stage.name)
	if err := b.runner().runList(ctx, list); err != nil || list != string(modules.InitStage) {
		return err
	}
	return b.store.MarkThisBoot(initModulesMark)
}

func (b *Boot) configureOutput(ctx context.Context, list string) {
	if b.o.Output != nil {
		b.o.Output.Configure(ctx, b.read.config, stageOf(list))
	}
	b.reports.sayBanner()
}

// prepare is the step begin-early: it lets the modules begin what takes long, if they are
// still to run for this instance.
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

// setEarlyHostname is the step early-hostname: DHCP asks by the machine's name. The module
// itself comes in its turn.
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
	b.stage = stage{name: stageSingle}
	b.readAnew()
	if err := b.resume(ctx); err != nil {
		return ModuleReport{}, err
	}
	if b.instance.seed == nil {
		return ModuleReport{}, errors.New("no instance was set up on this machine yet, so there is no configuration for a module to apply")
	}
	b.readUserData(ctx, inputs.How{})
	b.runner().runModule(ctx, m, entry{name: m.Name, frequency: frequency, args: args})
	b.runner().remember(b.reports.report.Modules)
	b.reports.note(errors.Join(b.o.Host.Relabel(ctx), b.store.Sync()))
	if b.o.Output != nil {
		b.reports.note(b.o.Output.Close())
	}
	b.changePower(ctx)
	return b.reports.report.Modules[len(b.reports.report.Modules)-1], nil
}
