package boot

import (
	"math"

	"cloudseed/modules"
	"cloudseed/state"
)

// progress is how the boot went until now: what the status has of the stages that ended,
// and of this one what will be there.
func (run *runner) progress() modules.Progress {
	p := modules.Progress{Seconds: map[string]float64{}}
	if status, err := run.store.Status(); err == nil && status != nil {
		for _, stage := range state.Stages {
			at := status.Stages[stage]
			if at.Start == nil {
				continue
			}
			end := run.o.Host.Uptime().Seconds()
			if at.Finished != nil {
				end = *at.Finished
			}
			p.Seconds[stage] = math.Round((end-*at.Start)*1000) / 1000
			p.Errors = append(p.Errors, at.Errors...)
			p.Degraded = p.Degraded || len(at.RecoverableErrors) > 0
		}
	}
	p.Errors = append(p.Errors, run.reports.report.Errors[run.reports.before:]...)
	p.Degraded = p.Degraded || len(run.reports.warnings()) > 0
	return p
}
