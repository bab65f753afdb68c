package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloudseed/datasource"
	"cloudseed/inputs"
)

// fetchSeed looks again for the seed that the local stage could not reach without a
// network, and makes the machine its instance. Without it a machine that was an instance
// before stays that instance; one that was none keeps the network that it has, and this
// boot ends with an error.
//
// Difference from cloud-init: the seed's own description of the network counts too; there
// it is fetched and left alone.
func (b *Boot) fetchSeed(ctx context.Context) error {
	b.instance.seed, b.read.config = nil, b.read.inputs.SystemWithFiles()
	seed, report := b.searchNetwork(ctx)
	trace(b.o.Log, report)
	if seed != nil {
		b.reports.problems(seed.Problems)
		b.instance.seed, b.instance.found = seed, true
		b.reports.note(b.injectFiles(ctx))
		if err := b.become(ctx); err != nil {
			return err
		}
		b.reports.note(b.netconf().Apply(ctx))
		return nil
	}
	why := notFetched(report)
	cached, err := b.cached()
	if err != nil {
		b.reports.note(err)
	}
	if cached == nil {
		b.over = true
		if why == nil && !b.refused(report) {
			return b.disable("no seed was found: " + report.Summary())
		}
		return why
	}
	if why != nil {
		b.reports.note(fmt.Errorf("%w; the machine stays the instance %s", why, cached.InstanceID))
	}
	b.instance.seed = cached
	return b.become(ctx)
}

func (b *Boot) searchNetwork(ctx context.Context) (*datasource.Seed, datasource.Report) {
	ctx, cancel := context.WithTimeoutCause(ctx, inputs.SeedTime, fmt.Errorf("the seed was not there within %s", inputs.SeedTime))
	defer cancel()
	return b.search(ctx, b.read.inputs.FetchSeedFile)
}

// notFetched is what kept a seed from being had; nil if nothing promised one.
func notFetched(report datasource.Report) error {
	var reasons []string
	for _, a := range report {
		if a.Warning {
			reasons = append(reasons, a.Outcome)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return errors.New("there is no seed: " + strings.Join(reasons, "; "))
}
