package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/nocloud"
	"cloudseed/datasource/none"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/netconf"
	"cloudseed/printable"
	"cloudseed/state"
)

// Sources are the kinds of seeds, in the order in which they are looked for where the
// configuration has none.
func Sources() []datasource.Source {
	return []datasource.Source{nocloud.Source{Misplaced: modules.MisplacedInMetadata()}, configdrive.Source{}, none.Source{}}
}

// SystemConfig is a machine's own configuration, without a seed's. What is wrong with it
// is not told.
func SystemConfig(h *host.Host) *config.Value {
	return New(Options{Host: h, Log: slog.New(slog.DiscardHandler)}).read.inputs.SystemWithFiles().Root()
}

// findSeed looks for a seed. b.instance.seed stays nil if there is none and there never was; then
// this boot is over for the agent, and everything that waits for it is told - unless
// there may be a seed on the network: then the network stage looks again.
func (b *Boot) findSeed(ctx context.Context) error {
	b.read.config = b.read.inputs.SystemWithFiles()
	b.configureOutput(ctx, string(modules.InitStage))
	policy, err := readPolicy(b.o.Host, b.o.Cmdline)
	b.reports.note(err)
	if policy.disabled {
		return b.disable("the policy in " + identifyConfig + " or on the kernel's command line is disabled")
	}
	seed, report := b.search(ctx, nil)
	if d := netconf.DevicesOf(b.o.Host, b.o.Devices); (seed == nil || seed.Partial) && b.o.Seed == "" && !d.Fixed {
		// A device that is still being set up has no seed yet.
		settled, cancel := context.WithTimeout(ctx, netconf.SettleTime)
		defer cancel()
		waited, err := d.Settle(settled)
		if err != nil {
			b.o.Log.Warn("cannot wait for devices: " + err.Error())
		}
		if waited { // even in vain: what has come meanwhile is there
			seed, report = b.search(ctx, nil)
		}
	}
	trace(b.o.Log, report)
	b.reports.note(b.identified(seed, report))
	if seed != nil {
		b.reports.problems(seed.Problems)
		b.instance.seed, b.instance.found = seed, true
		return nil
	}
	if b.o.Seed != "" {
		return fmt.Errorf("there is no seed here: %s", report.Summary())
	}
	cached, err := b.cached()
	if err != nil {
		b.reports.note(err)
	}
	b.instance.seed = cached
	if urls := append(report.Awaited(), b.read.inputs.Awaited()...); len(urls) > 0 {
		b.o.Log.Info("waiting for the network to fetch " + strings.Join(urls, ", "))
		return errors.Join(b.store.AwaitSeed(urls), b.store.Enable())
	}
	if cached != nil {
		// The medium is gone, as oVirt takes it away after the first boot. The guest
		// stays what it is.
		b.o.Log.Info("no seed is attached: the machine stays the instance that it was", "instance", cached.InstanceID)
		return nil
	}
	if b.refused(report) {
		return nil
	}
	return b.disable("no seed was found: " + report.Summary())
}

// refused ends a boot without a seed with errors, if there was one that cannot be used:
// somebody gave it to this machine, so it is not a boot without one.
func (b *Boot) refused(report datasource.Report) bool {
	refused := report.Refused()
	for _, a := range refused {
		b.reports.note(errors.New(a.String()))
	}
	b.over = b.over || len(refused) > 0
	return len(refused) > 0
}

// search looks for a seed in all places; in those on the network if get is given.
func (b *Boot) search(ctx context.Context, get func(context.Context, string, bool) ([]byte, error)) (*datasource.Seed, datasource.Report) {
	policy, _ := readPolicy(b.o.Host, b.o.Cmdline) // find has told what is wrong with it
	return datasource.Find(ctx, datasource.Search{
		Named: policy.datasource,
		Host:  b.o.Host, Config: b.read.config.Root(), Cmdline: b.o.Cmdline, Only: b.o.Seed, Name: b.o.SeedName, Log: b.o.Log, Sources: Sources(),
		DMI: func(name string) string { return dmi(ctx, b.o.Host, b.o.Log, name) }, Fetch: get, Instance: b.store.PreviousID,
	})
}

func trace(log *slog.Logger, report datasource.Report) {
	for _, line := range report {
		log.Debug("searching for a seed", "tried", line.Where, "outcome", line.Outcome)
	}
}

func (b *Boot) disable(why string) error {
	b.o.Log.Info(why)
	return b.store.Disable(why)
}

