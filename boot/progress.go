package boot

import (
	"math"

	"cloudseed/modules"
	"cloudseed/state"
)

// progress is how the boot went until now: what the status has of the stages that ended,
// and of this one what will be there.
func (b *Boot) progress() modules.Progress {
	p := modules.Progress{Seconds: map[string]float64{}}
	if status, err := b.store.Status(); err == nil && status != nil {
		for _, stage := range state.Stages {
			at := status.Stages[stage]
			if at.Start == nil {
				continue
			}
			end := b.Host.Uptime().Seconds()
			if at.Finished != nil {
				end = *at.Finished
			}
			p.Seconds[stage] = math.Round((end-*at.Start)*1000) / 1000
			p.Errors = append(p.Errors, at.Errors...)
			p.Degraded = p.Degraded || len(at.RecoverableErrors) > 0
		}
	}
	p.Errors = append(p.Errors, b.report.Errors[b.before:]...)
	p.Degraded = p.Degraded || len(b.warnings()) > 0
	return p
}

// warnings are the stage's warnings and worse until now, by their levels.
func (b *Boot) warnings() map[string][]string {
	if b.Warnings == nil {
		return b.warned
	}
	for level, messages := range b.Warnings() {
		if b.warned == nil {
			b.warned = map[string][]string{}
		}
		b.warned[level] = append(b.warned[level], messages...)
	}
	return b.warned
}
