package boot

import (
	"sync"

	"cloudseed/config"
	"cloudseed/guest/power"
	"cloudseed/inputs"
	"cloudseed/state"
)

// runner runs modules, by what is known when it is asked for.
type runner struct {
	o        *Options
	store    *state.Store
	reports  *reports
	stage    stage
	instance instance
	inputs   *inputs.Reader
	config   *config.Config
	requests *[]power.Request

	distribution func() string // ID of os-release
}

func (b *Boot) runner() *runner {
	return &runner{
		o: &b.o, store: b.store, reports: b.reports, stage: b.stage, instance: b.instance, inputs: b.read.inputs, config: b.read.config, requests: &b.requests,
		distribution: sync.OnceValue(func() string { return inputs.Distribution(b.o.Host) }),
	}
}
