package boot

import (
	"context"
	"time"

	"cloudseed/inputs"
	"cloudseed/netconf"
	"cloudseed/state"
)

// The stages of a boot, and the steps of each, in their order.
var sequence = []struct {
	name  string
	steps []step
}{
	// Before any network.
	{state.StageLocal, []step{
		{name: "config-url", does: "fetch the configuration that the kernel's command line names by URL", run: (*Boot).fetchConfigURL},
		{name: "find-seed", does: "look for a seed on the machine's own devices and directories", needed: true, run: (*Boot).findSeed},
		{name: "network-until-seed", when: seedAwaited, does: "configure the network without the seed that is on it", needed: true, run: network((*netconf.Network).Apply)},
		{name: "network-without-seed", when: noSeed, does: "configure the network of a machine that has no seed", needed: true, run: network((*netconf.Network).ApplyWithoutSeed)},
		{name: "inject-files", when: seedHere, does: "write the files that a config drive holds", run: (*Boot).injectFiles},
		{name: "become-instance", when: seedHere, does: "become the instance of the seed", needed: true, run: (*Boot).become},
		{name: "read-user-data", when: seedHere, does: "read user data and vendor data", run: reads(inputs.How{Apply: true})},
		{name: "begin-early", when: nothingIncluded, does: "begin what takes long, such as host keys", run: runs((*runner).prepare)},
		{name: "early-hostname", when: seedHere, does: "set the hostname of a new instance, by which DHCP asks", run: runs((*runner).setEarlyHostname)},
		{name: "network", when: seedHere, does: "configure the network", run: network((*netconf.Network).Apply)},
		{name: "choose-stage", when: seedHere, does: "tell in which stage the init modules run, and whether they need the network", run: (*Boot).chooseStage},
		{name: "apply-user-data", when: modulesDue, does: "write user data and its scripts, run boothooks and part handlers", run: (*Boot).consume},
		{name: "init-modules", when: modulesDue, does: "run the modules of cloud_init_modules", needed: true, list: "cloud_init_modules"},
	}},
	// Before anybody can log in.
	{state.StageNetwork, []step{
		{name: "await-network", when: networkNeeded, does: "wait until the network is up", run: network((*netconf.Network).AwaitOnline)},
		{name: "config-url", does: "fetch the configuration that the kernel's command line names by URL", run: (*Boot).fetchConfigURL},
		{name: "resume-instance", when: seedNotAwaited, does: "take up the instance of the local stage", needed: true, run: (*Boot).resume},
		{name: "fetch-seed", when: seedAwaited, does: "fetch the seed and become its instance", needed: true, run: (*Boot).fetchSeed},
		{name: "addresses", when: isInstance, does: "print the machine's addresses and routes", run: (*Boot).sayAddresses},
		{name: "read-user-data", when: isInstance, does: "read user data and vendor data, with what they include", run: (*Boot).readUserDataOnline},
		{name: "network", when: isInstance, does: "configure the network, if that is due", run: network((*netconf.Network).Apply)},
		{name: "begin-early", when: becameInstance, does: "begin what takes long, such as host keys", run: runs((*runner).prepare)},
		{name: "apply-user-data", when: modulesDue, does: "write user data and its scripts, run boothooks and part handlers", run: (*Boot).consume},
		{name: "init-modules", when: modulesDue, does: "run the modules of cloud_init_modules", needed: true, list: "cloud_init_modules"},
	}},
	// What may take its time.
	{state.StageConfig, []step{
		{name: "resume-instance", does: "take up the instance of the local stage", needed: true, run: (*Boot).resume},
		{name: "read-user-data", when: isInstance, does: "read user data and vendor data as they were applied", run: (*Boot).readUserDataAgain},
		{name: "await-network", when: networkThere, does: "wait for network-online.target, after which cloud-init runs these modules", run: network((*netconf.Network).AwaitTarget)},
		{name: "config-modules", when: isInstance, does: "run the modules of cloud_config_modules", needed: true, list: "cloud_config_modules"},
	}},
	// Packages and the user's own scripts.
	{state.StageFinal, []step{
		{name: "resume-instance", does: "take up the instance of the local stage", needed: true, run: (*Boot).resume},
		{name: "read-user-data", when: isInstance, does: "read user data and vendor data as they were applied", run: (*Boot).readUserDataAgain},
		{name: "final-modules", when: isInstance, does: "run the modules of cloud_final_modules", needed: true, list: "cloud_final_modules"},
	}},
}