// cached is the seed of the instance that the machine was last; nil if it never was
// one.
func (b *Boot) cached() (*datasource.Seed, error) {
	id, err := b.store.PreviousID()
	if err != nil || id == "" {
		return nil, err
	}
	return loadSeed(b.o.Host, id)
}

// seedFile keeps the seed in its instance's directory for the later stages and for
// boots without the medium. cloud-init's obj.pkl is the same.
const seedFile = "seed.json"

func loadSeed(h *host.Host, id string) (*datasource.Seed, error) {
	file := path.Join(state.InstanceDir(id), seedFile)
	data, err := h.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the seed of instance %s: %w", id, err)
	}
	seed, err := datasource.DecodeCache(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the seed of instance %s in %s: %w", id, file, err)
	}
	return seed, nil
}

// become makes the machine the seed's instance.
func (b *Boot) become(ctx context.Context) error {
	previous, err := b.store.PreviousID()
	if err != nil {
		return err
	}
	b.stage.settled = true
	b.instance.fresh = previous == "" || state.InstanceDir(previous) != state.InstanceDir(b.instance.seed.InstanceID)
	b.reports.identify(b.instance.seed)
	if b.o.Ledger != nil {
		b.o.Ledger.SetInstance(b.instance.seed.InstanceID)
	}
	b.use(ctx)
	b.o.Log.Info("found the seed", "datasource", b.instance.seed.Description, "instance", b.instance.seed.InstanceID, "new", b.instance.fresh)
	b.tellOfNewInstance(previous)
	cache, err := b.instance.seed.EncodeCache()
	if err != nil {
		return err
	}
	if b.instance.fresh {
		// As with cloud-init, also when the machine was this instance before.
		if err := b.store.Owe(b.instance.seed.InstanceID, netconf.Semaphore); err != nil {
			return err
		}
	}
	// The seed before the instance: an instance that is announced can be resumed.
	if err := b.store.Write(path.Join(state.InstanceDir(b.instance.seed.InstanceID), seedFile), cache); err != nil {
		return err
	}
	// cloud-init puts the class's name before the text that starts with it too.
	class, _, _ := strings.Cut(b.instance.seed.Description, " ")
	err = b.store.Become(state.Instance{ID: b.instance.seed.InstanceID, Datasource: class + ": " + b.instance.seed.Description})
	if err != nil {
		return err
	}
	return errors.Join(
		b.store.Enable(), b.store.SetDatasource(b.instance.seed.Description), b.store.Announce(b.instance.seed.InstanceID),
		b.store.WriteInstanceData(b.read.inputs.Facts()),
	)
}

// tellOfNewInstance says to those who watch, and in the change log, that the machine becomes
// another instance: its host keys and passwords change with it.
func (b *Boot) tellOfNewInstance(previous string) {
	if !b.instance.fresh || previous == "" {
		return
	}
	message := fmt.Sprintf("new instance: id %s, was %s", b.instance.seed.InstanceID, previous)
	b.o.Log.Info(message)
	b.o.Host.As(b.stage.name, "").Note(host.Effect{Kind: host.KindInstance, Value: b.instance.seed.InstanceID, Before: previous})
	b.reports.note(b.store.SetPrevious(previous))
	if b.o.Console == nil {
		return
	}
	if _, err := printable.Fprintf(b.o.Console, "cloudseed: %s; host keys and passwords change with it\n", message); err != nil {
		b.o.Log.Debug("cannot write to the console: " + err.Error())
	}
}

// resume takes up the instance that the local stage of this boot settled on. b.instance.seed
// stays nil when there is none.
func (b *Boot) resume(ctx context.Context) error {
	if b.instance.seed != nil { // the local stage ran in this process
		b.use(ctx)
		return nil
	}
	id, err := b.store.Announced()
	if err != nil {
		return err
	}
	if id == "" {
		// By hand on a machine that was not booted with us, or in another root.
		if id, err = b.store.PreviousID(); err != nil {
			return err
		}
	}
	if id != "" {
		if b.instance.seed, err = loadSeed(b.o.Host, id); err != nil {
			return err
		}
	}
	if b.instance.seed == nil {
		b.o.Log.Info("there is no instance to configure")
		return nil
	}
	b.reports.identify(b.instance.seed)
	if b.o.Ledger != nil {
		b.o.Ledger.SetInstance(id)
	}
	b.use(ctx)
	return nil
}
