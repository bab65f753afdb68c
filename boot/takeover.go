package boot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cloudseed/state"
)

// takeOver runs what the stages before this one left undone in this boot: a stage that
// was killed, or that could not run, must not end in a boot that says "done". What may be
// repeated runs again; what may not, and had begun, is reported as interrupted. That a
// stage died is an error in any case. false: it could not be done, and nothing that builds
// on it is to run.
func (b *Boot) takeOver(ctx context.Context, name string) bool {
	if !b.store.BootBegun() {
		return true
	}
	for _, earlier := range sequence {
		if earlier.name == name {
			break
		}
		standing, err := b.store.StageStanding(earlier.name)
		if err == nil && standing == state.Done {
			continue
		}
		b.reports.note(errors.Join(err, fmt.Errorf("the stage %s %s; the stage %s runs what it left undone", earlier.name, undone[standing], name)))
		if !b.o.Offline { // it was not told whether the network is needed
			b.reports.note(b.netconf().AwaitOnline(ctx))
		}
		b.stage = stage{name: earlier.name, takingOver: true}
		b.readAnew()
		err = b.runSteps(ctx, earlier.steps)
		b.stage = stage{name: name}
		b.readAnew()
		if err != nil {
			b.reports.note(err)
			b.reports.note(fmt.Errorf("the stage %s does not run: the stage %s could not be done", name, earlier.name))
			return false
		}
		b.reports.note(b.store.StageDone(earlier.name))
	}
	return true
}

// undone says how a stage stands that did not end.
var undone = map[state.Standing]string{
	state.NotRun:      "did not run in this boot",
	state.Interrupted: "was killed before its end",
}

// standingOf is how a module stands. What is always done is due in each run of its stage,
// but not again when another stage takes over.
func (run *runner) standingOf(semaphore string, f state.Frequency) (state.Standing, error) {
	if f == state.Always && !run.stage.takingOver {
		return state.NotRun, nil
	}
	return run.store.Standing(semaphore, f)
}

// onceABoot runs a program of the user data that may end this very process, so that the
// stage that takes over does not run it again.
func (run *runner) onceABoot(what string, program func() error) error {
	sum := sha256.Sum256([]byte(what))
	name := "program_" + hex.EncodeToString(sum[:])
	standing, err := run.store.Standing(name, state.Always)
	switch {
	case err != nil:
		return err
	case standing == state.Interrupted:
		return errors.New("it ran when the stage was killed, and is not run again in this boot")
	case standing == state.Done && run.stage.takingOver:
		return nil
	}
	if err := run.store.Begin(name, state.Always); err != nil {
		return err
	}
	return errors.Join(program(), run.store.End(name, state.Always))
}