// step is a piece of a stage's work. It has either run or list.
type step struct {
	name   string // as the status, the log and the events have it
	when   condition
	does   string
	needed bool // the steps after it build on it: its error ends the stage
	run    func(*Boot, context.Context) error
	list   string // the key of the modules that it runs
}

// network is a step of the network's.
func network(does func(*netconf.Network, context.Context) error) func(*Boot, context.Context) error {
	return func(b *Boot, ctx context.Context) error { return does(b.netconf(), ctx) }
}

// runs is a step of the runner of modules.
func runs(does func(*runner, context.Context)) func(*Boot, context.Context) error {
	return func(b *Boot, ctx context.Context) error {
		does(b.runner(), ctx)
		return nil
	}
}

// reads is a step that reads user data.
func reads(how inputs.How) func(*Boot, context.Context) error {
	return func(b *Boot, ctx context.Context) error {
		b.readUserData(ctx, how)
		return nil
	}
}

// condition says when a step is taken; the zero value, always.
type condition struct {
	text  string
	holds func(*Boot) bool
}

var (
	seedAwaited    = condition{"the seed is on the network", func(b *Boot) bool { return b.store.AwaitsSeed() }}
	seedNotAwaited = condition{"the seed is not on the network", func(b *Boot) bool { return !b.store.AwaitsSeed() }}
	isInstance     = condition{"the machine is an instance", func(b *Boot) bool { return b.instance.seed != nil }}
	becameInstance = condition{"the seed came from the network", func(b *Boot) bool { return b.stage.settled }}
	noSeed         = condition{"there is no seed", func(b *Boot) bool { return b.instance.seed == nil && !b.store.AwaitsSeed() }}
	seedHere       = condition{"there is a seed", func(b *Boot) bool { return b.instance.seed != nil && !b.store.AwaitsSeed() }}

	networkNeeded = condition{"the local stage found that the network is needed", func(b *Boot) bool { return !b.o.Offline && b.store.NetworkNeed() != "" }}
	networkThere  = condition{"the machine is an instance", func(b *Boot) bool { return !b.o.Offline && isInstance.holds(b) }}

	nothingIncluded = condition{"user data includes nothing from the network", func(b *Boot) bool {
		return seedHere.holds(b) && len(b.read.inputs.Awaited()) == 0 // else it is not known what is wanted
	}}
	modulesDue = condition{"the init modules run in this stage", func(b *Boot) bool { return b.stage.modulesDue }}
)

// runSteps takes the steps of a stage whose conditions hold.
func (b *Boot) runSteps(ctx context.Context, steps []step) error {
	log := b.o.Log
	defer func() { b.o.Log, b.stage.step = log, "" }()
	for _, s := range steps {
		b.stage.step, b.o.Log = s.name, log.With("step", s.name)
		if s.when.holds != nil && !s.when.holds(b) {
			b.o.Log.Debug("skipped: "+b.stage.name+"/"+s.name, "unless", s.when.text)
			continue
		}
		err := b.runStep(ctx, s)
		if err != nil && s.needed {
			return err
		}
		b.reports.note(err)
	}
	return nil
}

// runStep takes a step, which is an event of the log.
func (b *Boot) runStep(ctx context.Context, s step) (err error) {
	event, begun := eventNames[b.stage.name].name+"/"+s.name, time.Now()
	b.reports.begins(event, s.does)
	b.reports.watched(Event{Stage: b.stage.name, Step: s.name})
	if s.list != "" {
		err = b.runModules(ctx, s.list)
	} else {
		stop := b.runner().tellOfWork("", &work{})
		err = s.run(b, ctx)
		stop()
	}
	result, took := eventSuccess, time.Since(begun)
	if err != nil {
		result = eventFail
	}
	b.reports.ends(event, result, s.does, took)
	b.reports.stepTook(b.stage.name+"/"+s.name, took)
	return err
}
